"""The choice of a hyperparameter: which of the settings that differ only in tuned axes is best on validation data.

Refuses to choose on test data.
"""

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import pandas as pd

from sweeplab.compare.settings import ENDED_WITHOUT_RESULT, STATES, STATISTICS, axes_of, is_missing, positions
from sweeplab.errors import ConfigFault

NO_CHOICE = "no choice"
_STATISTICS = tuple(f"/{name}" for name in STATISTICS)


def choose(summary: pd.DataFrame, over: Sequence[str], by: str = "val/accuracy", mode: str = "max") -> pd.DataFrame:
    """For each combination of the other axes, the setting whose mean of `by` over its seeds is best.

    A cell that ended without a result (diverged, failed, crashed, out of memory, timed out) counts as the worst there
    is: as 0 where the highest is best and nothing lies below 0, as infinitely bad otherwise; a setting that trained on
    one seed of three does not win by that seed alone. Cells still to come count for nothing. Ties go to the setting
    with fewer cells missing, then to the first.

    Args:
        summary: as `summarise` gives it.
        over: the tuned axes.
        by: metric to choose by; never of the test split.
        mode: `max` or `min`.

    Returns:
        The chosen rows of `summary` under their index there, in order of first appearance, and a column `note`: cells
        missing, choice at the edge of its grid. A combination without any result stays: its tuned axes are empty, its
        counts are of all its settings, its note says so.

    Raises:
        ConfigFault: `by` is a test metric or none of the table's, or `mode` is neither word.
    """
    _refuse(summary, by, mode)
    groups = positions(summary, [axis for axis in axes_of(summary) if axis not in over])
    values = scores(summary, by, mode)
    picked = [_pick(group, over, values) for _, group in summary.groupby(groups, sort=False)]
    return pd.concat(picked) if picked else summary.assign(note="")


def tuned_axes(axes: Sequence[str]) -> list[str]:
    """The axes that are chosen on validation data rather than compared: the learning rate, where it is an axis."""
    return [axis for axis in axes if axis == "lr"]


def scores(summary: pd.DataFrame, by: str, mode: str) -> "pd.Series[float]":
    """What settings are ranked by, highest best: mean of `by`, lost cells as the worst; NaN without a result."""
    means = summary.get(f"{by}/mean", pd.Series(math.nan, index=summary.index))
    means = means if mode == "max" else -means
    lost = summary[[state for state in ENDED_WITHOUT_RESULT if state in summary]].sum(axis=1)
    if mode == "max" and not (means < 0).any():
        return means * summary["n"] / (summary["n"] + lost).clip(lower=1)
    return means.mask((lost > 0) & means.notna(), -math.inf)


def mark_chosen(summary: pd.DataFrame, choice: pd.DataFrame) -> pd.DataFrame:
    """`summary` with a column `chosen`, true for the settings that `choose` took, and their `note`."""
    chosen = choice.index[~choice["note"].str.startswith(NO_CHOICE)]
    return summary.assign(chosen=summary.index.isin(chosen), note=choice["note"].reindex(summary.index).fillna(""))


def _refuse(summary: pd.DataFrame, by: str, mode: str) -> None:
    if by.startswith("test/"):
        raise ConfigFault(
            f"a choice by test data is refused · {by} · a metric of the validation split, such as val/accuracy"
            " · see select.monitor"
        )
    if mode not in ("max", "min"):
        raise ConfigFault(f"no such mode of choosing · {mode} · max or min · see select.mode")
    known = [name.removesuffix("/mean") for name in map(str, summary) if name.endswith("/mean")]
    if by not in known and (summary["n"] > 0).any():
        allowed = ", ".join(name for name in known if not name.startswith("test/"))
        raise ConfigFault(f"no cell recorded the metric to choose by · {by} · {allowed} · see select.monitor")


def _pick(group: pd.DataFrame, over: Sequence[str], values: "pd.Series[float]") -> pd.DataFrame:
    ranks = pd.DataFrame({"score": values[group.index], "missing": group["n"] - group["cells"]}).dropna()
    if ranks.empty:
        return _without_result(group, over)
    best = ranks.sort_values(["score", "missing"], ascending=False, kind="stable").index[0]
    row = group.loc[[best]]
    notes = [*_missing_cells(row), *(word for axis in over for word in edge_notes(group[axis], row[axis].iloc[0]))]
    return row.assign(note="; ".join(notes))


def _without_result(group: pd.DataFrame, over: Sequence[str]) -> pd.DataFrame:
    counts = [name for name in ("cells", "n", *STATES) if name in group]
    metrics = [name for name in map(str, group) if name.endswith(_STATISTICS)]
    reason = "the metric is not a number" if group["n"].any() else "no cell has a result"
    row = group.iloc[[0]].assign(**dict.fromkeys(over), **dict.fromkeys(metrics, math.nan))
    row[counts] = group[counts].sum().to_numpy()
    return row.assign(note=f"{NO_CHOICE}: {reason}")


def _missing_cells(row: pd.DataFrame) -> list[str]:
    n, cells = int(row["n"].iloc[0]), int(row["cells"].iloc[0])
    return [f"mean over {n} of {cells} cells"] if n < cells else []


def edge_notes(grid: "pd.Series[Any]", value: object) -> list[str]:
    """Guard G3: the best of an ordered grid may lie beyond it; with two values every value is an edge."""
    values = {float(item) for item in grid if _is_ordered(item)}
    if len(values) < 3 or not _is_ordered(value):
        return []
    sides = {min(values): "lowest", max(values): "highest"}
    return [f"{grid.name} at the edge: the {side} of {len(values)}" for edge, side in sides.items() if edge == value]


def _is_ordered(value: object) -> bool:
    return isinstance(value, Real) and not pd.api.types.is_bool(value) and not is_missing(value)
