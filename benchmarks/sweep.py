"""Whole sweeps, start-up included: by-the-book Hydra + Lightning against sweeplab, on the same cells."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.accuracy import agreement, read_book
from benchmarks.bench import Bench
from benchmarks.process import shown
from benchmarks.table import Table, at_least

AXES = ["optimizer=adam,radam,sgdm", "lr=1e-3,1e-5"]
TRIAL_AXES = ["optimizer=adam,sgdm", "lr=1e-3"]
# a job of joblib cannot start loader processes, and its two jobs fill two cores
LOADER_PROCESSES = {"basic": (0, 2), "joblib": (0,)}

NOTE = (
    "Data on the disk and caches warm on both sides: torchvision's files for the book, the arrays that sweeplab makes "
    "of them once for sweeplab. Both use the same split, batches of 128, evaluation after each epoch and a test of the "
    "weights that validation chose. Both train on the CPU, on the same cores; joblib's jobs have one torch thread "
    "each, as sweeplab's cells have. sweeplab's time is the median of runs before, between and after the others."
)


def lenet(bench: Bench) -> list[Table]:
    """LeNet, 1 epoch, against both launchers."""
    return _compare(bench, Cells("lenet", 1, TRIAL_AXES if bench.quick else AXES), goals={"basic": 4.0, "joblib": 3.0})


def mlp(bench: Bench) -> list[Table]:
    """The MLP, 3 epochs, against the basic launcher."""
    return _compare(bench, Cells("mlp", 3, TRIAL_AXES if bench.quick else AXES), goals={"basic": 8.0})


@dataclass(frozen=True)
class Cells:
    """The cells of both sides."""

    model: str
    epochs: int
    axes: Sequence[str]

    def __len__(self) -> int:
        return math.prod(axis.count(",") + 1 for axis in self.axes)

    def words(self) -> list[str]:
        """Overrides that both sides understand."""
        return [*self.axes, f"model={self.model}", f"max_epochs={self.epochs}", "batch_size=128"]

    def title(self) -> str:
        """The cells in words."""
        return f"{self.model} on Fashion-MNIST, {self.epochs} epoch{'s' * (self.epochs > 1)}, batch 128"


def _compare(bench: Bench, cells: Cells, goals: Mapping[str, float]) -> list[Table]:
    _warm_up(bench)
    mine = [bench.run(ours(cells), out="ours-0").wall_s]
    theirs, commands, trials = {}, [shown(ours(cells))], []
    for number, launcher in enumerate(goals, start=1):
        processes, trial = _loader_processes(bench, cells, launcher)
        words = book(cells, launcher, processes)
        theirs[launcher] = bench.run(words, out=launcher).wall_s
        mine.append(bench.run(ours(cells), out=f"ours-{number}").wall_s)
        commands.append(shown(words))
        trials.append(trial)
    rows = [_row(launcher, len(cells), theirs[launcher], median(mine), goals[launcher]) for launcher in goals]
    spread = f" ({min(mine):.1f} to {max(mine):.1f})"
    rows.append(["sweeplab", str(len(cells)), str(len(mine)), f"{median(mine):.1f}{spread}", "1", ""])
    header = ["whole command", "cells", "n", "wall time, s", "times sweeplab's", "goal"]
    found = {launcher: read_book(bench.scratch / launcher) for launcher in goals}
    speed = Table(f"Sweep: {cells.title()}", header, rows, commands, [NOTE, *trials])
    return [speed, agreement(bench, f"Accuracies: {cells.title()}", ours(cells), found)]


def _row(launcher: str, cells: int, theirs_s: float, ours_s: float, goal: float) -> list[str]:
    times = theirs_s / ours_s
    name = f"by the book, {launcher} launcher"
    return [name, str(cells), "1", f"{theirs_s:.1f}", f"{times:.2f}", at_least(times, goal)]


def ours(cells: Cells) -> list[str]:
    """The command of sweeplab's side."""
    places = ["runtime.data_dir=DATA", "runtime.output_dir=OUT"]
    chosen = ["dataset=fashion_mnist", "dataset.download=false", "tracker=none", "runtime.accelerator=cpu"]
    return ["-m", "sweeplab", "-m", *cells.words(), *chosen, *places]


def book(cells: Cells, launcher: str, processes: int) -> list[str]:
    """The command of the other side."""
    places = ["data_dir=DATA", "hydra.sweep.dir=OUT"]
    jobs = ["hydra.launcher.n_jobs=2", "threads=1"] if launcher == "joblib" else []
    chosen = [f"num_workers={processes}", f"hydra/launcher={launcher}", *jobs]
    return ["-m", "benchmarks.by_the_book", "-m", *cells.words(), *chosen, *places]


def _loader_processes(bench: Bench, cells: Cells, launcher: str) -> tuple[int, str]:
    """The number of loader processes that is best for the book, by a trial of two cells, and why in words."""
    first, *others = LOADER_PROCESSES[launcher]
    if not others:
        return first, f"Loader processes for the book with the {launcher} launcher: {first}, all that it allows."
    trial = Cells(cells.model, 1, TRIAL_AXES)
    seconds = {
        processes: bench.run(book(trial, launcher, processes), out=f"{launcher}-{processes}").wall_s
        for processes in LOADER_PROCESSES[launcher]
    }
    times = ", ".join(f"{processes}: {wall_s:.1f} s" for processes, wall_s in seconds.items())
    return min(seconds, key=seconds.__getitem__), (
        f"Loader processes for the book with the {launcher} launcher, the faster in a trial of {len(trial)} cells of "
        f"1 epoch: {times}."
    )


def _warm_up(bench: Bench) -> None:
    """Libraries in the page cache, byte code compiled, sweeplab's arrays made."""
    bench.run(["-m", "benchmarks.by_the_book", "--help"])
    short = Cells("logistic", 1, ["lr=1e-3"])
    bench.run([*ours(short), "limit_batches=1"], out="warm")
