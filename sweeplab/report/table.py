"""A comparison as tables of text, the same for terminal, Markdown and LaTeX; escapes nothing and writes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sweeplab.compare import Comparison, pivot
from sweeplab.compare.choice import NO_CHOICE
from sweeplab.compare.settings import COMPLETED, ENDED_WITHOUT_RESULT, STATES, is_missing
from sweeplab.report.words import ABSENT, axis_text, count_text, interval_text, outcome_text, plain_text, spread_text

Row = Mapping[Any, Any]  # a row of a table by its column names
MARK = " *"
TESTED_ON_VALIDATION = (
    "CAUTION: validation is the test split here (select.data=test, as in much published work). The figures are no "
    "estimates for new data, and any choice made on them favours lucky settings."
)
NOTES_TITLE = "About this sweep"
INTERVAL = "95 %"
MAX_NAMED = 12  # choices that one note can list and still be read


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
        [*_marked(row, comparison, axes), count_text(counts_of(row)), *(_metric(row, metric) for metric in metrics)]
        for row in comparison.settings.to_dict("records")
    ]
    return Table("Settings", [*axes, "n", *metrics], rows, len(axes), _settings_notes(comparison))


def choice_table(comparison: Comparison, axes: Sequence[str], metrics: Sequence[str]) -> Table:
    """What was chosen in each group of settings that differ in the tuned axes only, what it gives, what is amiss."""
    names = [*(axis for axis in axes if axis not in comparison.over), *comparison.over]
    chosen = comparison.choice.to_dict("records")
    tested = _with_interval(comparison, metrics)
    rows = [
        [
            *(axis_cell(row, axis) for axis in names),
            count_text(counts_of(row)),
            *(_metric(row, metric) for metric in metrics),
            *(_interval(row, metric) for metric in tested),
        ]
        for row in chosen
    ]
    notes = [": ".join(filter(None, [_group(row, comparison), row["note"]])) for row in chosen if row["note"]]
    if len(notes) > MAX_NAMED:
        notes[MAX_NAMED:] = [f"{len(notes) - MAX_NAMED} more notes like these: see comparison.csv."]
    title = f"{_listed(comparison.over)} chosen by the {comparison.best} mean {comparison.monitor}"
    notes = [*data_notes(comparison), *notes, *_lost_note(comparison)]
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
        body.append([*map(_value, rows, key), *(_place(place, metric) for place in places)])
    header = [*rows, *(f"{columns}={_value(columns, value)}" for value in values)]
    return Table(metric, header, body, len(rows), data_notes(comparison))


def choice_notes(comparison: Comparison) -> list[str]:
    """The chosen values by group in words, as far as they can still be read, and how lost cells entered the choice."""
    chosen = [row for row in comparison.choice.to_dict("records") if not row["note"].startswith(NO_CHOICE)]
    if not comparison.over or not 0 < len(chosen) <= MAX_NAMED:
        return _lost_note(comparison)
    named = [_chosen_words(row, comparison) for row in chosen]
    return [f"Chosen {_listed(comparison.over)}: {'; '.join(named)}.", *_lost_note(comparison)]


def data_notes(comparison: Comparison) -> list[str]:
    """What stands under every table and figure where validation data is no data of its own."""
    return [TESTED_ON_VALIDATION] if comparison.select["data"] == "test" else []


def _settings_notes(comparison: Comparison) -> list[str]:
    one_seed = comparison.settings["cells"].max() == 1
    spread = "n=1: no spread" if one_seed else "± is the sample standard deviation over seeds; n=1: no spread"
    more = "comparison.csv has 95 % intervals of the means (from n=3), medians, bests and interquartile means."
    at_best = f"the epoch that had its {comparison.best} {comparison.monitor}"
    epoch = "its last epoch" if comparison.select["epoch"] == "last" else at_best
    notes = [
        *data_notes(comparison),
        f"n: cells completed of cells asked; {spread}.",
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
    return [f"In this choice a cell that ended without a result counts as {worst}; means are over completed cells."]


def _chosen_words(row: Row, comparison: Comparison) -> str:
    value = ", ".join(axis_cell(row, axis) for axis in comparison.over)
    group = _group(row, comparison)
    note = row["note"] and f" ({row['note']})"
    return f"{value}{group and f' for {group}'}{note}"


def _group(row: Row, comparison: Comparison) -> str:
    words = [axis_cell(row, axis) for axis in comparison.varying if axis not in comparison.over]
    return " ".join(word for word in words if word != ABSENT)


def _listed(axes: Sequence[str]) -> str:
    return ", ".join(axes)


def _marked(row: Row, comparison: Comparison, axes: Sequence[str]) -> list[str]:
    marked = comparison.over[:1] if row["chosen"] else []
    return [axis_cell(row, axis) + MARK * (axis in marked) for axis in axes]


def _place(place: Row, metric: str) -> str:
    if is_missing(place["cells"]):
        return ""
    counts = counts_of(place)
    if not counts["n"]:
        return outcome_text(counts)
    text = spread_text(metric, place["mean"], place["std"]) if place["recorded"] else ABSENT
    return text if counts["n"] == counts["cells"] else f"{text} ({counts['n']}/{counts['cells']})"


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
