"""Whether both sides reach the same accuracies, within the spread of seeds."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev

from benchmarks.bench import Bench
from benchmarks.process import shown
from benchmarks.table import Table

SEEDS = 5
CONFIDENCE = 0.99

# optimizer and lr
Setting = tuple[str, float]

NOTE = (
    f"Within noise: the book's accuracy lies in the {CONFIDENCE:.0%} prediction interval for one more seed that "
    "sweeplab's seeds give (Student's t)."
)


def agreement(bench: Bench, title: str, words: list[str], book: Mapping[str, Mapping[Setting, float]]) -> Table:
    """Each accuracy of the book, by launcher and setting, against sweeplab's over seeds."""
    words = [*words, f"seed=range(0,{SEEDS})"]
    bench.run(words, out="seeds")
    rows = []
    for setting, values in _read_ours(bench.scratch / "seeds").items():
        theirs = [accuracies[setting] for accuracies in book.values()]
        verdict = "yes" if all(_could_be_one_more(value, values) for value in theirs) else "no"
        shown_values = [f"{value:.4f}" for value in (*theirs, values[0])]
        spread = f"{fmean(values):.4f} ± {stdev(values):.4f}"
        rows.append([f"{setting[0]} lr={setting[1]:g}", *shown_values, spread, str(len(values)), verdict])
    books = [f"by the book, {launcher}" for launcher in book]
    header = ["test accuracy", *books, "sweeplab, seed 0", "sweeplab, mean ± std", "n", "within noise"]
    return Table(title, header, rows, [shown(words)], [NOTE])


def read_book(out: Path) -> dict[Setting, float]:
    """Test accuracies that the book's cells wrote down."""
    found = {}
    for path in out.glob("*/metrics.json"):
        record = json.loads(path.read_text())
        words = dict(word.split("=", 1) for word in record["overrides"])
        found[words["optimizer"], float(words["lr"])] = float(record["metrics"]["test/accuracy"])
    return found


def _read_ours(out: Path) -> dict[Setting, list[float]]:
    """Test accuracies of all seeds; an axis of one value is no column."""
    [path] = out.glob("sweeps/*/cells.csv")
    found: dict[Setting, list[float]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            setting = row["optimizer"], float(row.get("lr") or 1e-3)
            found.setdefault(setting, []).append(float(row["test/accuracy"]))
    return found


def _could_be_one_more(value: float, sample: Sequence[float]) -> bool:
    from scipy.stats import t

    n = len(sample)
    reach = float(t.ppf((1 + CONFIDENCE) / 2, n - 1)) * stdev(sample) * (1 + 1 / n) ** 0.5
    return abs(value - fmean(sample)) <= reach
