"""Declared tables as text, and as LaTeX whose numbers a package can still read; bold is what won, nothing else."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import pandas as pd

from sweeplab.compare.analysis import Analysis
from sweeplab.compare.choice import NO_CHOICE
from sweeplab.compare.comparison import Comparison
from sweeplab.compare.declared import Declaration, automatic, lay_out
from sweeplab.compare.settings import positions
from sweeplab.compare.winners import won_places
from sweeplab.report import siunitx
from sweeplab.report.markup import latex_environment, latex_text
from sweeplab.report.table import MAX_NAMED, Row, Table, axis_cell, counts_of, data_notes, merged_notes
from sweeplab.report.won import Won, won_notes
from sweeplab.report.words import ABSENT, count_text, outcome_text, plain_text, spread_text


@dataclass(frozen=True)
class Declared:
    """A declared table: `name` for its files, `frame` of numbers, `table` of text.

    `places` are the rows of `frame` by row and column of the table, None where the sweep has nothing.
    """

    name: str
    frame: pd.DataFrame
    table: Table
    places: list[list[Row | None]]


def declared_tables(
    cells: pd.DataFrame, axes: Sequence[str], tables: Sequence[Declaration], analysis: Analysis
) -> list[Declared]:
    """Every declared table, in order; one that cannot be filled says why.

    Args:
        cells: one row per cell: `cell_id`, `state`, every axis, metrics as `split/name`.
        axes: in the order of the sweep, with or without `seed`.
        tables: as `sweeplab.tables.declared` gives them.
        analysis: of the same cells; says what chooses and who won.
    """
    taken: set[str] = set()
    return [_declared(cells, axes, table, analysis, taken) for table in tables]


def called_for(cells: pd.DataFrame, axes: Sequence[str], comparison: Comparison) -> list[dict[str, Any]]:
    """The tables that come by themselves from the axes that vary, as declarations; none before the first result."""
    twin = f"test/{comparison.monitor.partition('/')[2]}"
    shown = [name for name in ("test/accuracy", twin, comparison.monitor) if name in comparison.metrics]
    if not shown or not comparison.settings["n"].any():
        return []
    return automatic(cells, axes, shown[0])


def latex(declared: Declared, *, label: str) -> str:
    """A `table` environment with booktabs rules whose numbers siunitx aligns; what is no number stands in braces.

    Args:
        declared: the table.
        label: of the environment.
    """
    table, keys = declared.table, declared.table.keys
    body = [[_siunitx(place) for place in places] for places in declared.places]
    # bold is no part of a number's width
    across = [siunitx.column([cell.removeprefix("\\bfseries ") for cell in cells]) for cells in zip(*body, strict=True)]
    header = [*map(latex_text, table.header[:keys]), *(f"{{{latex_text(cell)}}}" for cell in table.header[keys:])]
    rows = [[*map(latex_text, row[:keys]), *cells] for row, cells in zip(table.rows, body, strict=True)]
    columns = "l" * keys + "".join(across)
    notes = [*table.notes, *_incomplete(declared)]
    return latex_environment(table, siunitx.PREAMBLE, columns, [header, *rows], notes, label=label)


def _declared(
    cells: pd.DataFrame, axes: Sequence[str], table: Declaration, analysis: Analysis, taken: set[str]
) -> Declared:
    comparison = analysis.comparison
    layout = lay_out(cells, axes, table, comparison.select)
    title = plain_text(table["title"] or _title(table))
    name = _slug(title, taken)
    if layout.reason:
        return Declared(name, layout.frame, Table(title, ["table"], [], 1, [f"Not shown: {layout.reason}."]), [])
    frame = layout.frame.assign(won=won_places(layout.frame, table["columns"], comparison, analysis.pairs))
    rows = frame[~positions(frame, table["rows"]).duplicated()].to_dict("records")
    across = frame[~positions(frame, [*table["columns"], "metric"]).duplicated()].to_dict("records")
    places = _places(frame, table)
    header = [*map(plain_text, table["rows"]), *(_column_name(row, table) for row in across)]
    body = [
        [*(axis_cell(row, axis) for axis in table["rows"]), *map(_text, line)]
        for row, line in zip(rows, places, strict=True)
    ]
    notes = [*data_notes(comparison), *_notes(frame, table, comparison), *won_notes(body, _beside(table, comparison))]
    return Declared(name, frame, Table(title, header, body, len(table["rows"]), notes), places)


def _places(frame: pd.DataFrame, table: Declaration) -> list[list[Row | None]]:
    down, across = positions(frame, table["rows"]), positions(frame, [*table["columns"], "metric"])
    grid: list[list[Row | None]] = [[None] * across.nunique() for _ in range(down.nunique())]
    for i, j, row in zip(down, across, frame.to_dict("records"), strict=True):
        grid[i][j] = row
    return grid


def _column_name(row: Row, table: Declaration) -> str:
    words = [f"{axis}={axis_cell(row, axis)}" for axis in table["columns"]]
    named = [row["metric"]] if len(table["value"]) > 1 or not words else []
    return plain_text(" ".join([*named, *words]))


def _title(table: Declaration) -> str:
    columns = f" by {', '.join(table['columns'])}" if table["columns"] else ""
    where = ", ".join(f"{key}={value}" for key, value in table["where"].items())
    return f"{', '.join(table['value'])}: {', '.join(table['rows'])}{columns}{where and f' ({where})'}"


def _slug(title: str, taken: set[str]) -> str:
    """A file name that no table has yet, the same for the same declarations."""
    stem = re.sub(r"[^a-z0-9.=]+", "_", title.lower()).strip("_.")[:80] or "table"
    name = next(name for i in count(1) if (name := stem if i == 1 else f"{stem}_{i}") not in taken)
    taken.add(name)
    return name


def _notes(frame: pd.DataFrame, table: Declaration, comparison: Comparison) -> list[str]:
    over = ", ".join(table["over"])
    notes = [
        f"Mean ± sample standard deviation over {over}, none where there is one; (k/m): cells completed of cells asked."
    ]
    if not table["select_over"]:
        return notes
    rule = f"{', '.join(table['select_over'])} chosen in each place by the {comparison.best} mean {comparison.monitor}"
    rows = frame[frame["metric"] == frame["metric"].iloc[0]].to_dict("records")
    if len(rows) > MAX_NAMED:
        return [*notes, f"{rule}: see the table's csv."]
    places = [" ".join(axis_cell(row, axis) for axis in (*table["rows"], *table["columns"])) for row in rows]
    is_new = not set(table["select_over"]) <= set(comparison.over)
    told = merged_notes((place, _chosen(row, table, is_new)) for row, place in zip(rows, places, strict=True))
    return [*notes, f"{rule}: {' '.join(told)}"]


def _beside(table: Declaration, comparison: Comparison) -> str:
    """Among whom a place wins, as `won_places` has it."""
    same = [axis for axis in table["columns"] if axis not in comparison.over]
    return f"of the same {', '.join(map(plain_text, same))}" if same else "in this table"


def _chosen(row: Row, table: Declaration, is_new: bool) -> str:
    """What was chosen in a place; what is amiss with it only where no guard has seen this choice."""
    if row["note"].startswith(NO_CHOICE):
        return str(row["note"])
    note = f" ({row['note']})" if row["note"] and is_new else ""
    return ", ".join(axis_cell(row, axis) for axis in table["select_over"]) + note


def _text(place: Row | None) -> str:
    if place is None:
        return ""
    counts = counts_of(place)
    if not counts["n"]:
        return outcome_text(counts)
    text = spread_text(place["metric"], place["mean"], place["std"]) if place["recorded"] else ABSENT
    text = text if counts["n"] == counts["cells"] else f"{text} ({counts['n']}/{counts['cells']})"
    return Won(text) if place["won"] else text


def _siunitx(place: Row | None) -> str:
    if place is None or not place["n"] or not place["recorded"] or not abs(place["mean"]) < float("inf"):
        text = latex_text(_text(place))
        return f"{{{text}}}" if text else ""
    number = siunitx.number(place["metric"], place["mean"], place["std"])
    return f"\\bfseries {number}" if place["won"] else number


def _incomplete(declared: Declared) -> list[str]:
    """Cells that a place lacks, in words: a column of numbers has no room for them."""
    table = declared.table
    lacking = [
        f"{' '.join(row[: table.keys])}, {name}: {count_text(counts_of(place))}"
        for row, places in zip(table.rows, declared.places, strict=True)
        for name, place in zip(table.header[table.keys :], places, strict=True)
        if place is not None and place["n"] < place["cells"]
    ]
    return [f"Cells completed of cells asked: {'; '.join(lacking)}."] if lacking else []
