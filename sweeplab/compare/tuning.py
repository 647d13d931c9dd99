"""What tuning is worth: the best validation score to expect from a budget of trials.

Refuses to forget trials that failed: a setting that lost all its cells stays a trial and counts as the worst.
"""

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeplab.compare.choice import scores
from sweeplab.compare.comparison import Comparison
from sweeplab.compare.settings import ENDED_WITHOUT_RESULT, positions

Floats = npt.NDArray[np.float64]


def tuning_curve(comparison: Comparison) -> pd.DataFrame:
    """The expected best monitored metric of every contestant after k of the settings it tried.

    A trial is a setting, its score the mean over seeds with lost cells as the worst there is (0 where the highest is
    best and nothing lies below 0, infinitely bad otherwise). The settings are taken as random draws; those of a grid
    are none, so its curve tells what k of *these* settings, taken blindly, would have given.

    Returns:
        One row per contestant and k from 1 to its number of trials: the axes that are not tuned, `metric`, `k`,
        `trials`, `lost` (trials without any result), `to_come` (settings without an ended cell, no trials yet),
        `expected` (without replacement, unbiased), `expected_with_replacement` (biased towards worse), `reason` (why
        there is no curve, or `""`). A contestant without a trial keeps one row, with k empty.

    Source:
        Dodge et al. 2019, arXiv:1909.03004 (with replacement); Tang et al. 2020, arXiv:2004.13797 (without).
    """
    summary, tuned = comparison.settings, comparison.over
    named = [axis for axis in comparison.axes if axis not in tuned]
    values = counted(summary, comparison.monitor, comparison.mode)
    parts = []
    for _, group in summary.groupby(positions(summary, named), sort=False):
        trials = np.asarray(values[group.index].dropna(), dtype=np.float64)
        without = group["n"].eq(0) & values[group.index].notna()
        common = {axis: [group[axis].iloc[0]] for axis in named}
        common |= {"trials": [len(trials)], "lost": [int(without.sum())], "to_come": [len(group) - len(trials)]}
        parts.append(pd.DataFrame(common, dtype=object).merge(_curve(trials, comparison.mode), how="cross"))
    columns = [*named, "metric", "k", "trials", "lost", "to_come", "expected", "expected_with_replacement", "reason"]
    frame = pd.concat(parts, ignore_index=True).assign(metric=comparison.monitor)[columns]
    return frame.astype({"k": "Int64", "trials": int, "lost": int, "to_come": int})


def expected_best(values: Floats, mode: str = "max") -> Floats:
    """The expected best of k of N values drawn without replacement, for k = 1 to N; shape `(N,)`.

    Unbiased: the mean over all subsets of size k; at k = 1 the mean of all, at k = N the best.
    """
    ordered, sign = _worst_first(values, mode)
    means = [_mean(ordered, _shares(len(ordered), k)) for k in range(1, len(ordered) + 1)]
    return sign * np.asarray(means, dtype=np.float64)


def expected_best_with_replacement(values: Floats, mode: str = "max") -> Floats:
    """The expected best of k draws with replacement from N values, for k = 1 to N; shape `(N,)`."""
    ordered, sign = _worst_first(values, mode)
    size = len(ordered)
    if not np.isfinite(ordered).all():
        # it can be drawn every time, however unlikely
        return np.full(size, -sign * math.inf)
    upto = np.arange(size + 1) / max(1, size)
    means = [_mean(ordered, np.diff(upto**k)) for k in range(1, size + 1)]
    return sign * np.asarray(means, dtype=np.float64)


def counted(summary: pd.DataFrame, by: str, mode: str) -> "pd.Series[float]":
    """What every setting counts as, in the metric's own sign: its mean, lost cells as the worst there is.

    NaN only where no cell has ended yet. A setting whose completed cells have no number counts as the worst, too.
    """
    values = scores(summary, by, mode)
    means = summary.get(f"{by}/mean", pd.Series(math.nan, index=summary.index))
    worst = 0.0 if mode == "max" and not (means < 0).any() else -math.inf
    has_ended = summary["n"] + num_lost(summary) > 0
    values = values.mask(values.isna() & has_ended, worst)
    return values if mode == "max" else -values


def num_lost(summary: pd.DataFrame) -> "pd.Series[int]":
    """Cells of each setting that ended without a result."""
    return summary[[state for state in ENDED_WITHOUT_RESULT if state in summary]].sum(axis=1).astype(int)


def _curve(trials: Floats, mode: str) -> pd.DataFrame:
    if not len(trials):
        nothing = {"k": [pd.NA], "expected": [math.nan], "expected_with_replacement": [math.nan]}
        return pd.DataFrame({**nothing, "reason": "no setting has ended"})
    return pd.DataFrame(
        {
            "k": np.arange(1, len(trials) + 1),
            "expected": expected_best(trials, mode),
            "expected_with_replacement": expected_best_with_replacement(trials, mode),
            "reason": "",
        }
    )


def _worst_first(values: Floats, mode: str) -> tuple[Floats, float]:
    sign = 1.0 if mode == "max" else -1.0
    return np.sort(sign * np.asarray(values, dtype=float)), sign


def _shares(size: int, k: int) -> Floats:
    """Which share of all subsets of size k has its best at each place i: C(i - 1, k - 1) / C(N, k)."""
    # each from the one above it, for the binomials themselves outgrow any float
    above = np.arange(size, k, -1, dtype=np.float64)
    falling = np.cumprod(np.concatenate([[k / size], (above - k) / (above - 1)]))
    return np.concatenate([np.zeros(k - 1), falling[::-1]])


def _mean(values: Floats, shares: Floats) -> float:
    """Weighted mean in which what cannot happen adds nothing, however bad."""
    return float(np.sum(np.where(shares > 0, values, 0.0) * shares))
