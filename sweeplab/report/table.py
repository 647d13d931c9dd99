"""A comparison as tables of text, the same for terminal, Markdown and LaTeX; escapes nothing and writes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sweeplab.compare import Comparison, pivot
from sweeplab.compare.choice import NO_CHOICE
from sweeplab.compare.guards.guard import listed
from sweeplab.compare.settings import COMPLETED, ENDED_WITHOUT_RESULT, STATES, is_missing
from sweeplab.report.won import Won, won_notes
from sweeplab.report.words import ABSENT, axis_text, count_text, interval_text, outcome_text, plain_text, spread_text

Row = Mapping[Any, Any]  # a row of a table by its column names
MARK = " *"
STAMP = "SELECTED ON TEST"
SELECTED_ON_TEST = (
    f"{STAMP}: validation is the test split here (select.data=test, as in much published work). The figures are no "
    "estimates for new data, and any choice made on them favours lucky settings."
)
NOTES_TITLE = "About this sweep"
INTERVAL = "95 %"
MAX_NAMED = 12  # that one note can list and still be read


@dataclass(frozen=True)
class Table:
    """Text in rows: the first `keys` columns name the row, the others hold numbers; `notes` stand below."""

    title: str
    header: list[str]
    rows: list[list[str]]
    keys: int
    notes: list[str]


def settings_table(comparison: Comparison, axes: Sequence[str], metrics: Sequence[str]) -> Table:
    """Every setting, `mean ± std` of its metrics; chosen ones carry a mark."""
    rows = [
        [*_marked(row, comparison, axes), count_text(counts_of(row)), *_metrics(row, comparison, metrics)]
        for row in comparison.settings.to_dict("records")
    ]
    notes = [*_settings_notes(comparison), *won_notes(rows)]
    return Table("Settings", [*axes, "n", *metrics], rows, len(axes), notes)


def choice_table(comparison: Comparison, axes: Sequence[str], metrics: Sequence[str]) -> Table:
    """What was chosen in each group of settings that differ in the tuned axes only, what it gives, what is amiss."""
    names = [*(axis for axis in axes if axis not in comparison.over), *comparison.over]
    chosen = comparison.choice.to_dict("records")
    tested = _with_interval(comparison, metrics)
    rows = [
        [
            *(axis_cell(row, axis) for axis in names),
            count_text(counts_of(row)),
            *_metrics(row, comparison, metrics),
            *(_interval(row, metric) for metric in tested),
        ]
        for row in chosen
    ]
    without = merged_notes(
        (_group(row, comparison), row["note"]) for row in chosen if row["note"].startswith(NO_CHOICE)
    )
    title = f"{_listed(comparison.over)} chosen by the {comparison.best} mean {comparison.monitor}"
    notes = [*data_notes(comparison), *without, *_lost_note(comparison), *won_notes(rows)]
    header = [*names, "n", *metrics, *(f"{metric} {INTERVAL}" for metric in tested)]
    return Table(title, header, rows, len(names), notes)


def pivot_table(comparison: Comparison, rows: Sequence[str], columns: str, metric: str) -> Table:
    """One metric of all settings laid out over two directions; a setting without a result shows its state in words."""
    grid = pivot(comparison.settings, rows, columns, metric)
    fields = {name: grid[name].to_numpy() for name in grid.columns.unique("field")}
    values = grid["mean"].columns
    body = []
    for down, key in enumerate(grid.index):
        places = [{name: field[down, across] for name, field in fields.items()} for across in range(len(values))]
        body.append([*map(_value, rows, key), *(_place(place, metric, comparison) for place in places)])
    header = [*rows, *(f"{columns}={_value(columns, value)}" for value in values)]
    return Table(metric, header, body, len(rows), data_notes(comparison))


def data_notes(comparison: Comparison) -> list[str]:
    """What stands under every table and figure where validation data is no data of its own."""
    return [SELECTED_ON_TEST] if comparison.select["data"] == "test" else []


def stamped(frame: pd.DataFrame, select: Mapping[str, str]) -> pd.DataFrame:
    """The numbers of a table, with a column `stamp` where validation data is no data of its own.

    Args:
        select: the configuration's node.
    """
    return frame.assign(stamp=STAMP) if select.get("data") == "test" else frame


def merged_notes(notes: Iterable[tuple[str, str]]) -> list[str]:
    """Notes as names and words: the same words are said once, after the names that they are about.

    `[("adam", "n=1"), ("sgd", "n=1")]` becomes `adam, sgd: n=1.`
    """
    names: dict[str, list[str]] = {}
    for name, words in notes:
        names.setdefault(words, []).append(name)
    told = {words: listed(filter(None, who), MAX_NAMED) for words, who in names.items()}
    return [f"{who}: {words}." if who else f"{words}." for words, who in told.items()]


def _settings_notes(comparison: Comparison) -> list[str]:
    one_seed = comparison.settings["cells"].max() == 1
    spread = "" if one_seed else "; ± is the sample standard deviation over seeds"
    more = "comparison.csv has 95 % intervals of the means (from n=3), medians, bests and interquartile means."
    at_best = f"the epoch that had its {comparison.best} {comparison.monitor}"
    epoch = "its last epoch" if comparison.select["epoch"] == "last" else at_best
    notes = [
        *data_notes(comparison),
        f"n: cells completed of cells asked{spread}.",
        *([] if one_seed else [more]),
        f"Each cell is measured at {epoch}.",
    ]
    rule = f"* {_listed(comparison.over)} chosen by the {comparison.best} mean {comparison.monitor}."
    return [*notes, rule] if comparison.over else notes


def _lost_note(comparison: Comparison) -> list[str]:
    settings = comparison.settings
    lost = [state for state in ENDED_WITHOUT_RESULT if state in settings and settings[state].any()]
    if not comparison.over or not lost:
        return []
    worst = "0" if comparison.mode == "max" else "infinitely bad"
    return [f"In this choice a cell that ended without a result counts as {worst}."]


def _group(row: Row, comparison: Comparison) -> str:
    words = [axis_cell(row, axis) for axis in comparison.varying if axis not in comparison.over]
    return " ".join(word for word in words if word != ABSENT)


def _listed(axes: Sequence[str]) -> str:
    return ", ".join(axes)


def _marked(row: Row, comparison: Comparison, axes: Sequence[str]) -> list[str]:
    marked = comparison.over[:1] if row["chosen"] else []
    return [axis_cell(row, axis) + MARK * (axis in marked) for axis in axes]


def _place(place: Row, metric: str, comparison: Comparison) -> str:
    if is_missing(place["cells"]):
        return ""
    counts = counts_of(place)
    if not counts["n"]:
        return outcome_text(counts)
    text = spread_text(metric, place["mean"], place["std"]) if place["recorded"] else ABSENT
    text = text if counts["n"] == counts["cells"] else f"{text} ({counts['n']}/{counts['cells']})"
    return Won(text) if place.get("won", False) and metric == comparison.tested else text


def _metrics(row: Row, comparison: Comparison, metrics: Sequence[str]) -> list[str]:
    won = comparison.tested if row.get("won", False) else None
    return [Won(_metric(row, metric)) if metric == won else _metric(row, metric) for metric in metrics]


def _metric(row: Row, metric: str) -> str:
    recorded = row.get(f"{metric}/n", row["n"])
    return spread_text(metric, row[f"{metric}/mean"], row[f"{metric}/std"]) if recorded else ABSENT


def _with_interval(comparison: Comparison, metrics: Sequence[str]) -> list[str]:
    """The first test metric, where any choice has enough seeds for an interval of it."""
    tested = [metric for metric in metrics if metric.startswith("test/")][:1]
    return [metric for metric in tested if comparison.choice[f"{metric}/low"].notna().any()]


def _interval(row: Row, metric: str) -> str:
    return interval_text(metric, *(row[f"{metric}/{name}"] for name in ("low", "high", "mean")))


def counts_of(row: Row) -> dict[str, int]:
    """The counts of a row: `cells`, `n` and every state but completed."""
    known = ("cells", "n", *STATES)
    return {name: int(row[name]) for name in known if name in row and name != COMPLETED}


def axis_cell(row: Row, axis: str) -> str:
    """A row's value on an axis in words."""
    return _value(axis, row[axis])


def _value(axis: str, value: Any) -> str:
    if is_missing(value):
        return ABSENT
    return plain_text(axis_text(axis, value.item() if isinstance(value, np.generic) else value))
