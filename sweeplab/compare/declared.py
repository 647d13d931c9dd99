"""Tables as they were declared: one value per place, the rest chosen on validation data or averaged over.

Refuses to put two settings into one place, and chooses nothing by test data.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pandas as pd

from sweeplab.compare.choice import choose, tuned_axes
from sweeplab.compare.settings import STATES, positions, setting_axes, summarise, varying
from sweeplab.tables import loose_words

MAX_PAIRS = 4
MAX_WORKLOADS = 6
MAX_ACROSS = 40  # columns of a table that nobody asked for
_WORKLOAD = ("model", "dataset")

Declaration = Mapping[str, Any]


@dataclass(frozen=True)
class Layout:
    """What stands in each place of a declared table, or the reason why nothing can.

    `frame`: one row per place and metric: the axes of `rows`, `columns` and `select_over` (there the chosen value),
    `metric`, `cells`, `n`, one count per other state that occurs, `mean`, `std` (over the completed cells of the
    place), `recorded` (cells that have the metric), `setting` (whose cells these are, as its row in the comparison;
    missing where they are not all the cells of one), `note` (what is amiss with the choice).
    """

    frame: pd.DataFrame
    reason: str


def lay_out(cells: pd.DataFrame, axes: Sequence[str], table: Declaration, select: Mapping[str, str]) -> Layout:
    """Mean and spread of a declared table's values in each of its places.

    Args:
        cells: one row per cell: `cell_id`, `state`, every axis, metrics as `split/name`.
        axes: in the order of the sweep, with or without `seed`.
        table: as `sweeplab.tables.declared` gives it.
        select: `monitor`, metric of the validation split to choose by, and `mode`, `max` or `min`.

    Raises:
        ConfigFault: `monitor` is a metric of the test split or unknown, or `mode` is neither word.
    """
    named = _its_cells(cells, table)
    keys = [*table["rows"], *table["columns"], *table["select_over"]]
    if named.empty:
        return Layout(pd.DataFrame(), "none of the sweep's cells fits it")
    if absent := [key for key in keys if key not in named]:
        return Layout(pd.DataFrame(), f"no axis of the sweep: {', '.join(absent)}")
    if loose := _loose(named, axes, table, keys):
        return Layout(pd.DataFrame(), loose_words("it", loose))
    wanted = dict.fromkeys([*table["value"], select["monitor"]])
    summary = summarise(named[[*keys, "state", *(metric for metric in wanted if metric in named)]], keys)
    summary["setting"] = _whose(cells, named, axes, keys)
    if table["select_over"]:
        summary = choose(summary, table["select_over"], by=select["monitor"], mode=select["mode"])
    return Layout(_tidy(summary, keys, table["value"]), "")


def automatic(cells: pd.DataFrame, axes: Sequence[str], value: str) -> list[dict[str, Any]]:
    """The tables that the varying axes call for, as `sweeplab.tables.declared` would give them.

    Where models or data sets vary beside something else: everything else by workload, tuned axes chosen, and one table
    per workload over its tuned axis. Else one table per pair of axes, all others chosen. At most a handful.

    Args:
        cells: one row per cell: `cell_id`, every axis.
        axes: in the order of the sweep, with or without `seed`.
        value: the metric to show.
    """
    varied = varying(cells, setting_axes(axes))
    workload = [axis for axis in varied if axis in _WORKLOAD]
    tuned = tuned_axes(varied)
    rest = [axis for axis in varied if axis not in (*workload, *tuned)]
    made = _by_workload(cells, rest, workload, tuned) if workload and rest else _by_pair(varied, tuned)
    tables = [_complete(cells, value, table) for table in made]
    return [table for table in tables if _is_worth_it(cells, table)]


def _its_cells(cells: pd.DataFrame, table: Declaration) -> pd.DataFrame:
    found = cells[cells["cell_id"].isin(table["cells"])]
    return found.assign(**{name: found["cell_id"].map(values) for name, values in table["values"].items()})


def _whose(cells: pd.DataFrame, named: pd.DataFrame, axes: Sequence[str], keys: Sequence[str]) -> "pd.Series[Any]":
    """For each place the setting that has all of its cells there and no other's, else NA."""
    setting = positions(cells, setting_axes(axes))
    own = named["cell_id"].map(dict(zip(cells["cell_id"], setting, strict=True)))
    there = own.groupby(positions(named, keys))
    whole = (there.nunique() == 1) & (there.size() == there.first().map(setting.value_counts()))
    return there.first().where(whole).astype("Int64")


def _loose(cells: pd.DataFrame, axes: Sequence[str], table: Declaration, keys: Sequence[str]) -> list[str]:
    others = [axis for axis in axes if axis not in (*keys, *table["over"])]
    num_places = positions(cells, keys).nunique()
    return [axis for axis in others if positions(cells, [*keys, axis]).nunique() > num_places]


def _tidy(summary: pd.DataFrame, keys: Sequence[str], metrics: Sequence[str]) -> pd.DataFrame:
    states = [state for state in STATES[1:] if state in summary]
    kept = summary.assign(note=summary.get("note", ""))[[*keys, "cells", "n", *states, "setting", "note"]]
    parts = []
    for metric in metrics:
        numbers = {name: summary.get(f"{metric}/{name}", math.nan) for name in ("mean", "std")}
        nobody = 0 if f"{metric}/mean" not in summary else summary["n"]
        part = kept.assign(metric=metric, **numbers, recorded=summary.get(f"{metric}/n", nobody))
        parts.append(part[[*keys, "metric", "cells", "n", *states, "mean", "std", "recorded", "setting", "note"]])
    return pd.concat(parts, ignore_index=True)


def _by_workload(
    cells: pd.DataFrame, rest: Sequence[str], workload: Sequence[str], tuned: Sequence[str]
) -> Iterator[dict[str, Any]]:
    yield {"rows": rest, "columns": workload, "select_over": tuned}
    if not tuned:
        return
    combinations_ = cells.loc[~positions(cells, workload).duplicated(), list(workload)].to_dict("records")
    for where in combinations_[:MAX_WORKLOADS]:
        yield {"rows": rest, "columns": tuned[:1], "select_over": tuned[1:], "where": where}


def _by_pair(varied: Sequence[str], tuned: Sequence[str]) -> list[dict[str, Any]]:
    ordered = [*(axis for axis in varied if axis not in tuned), *tuned]
    return [
        {"rows": [row], "columns": [column], "select_over": [axis for axis in ordered if axis not in (row, column)]}
        for row, column in list(combinations(ordered, 2))[:MAX_PAIRS]
    ]


def _complete(cells: pd.DataFrame, value: str, table: Mapping[str, Any]) -> dict[str, Any]:
    where = table.get("where", {})
    fits = pd.Series(True, index=cells.index)
    for axis, wanted in where.items():
        fits &= cells[axis] == wanted
    rest = {"title": None, "value": [value], "over": ["seed"], "where": where, "values": {}}
    directions = {key: list(table[key]) for key in ("rows", "columns", "select_over")}
    return {**rest, **directions, "cells": cells.loc[fits, "cell_id"].tolist()}


def _is_worth_it(cells: pd.DataFrame, table: Declaration) -> bool:
    """Whether it is a grid at all: a list of cases would be a diagonal, which the table of settings shows better."""
    named = _its_cells(cells, table)
    down, across = positions(named, table["rows"]).nunique(), positions(named, table["columns"]).nunique()
    places = positions(named, [*table["rows"], *table["columns"]]).nunique()
    return 1 < across <= MAX_ACROSS and places > max(down, across)
