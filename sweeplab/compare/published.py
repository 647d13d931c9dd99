"""What a source reports against what was measured; refuses to leave out what this sweep did not run or lost."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from sweeplab.compare.choice import edge_notes, scores
from sweeplab.compare.settings import STATES, axes_of, setting_axes, summarise, varying

HOLDS = "holds"
FAILS = "does not hold"
OPEN = "cannot be told"
_FIGURE = ("metric", "published", "n_published", "measured", "std", "difference", "cells", "n", *STATES[1:])
_WORDS = ("kind", "source", "note")
_ORDERING = (
    "ordering",
    "metric",
    "mode",
    "chosen_by",
    "axis",
    "place",
    "member",
    "measured",
    "std",
    "cells",
    "n",
    *STATES[1:],
)
_VERDICT = ("grid_cells", "grid_n", "edge", "verdict", "reason")


def against_figures(cells: pd.DataFrame, axes: Sequence[str], published: Mapping[str, Any]) -> pd.DataFrame:
    """Published figures beside the mean of the cells that answer them.

    Args:
        cells: one row per cell: `cell_id`, `state`, every axis, metrics as `split/name`.
        axes: in the order of the sweep, with or without `seed`.
        published: as `sweeplab.published.matched` gives it.

    Returns:
        One row per figure, metric and setting among its cells: the axes that the figures name or that tell its settings
        apart, `metric`, `published`, `n_published`, `measured` (mean over completed cells), `std`, `difference`
        (measured minus published), `cells`, `n`, one count per other state that occurs, `kind`, `source`, `note`. A
        figure without a cell in this sweep keeps its rows, with 0 cells and nothing measured.
    """
    rows = [row for figure in published["figures"] for row in _figure_rows(cells, axes, figure)]
    return _frame(rows, axes, [*_FIGURE, *_WORDS])


def against_orderings(
    cells: pd.DataFrame, axes: Sequence[str], published: Mapping[str, Any], select: Mapping[str, str]
) -> pd.DataFrame:
    """Published orderings beside the best that each of their members reached, and whether they hold.

    Each member is taken where the metric itself has its best mean among all settings of its cells, as the bests of a
    grid that sources report; a metric of test data that validation data are held out for, where validation is best.
    A setting that lost cells ranks as it does in a choice. An ordering holds when every
    member of an earlier place is strictly better than every member of a later one; within a place no order is claimed.

    Args:
        cells: one row per cell: `cell_id`, `state`, every axis, metrics as `split/name`.
        axes: in the order of the sweep, with or without `seed`.
        published: as `sweeplab.published.matched` gives it.
        select: the configuration's node, for what chooses on validation data.

    Returns:
        One row per ordering and member: the axes that its `where` names or that vary in its grid, with their values at
        the best; `ordering` (from 1), `metric`, `mode`, `chosen_by`, `axis`, `place` (from 1), `member`, `measured`,
        `std`, `cells`, `n` and states of that setting, `grid_cells` and `grid_n` (completed) of its whole grid,
        `edge` (in words, where it lies at the edge of an ordered grid),
        `verdict` (`holds`, `does not hold`, `cannot be told`), `reason` in words, `kind`, `source`, `note`.
    """
    rows: list[dict[str, Any]] = []
    for number, ordering in enumerate(published["orderings"], start=1):
        by, mode = _choosing(ordering, select)
        members = list(_members(cells, axes, ordering, by, mode))
        verdict, reason = _judge(members, ordering["mode"])
        common = {name: ordering[name] for name in ("metric", "mode", "axis", *_WORDS)}
        common |= {"ordering": number, "chosen_by": by, "verdict": verdict, "reason": reason}
        rows += [{**common, **member} for member in members]
    return _frame(rows, axes, [*_ORDERING, *_VERDICT, *_WORDS])


def _figure_rows(cells: pd.DataFrame, axes: Sequence[str], figure: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    own = cells[cells["cell_id"].isin(figure["cells"])]
    settings = [{"cells": 0, "n": 0}] if own.empty else summarise(own, axes).to_dict("records")
    apart = [axis for axis in varying(own, setting_axes(axes)) if axis not in figure["setting"]]
    words = {name: figure[name] for name in _WORDS}
    for metric, value in figure["metrics"].items():
        for row in settings:
            measured = _measured(row, metric)
            yield {
                **figure["setting"],
                **{axis: row[axis] for axis in apart},
                "metric": metric,
                "published": value,
                "n_published": figure["n"],
                "difference": measured["measured"] - value,
                **measured,
                **words,
            }


def _choosing(ordering: Mapping[str, Any], select: Mapping[str, str]) -> tuple[str, str]:
    """The metric that takes one setting of a member's grid, and whether its highest or lowest is best."""
    is_held_out = ordering["metric"].startswith("test/") and select.get("data", "held_out") == "held_out"
    return (select["monitor"], select["mode"]) if is_held_out else (ordering["metric"], ordering["mode"])


