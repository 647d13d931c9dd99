"""Published and measured as tables of text; every word of a source is text from elsewhere."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sweeplab.compare import against_figures, against_orderings
from sweeplab.report.table import Row, Table, axis_cell, counts_of, merged_notes
from sweeplab.report.words import ABSENT, count_text, difference_text, plain_text, spread_text

NOT_HERE = "not in this sweep"


@dataclass(frozen=True)
class Reported:
    """What a source reports against what was measured: numbers for a file of this name, and the table to show."""

    name: str
    frame: pd.DataFrame
    table: Table


def against_published(
    cells: pd.DataFrame,
    axes: Sequence[str],
    published: Mapping[str, Any] | None,
    *,
    select: Mapping[str, str],
    notes: Sequence[str],
) -> list[Reported]:
    """Published figures and orderings against the cells; only those of the two that there are.

    Args:
        cells: one row per cell: `cell_id`, `state`, every axis, metrics as `split/name`.
        axes: in the order of the sweep, with or without `seed`.
        published: as `sweeplab.published.matched` gives it.
        select: the configuration's node, for what chooses on validation data.
        notes: to stand first below each table.
    """
    found = []
    if published and published["figures"]:
        figures = against_figures(cells, axes, published)
        found.append(Reported("published", figures, figures_table(figures, notes)))
    if published and published["orderings"]:
        orderings = against_orderings(cells, axes, published, select)
        found.append(Reported("published_orderings", orderings, orderings_table(orderings, notes)))
    return found


def named_metrics(published: Mapping[str, Any] | None) -> list[str]:
    """The metrics that a source reports on."""
    if published is None:
        return []
    figures = [metric for figure in published["figures"] for metric in figure["metrics"]]
    return [*figures, *(ordering["metric"] for ordering in published["orderings"])]


def figures_table(frame: pd.DataFrame, notes: Sequence[str]) -> Table:
    """Every published figure beside its measured mean and the difference of the two.

    Args:
        frame: as `against_figures` gives it.
        notes: to stand first below the table.
    """
    axes = _before(frame, "metric")
    rows = frame.to_dict("records")
    body = [
        [
            *(axis_cell(row, axis) for axis in axes),
            plain_text(row["metric"]),
            f"{row['published']:.6g}",
            _measured(row),
            difference_text(row["metric"], row["published"], row["measured"]),
            count_text(counts_of(row)) if row["cells"] else ABSENT,
        ]
        for row in rows
    ]
    header = [*map(plain_text, axes), "metric", "published", "measured", "difference", "n"]
    sources = [(_setting(row, axes), [_count(row), _word(row, "kind"), _word(row, "source")]) for row in rows]
    remarks = dict.fromkeys(f"{_setting(row, axes)}: {_word(row, 'note')}" for row in rows if _word(row, "note"))
    notes = [
        *notes,
        "n: cells completed of cells asked; measured: mean over them, ± sample standard deviation over seeds;"
        " difference: measured minus published.",
        *_said_once("Published", sources),
        *remarks,
    ]
    return Table("Published and measured", header, body, len(axes) + 1, notes)


def orderings_table(frame: pd.DataFrame, notes: Sequence[str]) -> Table:
    """Every published ordering with what its members reached here, and whether it holds.

    Args:
        frame: as `against_orderings` gives it.
        notes: to stand first below the table.
    """
    axes = _before(frame, "ordering")
    one_axis = frame["axis"].nunique() == 1
    orderings = [members.to_dict("records") for _, members in frame.groupby("ordering", sort=False)]
    body = [cells for rows in orderings for cells in _ordering_rows(rows, axes, one_axis=one_axis)]
    header = ["metric", plain_text(frame["axis"].iloc[0]) if one_axis else "setting", *map(plain_text, axes)]
    rule = "place: as published, 1 is the best; within a place no order is claimed."
    by_itself = frame["chosen_by"] == frame["metric"]
    of_grid = frame["grid_cells"] > frame["cells"]
    if (of_grid & by_itself).any():
        rule += (
            " Each is taken where this metric itself is best in its grid, as in the source: that flatters large grids."
        )
    for by in frame["chosen_by"][of_grid & ~by_itself].unique():
        rule += f" Each is taken where {plain_text(by)} is best in its grid."
    said = [note for rows in orderings for note in _verdict_notes(rows)]
    sources = [(_claim(rows), [_word(rows[0], "kind"), _word(rows[0], "source")]) for rows in orderings]
    notes = [*notes, *said, rule, *_said_once("Published", sources)]
    return Table("Published orderings", [*header, "place", "measured", "n", "verdict"], body, len(header), notes)


def _ordering_rows(rows: Sequence[Row], axes: Sequence[str], *, one_axis: bool) -> Iterator[list[str]]:
    """The members of one ordering; metric and verdict stand with the first."""
    for row in rows:
        is_first = row is rows[0]
        yield [
            plain_text(row["metric"]) if is_first else "",
            plain_text(row["member"] if one_axis else f"{row['axis']}={row['member']}"),
            *(axis_cell(row, axis) for axis in axes),
            str(row["place"]),
            _measured(row),
            count_text(counts_of(row)) if row["cells"] else ABSENT,
            row["verdict"] if is_first else "",
        ]


def _verdict_notes(rows: Sequence[Row]) -> list[str]:
    claim, reason, remark = _claim(rows), rows[0]["reason"], _word(rows[0], "note")
    verdict = f"{claim}: {rows[0]['verdict']}{f' ({plain_text(reason)})' if reason else ''}."
    edges = merged_notes((plain_text(row["member"]), plain_text(row["edge"])) for row in rows if row["edge"])
    return [verdict, *_gaps(rows), *edges, *([f"{claim}: {remark}"] if remark else [])]


def _before(frame: pd.DataFrame, column: str) -> list[str]:
    names = list(map(str, frame.columns))
    return names[: names.index(column)]


def _measured(row: Row) -> str:
    if not row["cells"]:
        return NOT_HERE
    return spread_text(row["metric"], row["measured"], row["std"]) if math.isfinite(row["measured"]) else ABSENT


def _claim(rows: Sequence[Row]) -> str:
    """`train/loss, lowest first: adam, sgd_nesterov before adagrad`."""
    places: dict[int, list[str]] = {}
    for row in rows:
        places.setdefault(row["place"], []).append(row["member"])
    best = "highest" if rows[0]["mode"] == "max" else "lowest"
    order = " before ".join(", ".join(members) for members in places.values())
    return plain_text(f"{rows[0]['metric']}, {best} first: {order}")


def _gaps(rows: Sequence[Row]) -> list[str]:
    """Members whose grid is not complete: a cell to come or lost might have been the best."""
    lacking = [
        f"{row['member']} {row['grid_n']}/{row['grid_cells']}" for row in rows if row["grid_n"] < row["grid_cells"]
    ]
    return [plain_text(f"Completed cells of a grid: {', '.join(lacking)}.")] if lacking else []


def _said_once(title: str, sources: Sequence[tuple[str, list[str]]]) -> list[str]:
    """Kind and source of all rows: once if they are the same, else row by row."""
    distinct = dict.fromkeys((name, "; ".join(filter(None, words))) for name, words in sources)
    if len({words for _, words in distinct}) == 1:
        return [f"{title}: {words}." for words in [next(iter(distinct))[1].rstrip(".")] if words]
    return [f"{title}, {name}: {words.rstrip('.')}." for name, words in distinct if words]


def _setting(row: Row, axes: Sequence[str]) -> str:
    return " ".join(words for words in (axis_cell(row, axis) for axis in axes) if words != ABSENT)


def _count(row: Row) -> str:
    return f"n = {row['n_published']:g}" if pd.notna(row["n_published"]) else ""


def _word(row: Mapping[Any, Any], name: str) -> str:
    return plain_text(row[name]) if isinstance(row[name], str) else ""
