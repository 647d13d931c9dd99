"""Cells become settings: one row per point of the grid without its seed, every cell counted.

Refuses to hide anything: a cell without a result stays in the counts, a NaN metric stays a NaN mean.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from sweeplab.errors import EmptyComparison

SEED = "seed"
COMPLETED = "completed"
ENDED_WITHOUT_RESULT = ("diverged", "failed", "crashed", "out_of_memory", "timed_out")
NOT_ENDED = ("interrupted", "running", "pending")
STATES = (COMPLETED, *ENDED_WITHOUT_RESULT, *NOT_ENDED)


def summarise(cells: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    """Counts, mean and spread of every setting over its seeds.

    Args:
        cells: one row per cell: `state`, every axis, metrics as `split/name`.
        axes: in the order of the sweep; `seed` is the replicate axis whether it is named or not.

    Returns:
        One row per setting in order of first appearance: the axes without seed, `cells` (asked), `n` (completed), one
        count per other state that occurs, then `<metric>/mean` and `<metric>/std` over completed cells: sample standard
        deviation (NaN for n = 1), both NaN as soon as one completed cell has no number there; then, of a metric that
        not every completed cell recorded, how many did: `<metric>/n`.

    Raises:
        EmptyComparison: no cell at all.
    """
    if cells.empty:
        raise EmptyComparison("nothing to compare · 0 cells · at least one · see sweep.json for what was asked")
    keys = setting_axes(axes)
    member = positions(cells, keys)
    settings = cells.loc[~member.duplicated(), keys].reset_index(drop=True)
    return pd.concat([settings, _counts(cells["state"], member), _spreads(cells, axes, member)], axis=1)


def setting_axes(axes: Sequence[str]) -> list[str]:
    """The axes that make a setting: all but the seed."""
    return [axis for axis in axes if axis != SEED]


def metrics_of(cells: pd.DataFrame, axes: Sequence[str]) -> list[str]:
    """Columns of `cells` that are metrics (`split/name`), in their order."""
    return [name for name in cells.columns if "/" in name and name not in axes]


def axes_of(summary: pd.DataFrame) -> list[str]:
    """The axes of a table that `summarise` made: its columns before `cells`."""
    names = list(map(str, summary.columns))
    return names[: names.index("cells")]


def varying(table: pd.DataFrame, axes: Sequence[str]) -> list[str]:
    """Those of `axes` that take more than one value in `table`; not to exist is a value."""
    return [axis for axis in axes if positions(table, [axis]).nunique() > 1]


def is_missing(value: object) -> bool:
    """Whether an axis does not exist for this row: None, NaN or NA (a list never is)."""
    return not pd.api.types.is_list_like(value) and bool(pd.isna(value))  # type: ignore[call-overload]


def positions(table: pd.DataFrame, keys: Sequence[str]) -> "pd.Series[int]":
    """For each row the number of its combination of `keys`, counted by first appearance; shape `(num_rows,)`."""
    order: dict[tuple[object, ...], int] = {}
    rows = table[list(keys)].to_numpy(dtype=object)
    numbers = [order.setdefault(tuple(map(_identity, row)), len(order)) for row in rows]
    return pd.Series(numbers, index=table.index, dtype=int)


def _identity(value: Any) -> object:
    # True == 1 == 1.0 in Python: a flag must not fall together with a number, while 1 and 1.0 are one value
    if pd.api.types.is_list_like(value):
        return repr(value)
    return None if is_missing(value) else (pd.api.types.is_bool(value), value)


def _counts(states: "pd.Series[str]", member: "pd.Series[int]") -> pd.DataFrame:
    by_state = pd.crosstab(member.to_numpy(), states.to_numpy())
    known = [state for state in STATES[1:] if state in by_state]
    others = [state for state in by_state if state not in STATES]
    counts = pd.DataFrame({"cells": by_state.sum(axis=1), "n": by_state.get(COMPLETED, 0)})
    return pd.concat([counts, by_state[known + others]], axis=1)


def _spreads(cells: pd.DataFrame, axes: Sequence[str], member: "pd.Series[int]") -> pd.DataFrame:
    completed = cells["state"] == COMPLETED
    values = cells.loc[completed, metrics_of(cells, axes)].astype(float)
    groups = values.groupby(member[completed])
    # pandas averages over NaN in silence
    incomplete = values.isna().groupby(member[completed]).any()
    statistics = {"mean": groups.mean().mask(incomplete), "std": groups.std(ddof=1).mask(incomplete)}
    columns = {f"{metric}/{name}": table[metric] for metric in values for name, table in statistics.items()}
    spreads = pd.DataFrame(columns, index=range(member.nunique()))
    recorded = groups.count().reindex(spreads.index, fill_value=0)
    partly = recorded.loc[:, incomplete.any()]
    return pd.concat([spreads, partly.add_suffix("/n")], axis=1)
