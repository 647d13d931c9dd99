"""Cells become settings: one row per point of the grid without its seed, every cell counted.

Refuses to hide anything: a cell without a result stays in the counts, a NaN metric stays a NaN mean.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from sweeplab.compare.interval import Numbers, mean_interval
from sweeplab.errors import EmptyComparison

SEED = "seed"
COMPLETED = "completed"
ENDED_WITHOUT_RESULT = ("diverged", "failed", "crashed", "out_of_memory", "timed_out")
NOT_ENDED = ("interrupted", "running", "pending")
STATES = (COMPLETED, *ENDED_WITHOUT_RESULT, *NOT_ENDED)
STATISTICS = ("mean", "std", "low", "high", "median", "best", "iqm")


def summarise(cells: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    """Counts, mean and spread of every setting over its seeds.

    Args:
        cells: one row per cell: `state`, every axis, metrics as `split/name`.
        axes: in the order of the sweep; `seed` is the replicate axis whether it is named or not.

    Returns:
        One row per setting in order of first appearance: the axes without seed, `cells` (asked), `n` (completed), one
        count per other state that occurs, then for each metric over completed cells `<metric>/mean`, `/std` (sample
        standard deviation, NaN for n = 1), `/low` and `/high` (95 % interval of the mean, NaN for n < 3), `/median`,
        `/best` (lowest of a loss or objective, else highest) and `/iqm` (mean of the middle half; for n < 4 of all),
        all NaN as soon as one completed cell has no number there; then, of a metric that not every completed cell
        recorded, how many did: `<metric>/n`.

    Raises:
        EmptyComparison: no cell at all.

    Source:
        Agarwal et al. 2021, arXiv:2108.13264 (interquartile mean).
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


def is_lower_better(metric: str) -> bool:
    """Whether a lower value of `split/name` is a better one: of losses and objectives, by their name."""
    name = metric.rpartition("/")[2]
    return "loss" in name or "objective" in name


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
    statistics = {"mean": groups.mean(), "std": groups.std(ddof=1), **_order_statistics(values, member[completed])}
    known = {name: table.mask(incomplete) for name, table in statistics.items()}
    columns = {f"{metric}/{name}": known[name][metric] for metric in values for name in STATISTICS}
    spreads = pd.DataFrame(columns, index=range(member.nunique()))
    recorded = groups.count().reindex(spreads.index, fill_value=0)
    partly = recorded.loc[:, incomplete.any()]
    return pd.concat([spreads, partly.add_suffix("/n")], axis=1)


def _order_statistics(values: pd.DataFrame, member: "pd.Series[int]") -> dict[str, pd.DataFrame]:
    """What needs all seeds of a setting at once; settings with as many seeds are taken together."""
    by_member = values.to_numpy()[member.argsort(kind="stable")]
    members, sizes = np.unique(member, return_counts=True)
    starts = sizes.cumsum() - sizes
    lower = np.array([is_lower_better(str(metric)) for metric in values], dtype=np.bool_)
    found = {name: np.full((len(members), values.shape[1]), np.nan) for name in STATISTICS[2:]}
    for size in np.unique(sizes):
        places = np.flatnonzero(sizes == size)
        for name, numbers in _of_equal_size(by_member[starts[places, None] + np.arange(size)], lower).items():
            found[name][places] = numbers
    return {name: pd.DataFrame(table, index=members, columns=values.columns) for name, table in found.items()}


def _of_equal_size(seeds: Numbers, lower: NDArray[np.bool_]) -> dict[str, Numbers]:
    """Statistics over seeds, each of shape `(num_settings, num_metrics)`, of `(num_settings, num_seeds, num_metrics)`.

    `lower`: of which metrics the lowest is best, shape `(num_metrics,)`.
    """
    low, high = mean_interval(seeds.transpose(0, 2, 1))
    best = np.where(lower, seeds.min(axis=1), seeds.max(axis=1))
    iqm = stats.trim_mean(seeds, 0.25, axis=1)
    return {"low": low, "high": high, "median": np.median(seeds, axis=1), "best": best, "iqm": iqm}
