"""Time to target: how soon each contestant reaches the same validation result, workload by workload.

Refuses seconds where they were not taken alone on one device, and never drops a cell that missed the target.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, nan
from typing import Any

import numpy as np
import pandas as pd

from sweeplab.cell import label
from sweeplab.compare.clock import COLUMNS, fair_unit
from sweeplab.compare.comparison import Comparison
from sweeplab.compare.interval import Numbers
from sweeplab.compare.profiles import runs
from sweeplab.compare.settings import COMPLETED
from sweeplab.compare.workloads import Contest
from sweeplab.errors import ConfigFault

LATEST = 4.0  # times the fastest; beyond it a contestant counts as not having reached the target


@dataclass(frozen=True)
class Race:
    """Times to target and what they come to.

    `times`: one row per contestant and workload: `contestant`, `workload`, `target`, `time` (median over seeds, inf if
    half of them or more missed it), `ratio` (to the fastest contestant there, inf if nobody reached it), `reached`
    (cells that did), `cells` (that have ended). `scores`: one row per contestant, indexed by its number: `score` (area
    under its profile up to `LATEST`, in [0, 1]), `fastest` (workloads, alone or tied), `hit` (workloads whose time is
    finite), `workloads`, `reached`, `cells`. `unit`: of times. `metric`: that must reach the target. `is_derived`:
    whether the targets come from these cells. `notes`: what was not done as asked, in words.
    """

    times: pd.DataFrame
    scores: pd.DataFrame
    unit: str
    metric: str
    is_derived: bool
    notes: list[str]


def race(
    contest: Contest,
    comparison: Comparison,
    cells: pd.DataFrame,
    curves: pd.DataFrame,
    *,
    targets: Mapping[int, float] | None = None,
    unit: str = "steps",
    origins: pd.DataFrame | None = None,
    ran_alone: bool = False,
) -> Race:
    """Median time to target of every contestant on every workload of the contest, and its score over all.

    A cell reaches the target at its first evaluation that is at least as good; times are thus multiples of the distance
    between evaluations. A cell that ended without a result never counts as having reached it.

    Args:
        contest: who and where.
        comparison: of the settings it was made from; its monitored metric must reach the target.
        cells: the cells that were compared.
        curves: `cell_id`, `epoch`, `step`, `train_time_s` (since the start, training alone), the monitored metric.
        targets: by workload; where none are given each is the median over contestants of the median over seeds of the
            best value of the metric, so that about half of the contestants reach it; lost cells are the worst, and
            where that leaves no target it is the least median there is.
        unit: `steps`, `epochs` or `seconds`; guard G16 turns seconds into steps, and says so.
        origins: `cell_id`, `device`, `threads`, `batch_size` of cells with a result.
        ran_alone: whether no cell shared its device with another.

    Raises:
        ConfigFault: no such unit, or some workload of the contest lacks a target.

    Source:
        AlgoPerf: Dahl et al. 2023, arXiv:2306.07179; profiles: Dolan and Moré 2002. Differs: the median is over seeds
        of one chosen setting, not over studies of several trials.
    """
    own = runs(contest, comparison, cells)
    unit, notes = fair_unit(unit, own, origins, ran_alone=ran_alone)
    metric, sign = comparison.monitor, 1 if comparison.mode == "max" else -1
    best = _best(own, curves, metric, sign)
    aims = _derived(own, best, sign) if targets is None else _given(contest, targets)
    own = own.assign(target=own["workload"].map(aims).astype(float))
    own["time"] = _first_times(own, curves, metric, sign, COLUMNS[unit])
    times = _times(own)
    return Race(times, _scores(times), unit, metric, targets is None, notes)


def profile(times: pd.DataFrame, factors: Sequence[float]) -> pd.DataFrame:
    """Share of workloads on which each contestant needs at most so many times as long as the fastest there.

    Args:
        times: those of a `Race`.
        factors: 1 or above.

    Returns:
        One row per contestant and factor: `contestant`, `factor`, `share`: it never falls with the factor.
    """
    levels = np.asarray(factors, dtype=float)
    shares = {
        who: (own.to_numpy()[:, None] <= levels).mean(axis=0) for who, own in times.groupby("contestant")["ratio"]
    }
    parts = [pd.DataFrame({"contestant": who, "factor": levels, "share": share}) for who, share in shares.items()]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["contestant", "factor", "share"])


def score(ratios: Numbers, latest: float = LATEST) -> float:
    """Mean height of the profile between 1 and `latest`, exactly: each workload adds `(latest - ratio) / (latest - 1)`.

    Args:
        ratios: time over that of the fastest, one per workload; inf where the target was missed.
        latest: the ratio from which a workload adds nothing.
    """
    return float(np.maximum(0.0, (latest - np.asarray(ratios, dtype=float)) / (latest - 1)).mean())


def _best(own: pd.DataFrame, curves: pd.DataFrame, metric: str, sign: int) -> "pd.Series[float]":
    """Best value of the metric of each row of `own`, of which the highest is best; -inf for a lost cell."""
    values = (sign * _numbers(curves, metric)).groupby(curves["cell_id"]).max()
    return own["cell_id"].map(values).astype(float).where(_has_result(own)).fillna(-inf)


def _derived(own: pd.DataFrame, best: "pd.Series[float]", sign: int) -> Mapping[Any, float]:
    medians = best.groupby([own["workload"], own["contestant"]]).median()
    middle = medians.groupby("workload").median()
    least = medians.where(np.isfinite(medians)).groupby("workload").min()
    return dict((sign * middle.where(np.isfinite(middle), least)).items())


def _given(contest: Contest, targets: Mapping[int, float]) -> Mapping[Any, float]:
    points = contest.workloads.astype(object).to_dict("records")
    for number in contest.table.columns.to_numpy():
        if number not in targets:
            name = label({str(axis): value for axis, value in points[number].items()})
            raise ConfigFault(f"no target for a workload · {name} · one for each · see the report's settings")
    return targets


def _first_times(own: pd.DataFrame, curves: pd.DataFrame, metric: str, sign: int, column: str) -> "pd.Series[float]":
    aims = curves["cell_id"].map(own.set_index("cell_id")["target"]).astype(float)
    is_there = sign * _numbers(curves, metric) >= sign * aims
    first = _numbers(curves, column)[is_there].groupby(curves["cell_id"][is_there]).min()
    return own["cell_id"].map(first).astype(float).where(_has_result(own)).fillna(inf)


def _times(own: pd.DataFrame) -> pd.DataFrame:
    groups = own.groupby(["contestant", "workload"])
    times = pd.DataFrame(
        {
            "target": groups["target"].first(),
            "time": groups["time"].median(),
            "reached": groups["time"].apply(lambda times: int(np.isfinite(times).sum())),
            "cells": groups.size(),
        }
    ).reset_index()
    fastest = times.groupby("workload")["time"].transform("min")
    ratio = times["time"] / fastest.where(fastest > 0)
    ratio = ratio.mask(times["time"] == fastest, 1.0).where(np.isfinite(times["time"]), inf).fillna(inf)
    times.insert(4, "ratio", ratio)
    return times


def _scores(times: pd.DataFrame) -> pd.DataFrame:
    groups = times.groupby("contestant")
    return pd.DataFrame(
        {
            "score": groups["ratio"].apply(lambda ratios: score(np.sort(ratios.to_numpy(float)))),
            "fastest": groups["ratio"].apply(lambda ratios: int((ratios == 1).sum())),
            "hit": groups["time"].apply(lambda own: int(np.isfinite(own).sum())),
            "workloads": groups.size(),
            "reached": groups["reached"].sum(),
            "cells": groups["cells"].sum(),
        }
    )


def _has_result(own: pd.DataFrame) -> "pd.Series[bool]":
    return own["state"] == COMPLETED


def _numbers(table: pd.DataFrame, name: str) -> "pd.Series[float]":
    return table.get(name, pd.Series(nan, index=table.index)).astype(float)