def _members(
    cells: pd.DataFrame, axes: Sequence[str], ordering: Mapping[str, Any], by: str, mode: str
) -> Iterator[dict[str, Any]]:
    own = cells[cells["cell_id"].isin([cell for ids in ordering["cells"].values() for cell in ids])]
    free = [axis for axis in varying(own, setting_axes(axes)) if axis not in (ordering["axis"], *ordering["where"])]
    for place, tier in enumerate(ordering["order"], start=1):
        for name in map(str, tier):
            grid = cells[cells["cell_id"].isin(ordering["cells"][name])]
            best = _best(grid, axes, by, mode)
            yield {
                **ordering["where"],
                **{axis: best[axis] for axis in free if axis in best},
                "place": place,
                "member": name,
                **_measured(best, ordering["metric"]),
                "edge": "; ".join(word for axis in free if axis in best for word in edge_notes(grid[axis], best[axis])),
                "grid_cells": len(grid),
                "grid_n": int((grid["state"] == STATES[0]).sum()),
            }


def _best(grid: pd.DataFrame, axes: Sequence[str], metric: str, mode: str) -> Mapping[Any, Any]:
    """The setting where the metric is best; without any, the counts of the whole grid and no axes."""
    if grid.empty:
        return {"cells": 0, "n": 0}
    summary = summarise(grid, axes)
    values = scores(summary, metric, mode).dropna()
    if values.empty:
        return (
            summary.drop(columns=[*axes_of(summary), *(name for name in summary if "/" in str(name))]).sum().to_dict()
        )
    means = summary.loc[values.index, f"{metric}/mean"]
    ranks = pd.DataFrame({"score": values, "mean": means if mode == "max" else -means})
    best: dict[Any, Any] = summary.loc[ranks.sort_values(["score", "mean"], ascending=False).index[0]].to_dict()
    return best


def _measured(row: Mapping[Any, Any], metric: str) -> dict[str, Any]:
    counts = {name: int(row[name]) for name in ("cells", "n", *STATES[1:]) if name in row}
    return {"measured": row.get(f"{metric}/mean", math.nan), "std": row.get(f"{metric}/std", math.nan), **counts}


def _judge(members: Sequence[Mapping[str, Any]], mode: str) -> tuple[str, str]:
    """The verdict; one pair that contradicts settles it, whatever else is still missing."""
    sign = 1 if mode == "max" else -1
    for better in members:
        for worse in members:
            if better["place"] < worse["place"] and sign * better["measured"] <= sign * worse["measured"]:
                return FAILS, f"{better['member']} is not better than {worse['member']}"
    missing = [member["member"] for member in members if math.isnan(member["measured"])]
    return (OPEN, f"no result for {', '.join(missing)}") if missing else (HOLDS, "")


def _frame(rows: Sequence[Mapping[str, Any]], axes: Sequence[str], columns: Sequence[str]) -> pd.DataFrame:
    """Rows as a table: axes first, in the order of the sweep, then `columns`, states only if they occur."""
    found = dict.fromkeys(key for row in rows for key in row)
    named = [key for key in dict.fromkeys([*axes, *found]) if key in found and key not in columns]
    shown = [name for name in columns if name not in STATES or any(row.get(name) for row in rows)]
    counts = {name: 0 for name in shown if name in STATES}
    table = pd.DataFrame([{**counts, **row} for row in rows], columns=[*named, *shown])
    return table.astype(dict.fromkeys(named, object))
