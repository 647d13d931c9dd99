"""Whole sweeps, start-up included: by-the-book Hydra + Lightning against sweeplab, on the same cells."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev

from benchmarks.bench import Bench
from benchmarks.process import shown
from benchmarks.table import Table, at_least

AXES = ["optimizer=adam,radam,sgdm", "lr=1e-3,1e-5"]
QUICK_AXES = ["optimizer=adam,sgdm", "lr=1e-3"]
SEEDS = 5

# The faster of 0 and 2 on two cores, with a process per job or without.
BOOK_WORKERS = {"basic": 2, "joblib": 0}

Accuracies = dict[tuple[str, float], float]


def lenet(bench: Bench) -> list[Table]:
    """LeNet, 1 epoch, against both launchers."""
    return _compare(bench, model="lenet", epochs=1, goals={"basic": 4.0, "joblib": 3.0})


def mlp(bench: Bench) -> list[Table]:
    """The MLP, 3 epochs, against the basic launcher."""
    return _compare(bench, model="mlp", epochs=1 if bench.quick else 3, goals={"basic": 8.0})


def _compare(bench: Bench, *, model: str, epochs: int, goals: Mapping[str, float]) -> list[Table]:
    axes = QUICK_AXES if bench.quick else AXES
    cells = [f"model={model}", f"max_epochs={epochs}", "batch_size=128"]
    ours = ["-m", "sweeplab", "-m", *axes, *cells, *OURS]
    _warm_up(bench)
    mine = bench.run(ours).wall_s
    commands, rows, accuracies = [shown(ours)], [], {"sweeplab": _our_accuracies(bench.scratch / "out")}
    for launcher, goal in goals.items():
        words = ["-m", "benchmarks.by_the_book", "-m", *axes, *cells, *_book(launcher)]
        theirs = bench.run(words, out=launcher).wall_s
        commands.append(shown(words))
        accuracies[launcher] = _book_accuracies(bench.scratch / launcher)
        goal_text = at_least(theirs / mine, goal)
        rows.append(
            [f"by the book, {launcher} launcher", *_counts(axes), f"{theirs:.1f}", f"{theirs / mine:.2f}", goal_text]
        )
    rows.append(["sweeplab", *_counts(axes), f"{mine:.1f}", "1", ""])
    header = ["whole command", "cells", "runs", "wall time, s", "times sweeplab's", "goal"]
    title = f"Sweep: {model} on Fashion-MNIST, {epochs} epoch{'s' * (epochs > 1)}, batch 128"
    return [Table(title, header, rows, commands, [NOTE]), _agreement(bench, [*ours, SEED_AXIS], accuracies, title)]


SEED_AXIS = f"seed=range(0,{SEEDS})"

OURS = [
    "dataset=fashion_mnist",
    "dataset.download=false",
    "tracker=none",
    "runtime.accelerator=cpu",
    "runtime.data_dir=DATA",
    "runtime.output_dir=OUT",
]

NOTE = (
    "Data on the disk and caches warm on both sides: torchvision's files for the book, the arrays that sweeplab makes "
    "of them once for sweeplab. Both use the same split, batches of 128, evaluation after each epoch and a test of the "
    "weights that validation chose. Both train on the CPU, on the same cores; joblib's jobs have one torch thread "
    "each, as sweeplab's cells have."
)


def _book(launcher: str) -> list[str]:
    words = [
        f"num_workers={BOOK_WORKERS[launcher]}",
        "data_dir=DATA",
        "hydra.sweep.dir=OUT",
        f"hydra/launcher={launcher}",
    ]
    return [*words, "hydra.launcher.n_jobs=2", "threads=1"] if launcher == "joblib" else words


def _counts(axes: Sequence[str]) -> list[str]:
    cells = 1
    for axis in axes:
        cells *= axis.count(",") + 1
    return [str(cells), "1"]


def _warm_up(bench: Bench) -> None:
    """Libraries in the page cache, byte code compiled, sweeplab's arrays made."""
    bench.run(["-m", "benchmarks.by_the_book", "--help"])
    bench.run(["-m", "sweeplab", "-m", "model=logistic", "max_epochs=1", "limit_batches=1", *OURS], out="warm")


def _our_accuracies(out: Path) -> Accuracies:
    return {key: values[0] for key, values in _by_setting(out).items()}


def _by_setting(out: Path) -> dict[tuple[str, float], list[float]]:
    """Test accuracies of all seeds by optimizer and lr, of the largest sweep in a folder."""
    path = max(out.glob("sweeps/*/cells.csv"), key=lambda path: path.stat().st_size)
    found: dict[tuple[str, float], list[float]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            key = row["optimizer"], float(row.get("lr") or 1e-3)
            found.setdefault(key, []).append(float(row["test/accuracy"]))
    return found


def _book_accuracies(out: Path) -> Accuracies:
    found = {}
    for path in out.glob("*/metrics.json"):
        record = json.loads(path.read_text())
        words = dict(word.split("=", 1) for word in record["overrides"])
        found[words["optimizer"], float(words["lr"])] = record["metrics"]["test/accuracy"]
    return found


def _agreement(bench: Bench, words: list[str], accuracies: Mapping[str, Accuracies], title: str) -> Table:
    """Each accuracy of the book against the spread of sweeplab's over seeds."""
    bench.run(words)
    spread = _by_setting(bench.scratch / "out")
    others = [side for side in accuracies if side != "sweeplab"]
    rows = []
    for key, values in spread.items():
        theirs = [accuracies[side][key] for side in others]
        verdict = "yes" if all(_could_be_one_more(value, values) for value in theirs) else "no"
        seeds = f"{fmean(values):.4f} ± {stdev(values):.4f}"
        named = [f"{key[0]} lr={key[1]:g}", *(f"{value:.4f}" for value in theirs)]
        rows.append([*named, f"{accuracies['sweeplab'][key]:.4f}", seeds, str(len(values)), verdict])
    books = [f"by the book, {side}" for side in others]
    header = ["test accuracy", *books, "sweeplab, seed 0", "sweeplab, mean ± std", "n", "within noise"]
    note = (
        "Within noise: the book's accuracy lies in the 99 % prediction interval for one more seed that sweeplab's "
        "seeds give (Student's t)."
    )
    return Table(f"Accuracies. {title}", header, rows, [shown(words)], [note])


def _could_be_one_more(value: float, sample: Sequence[float]) -> bool:
    from scipy.stats import t

    n = len(sample)
    reach = float(t.ppf(0.995, n - 1)) * stdev(sample) * (1 + 1 / n) ** 0.5
    return abs(value - fmean(sample)) <= reach
