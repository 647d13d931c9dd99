"""Scores on a scale that workloads share, and what they come to: interquartile mean, optimality gap, profile.

Refuses to average raw metrics: every score here is first placed between a floor and a ceiling of its workload.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import nan
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from sweeplab.compare.comparison import Comparison
from sweeplab.compare.interval import MIN_SEEDS, Numbers
from sweeplab.compare.settings import COMPLETED, NOT_ENDED, positions
from sweeplab.compare.workloads import Contest

_AGGREGATE = ("iqm", "iqm_low", "iqm_high", "gap", "gap_low", "gap_high", "cells", "lost", "workloads", "fewest")
COMMONEST = "the commonest class alone"
_DRAWS = 2000
_SEED = 20260103
_TAILS = (0.025, 0.975)


def runs(contest: Contest, comparison: Comparison, cells: pd.DataFrame) -> pd.DataFrame:
    """The cells behind a contest: those of the chosen settings that have ended, on the workloads of its table.

    Returns:
        One row per cell: `cell_id`, `contestant`, `workload`, `state`, `value` (the contest's metric; NaN for a cell
        lost or without a finite number). Where nothing could be chosen, the cells of the first setting of that
        contestant, all lost.
    """
    entry = contest.ranked.reindex(positions(cells, comparison.axes))
    frame = pd.DataFrame(
        {
            "cell_id": cells["cell_id"].to_numpy(),
            "contestant": entry["contestant"].to_numpy(),
            "workload": entry["workload"].to_numpy(),
            "state": cells["state"].to_numpy(),
            "value": cells[contest.metric].to_numpy(float),
        }
    )
    has_result = (frame["state"] == COMPLETED) & np.isfinite(frame["value"]) & entry["score"].notna().to_numpy()
    frame["value"] = frame["value"].where(has_result)
    shown = frame[frame["contestant"].notna() & ~frame["state"].isin(NOT_ENDED)]
    return shown.astype({"contestant": int, "workload": int}).reset_index(drop=True)


def scored(
    contest: Contest, comparison: Comparison, cells: pd.DataFrame, confusions: Mapping[str, Sequence[Sequence[int]]]
) -> pd.DataFrame:
    """The cells behind a contest as `normalise` gives them, an accuracy with chance as its floor where it is known."""
    frame = runs(contest, comparison, cells)
    floors = chance(frame, confusions) if contest.metric.endswith("/accuracy") else {}
    found = normalise(frame, contest.mode, floors)
    return found.assign(zero=found["zero"].mask(found["workload"].isin(floors), COMMONEST))


def chance(frame: pd.DataFrame, confusions: Mapping[str, Sequence[Sequence[int]]]) -> dict[int, float]:
    """Accuracy by naming the commonest class alone, of each workload with a confusion matrix: floors of an accuracy.

    Args:
        frame: as `runs` gives it.
        confusions: test examples by true (rows) and predicted class, by cell id.
    """
    found = {}
    for cell_id, workload in zip(frame["cell_id"], frame["workload"], strict=True):
        if cell_id in confusions:
            support = np.asarray(confusions[cell_id]).sum(axis=1)
            found[int(workload)] = float(support.max() / support.sum())
    return found


def normalise(
    frame: pd.DataFrame,
    mode: str,
    floors: Mapping[int, float] | None = None,
    ceilings: Mapping[int, float] | None = None,
) -> pd.DataFrame:
    """Every cell's value as a share of the way from its workload's floor to its ceiling.

    `score = (value - floor) / (ceiling - floor)`; a lost cell scores 0, and so does one below the floor. Floor and
    ceiling that are not given are the worst and the best completed cell of the workload (a min-max scale, on which
    scores depend on who takes part). Where ceiling and floor coincide, whoever reaches them scores 1.

    Args:
        frame: as `runs` gives it.
        mode: whether the metric's `max` or `min` is best.
        floors: by workload, such as the accuracy of chance, in the metric's unit.
        ceilings: by workload, such as a target, in the metric's unit; scores may exceed 1 then.

    Returns:
        `frame` with `floor`, `ceiling`, `score` (0 or above), and in words what 0 and 1 are there: `zero`, `one`.
    """
    sign = 1 if mode == "max" else -1
    by_workload = (sign * frame["value"]).groupby(frame["workload"])
    floor = sign * frame["workload"].map(floors or {}).astype(float)
    ceiling = sign * frame["workload"].map(ceilings or {}).astype(float)
    zero = np.where(floor.notna(), "the floor given", "the worst cell")
    one = np.where(ceiling.notna(), "the ceiling given", "the best cell")
    floor = floor.fillna(by_workload.transform("min"))
    ceiling = ceiling.fillna(by_workload.transform("max"))
    span = ceiling - floor
    value = sign * frame["value"]
    share = ((value - floor) / span.where(span > 0)).clip(lower=0)
    degenerate = (value >= ceiling).astype(float)
    score = share.where(span > 0, degenerate).fillna(0.0)
    return frame.assign(floor=sign * floor, ceiling=sign * ceiling, score=score, zero=zero, one=one)


def aggregate(frame: pd.DataFrame, target: float = 1.0) -> pd.DataFrame:
    """Interquartile mean and optimality gap of every contestant over its seeds and workloads together.

    Intervals (95 %) are percentiles of a bootstrap that draws seeds within each workload, their arms lengthened by
    `t / z * sqrt(cells / (cells - workloads))`: the percentiles alone cover 83 to 94 %, so lengthened 94 to 96 %
    (normal scores, 2 to 20 workloads, 3 to 10 seeds). Floors and ceilings are taken as known. None where a workload has
    fewer than 3 cells. Draws are fixed and act on sorted scores: the order of rows is of no account.

    Args:
        frame: as `normalise` gives it.
        target: the score beyond which nothing more is gained.

    Returns:
        One row per contestant, indexed by its number: `iqm` (mean of the middle half), `iqm_low`, `iqm_high`, `gap`
        (`target - mean(min(score, target))`), `gap_low`, `gap_high`, `cells`, `lost`, `workloads`, `fewest` (cells on
        any of its workloads).

    Source:
        Agarwal et al. 2021, arXiv:2108.13264. Differs: the arms, which are the percentiles' own there.
    """
    rows = [{"contestant": number, **_aggregated(own, target)} for number, own in frame.groupby("contestant")]
    return pd.DataFrame(rows, columns=["contestant", *_AGGREGATE]).set_index("contestant")


def profile(frame: pd.DataFrame, thresholds: Sequence[float]) -> pd.DataFrame:
    """Share of each contestant's cells that score above each threshold, every workload weighing the same.

    Args:
        frame: as `normalise` gives it.
        thresholds: scores.

    Returns:
        One row per contestant and threshold: `contestant`, `threshold`, `share`: it never rises with the threshold.

    Source:
        Agarwal et al. 2021, arXiv:2108.13264 (run-score distribution, Dolan and Moré 2002 before it).
    """
    levels = np.asarray(thresholds, dtype=float)
    parts = []
    for contestant, own in frame.groupby("contestant"):
        above = [(part.to_numpy()[:, None] > levels).mean(axis=0) for _, part in own.groupby("workload")["score"]]
        share = np.mean(np.sort(above, axis=0), axis=0)
        parts.append(pd.DataFrame({"contestant": contestant, "threshold": levels, "share": share}))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["contestant", "threshold", "share"])


def _aggregated(own: pd.DataFrame, target: float) -> dict[str, Any]:
    strata = [np.sort(part.to_numpy()) for _, part in own.groupby("workload")["score"]]
    strata.sort(key=lambda part: (len(part), *part))
    fewest = min(map(len, strata))
    scores = np.concatenate(strata)[None]
    drawn = _resampled(strata) if fewest >= MIN_SEEDS else np.full((1, 1), nan)
    counts = {"cells": len(own), "lost": int(own["value"].isna().sum()), "workloads": len(strata), "fewest": fewest}
    freedom = max(1, len(own) - len(strata))
    factor = float(stats.t.ppf(_TAILS[1], freedom) / stats.norm.ppf(_TAILS[1]) * np.sqrt(len(own) / freedom))
    statistics: dict[str, Callable[[Numbers], Numbers]] = {"iqm": _iqm, "gap": partial(_gap, target=target)}
    found: dict[str, float] = {}
    for name, statistic in statistics.items():
        value = float(statistic(scores)[0])
        low, high = value + factor * (np.quantile(statistic(drawn), _TAILS) - value)
        found |= {name: value, f"{name}_low": float(low), f"{name}_high": float(high)}
    return {**found, **counts}


def _resampled(strata: Sequence[Numbers]) -> Numbers:
    """Seeds drawn anew within each workload, shape `(num_draws, num_cells)`."""
    generator = np.random.default_rng(_SEED)
    return np.concatenate([part[generator.integers(len(part), size=(_DRAWS, len(part)))] for part in strata], axis=1)


def _iqm(rows: Numbers) -> Numbers:
    return np.asarray(stats.trim_mean(rows, 0.25, axis=1))


def _gap(rows: Numbers, target: float) -> Numbers:
    return np.asarray(target - np.minimum(rows, target).mean(axis=1))
