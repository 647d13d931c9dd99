"""How much a contestant depends on its learning rate: how wide the good range is, and whether the grid holds it.

A contestant is a point of the axes that are not tuned. Refuses to let a rate that lost cells pass for a good one
untold: lost cells count here as they do in the choice.
"""

import math
from collections.abc import Iterator, Sequence
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeplab.compare.choice import choose
from sweeplab.compare.comparison import Comparison
from sweeplab.compare.settings import is_lower_better, positions
from sweeplab.compare.tuning import counted, num_lost

RATE = "lr"
MIN_RATES = 3
POINT = 0.01  # one percentage point of an accuracy
SHARE = 0.05  # of a loss
_ROUNDING = 1e-12  # of a subtraction, so that what lies exactly at the limit is within
_STATISTICS = ("mean", "std", "low", "high")
_RANGE = ("best_lr", "best", "tolerance", "good_from", "good_to", "decades", "good_rates", "open", "edge", "suggested")

Floats = npt.NDArray[np.float64]


def rate_profile(comparison: Comparison) -> pd.DataFrame:
    """The monitored metric of every contestant at every learning rate.

    Args:
        comparison: where more axes than `lr` are tuned, each rate stands with the best of the others, as they would be
            chosen at that rate.

    Returns:
        One row per contestant and positive rate, rates ascending: `contestant` (number), its axes, `lr`, `cells`, `n`,
        `lost` (cells that ended without a result), `mean`, `std`, `low`, `high` (NaN where not known), `score`: the
        mean with lost cells as the worst there is, NaN where no cell has ended; `chosen`. Empty where no rate
        was swept.
    """
    summary, named = comparison.settings, contestant_axes(comparison)
    columns = ["contestant", *named, RATE, "cells", "n", "lost", *_STATISTICS, "score", "chosen"]
    if RATE not in summary:
        return pd.DataFrame(columns=columns)
    usable = summary[summary[RATE].map(_is_rate)]
    others = [axis for axis in comparison.over if axis != RATE]
    if others and len(usable):
        usable = choose(usable, others, comparison.monitor, comparison.mode)
    told = {name: usable.get(f"{comparison.monitor}/{name}", math.nan) for name in _STATISTICS}
    frame = usable.assign(
        **told,
        contestant=positions(summary, named).reindex(usable.index),
        lost=num_lost(usable),
        score=counted(usable, comparison.monitor, comparison.mode),
        chosen=summary["chosen"].reindex(usable.index),
    )
    frame[RATE] = frame[RATE].astype(float)
    return frame.sort_values(["contestant", RATE], kind="stable", ignore_index=True)[columns]


def sensitivity(comparison: Comparison, tolerance: float | None = None) -> pd.DataFrame:
    """The best learning rate of every contestant and the range around it in which it does about as well.

    The good range is the unbroken stretch around the best rate whose score (lost cells as the worst) lies within
    `tolerance` of the best. Its ends are interpolated between neighbouring rates, the metric taken as linear in
    log10(lr); beside a rate that lost cells or has not ended nothing is interpolated, and the range ends at the last
    good rate. Where the grid ends first, the width is a lower bound and `open` names the side.

    Args:
        comparison: of settings.
        tolerance: in units of the metric; None takes 5 % of the best value of a loss or objective and 0.01 of
            anything else (one percentage point of an accuracy).

    Returns:
        One row per contestant: its axes, `metric`, `cells`, `n`, `lost`, `rates` (tried), `best_lr`, `best` (its mean),
        `tolerance`, `good_from`, `good_to`, `decades` (width), `good_rates` (rates tried within the range), `open`
        (`""`, `low`, `high` or `both`), `edge` (`""`, `lowest` or `highest`: guard G3, silent below three rates),
        `suggested` (further rates at the grid's mean spacing), `reason` (why there is no range, or `""`). Empty where
        no rate was swept.
    """
    profile, named = rate_profile(comparison), contestant_axes(comparison)
    rows = list(_rows(profile, named, comparison, tolerance))
    return pd.DataFrame(rows, columns=[*named, "metric", "cells", "n", "lost", "rates", *_RANGE, "reason"])


def contestant_axes(comparison: Comparison) -> list[str]:
    """The axes that name a contestant: all of a setting's but the tuned ones and the learning rate."""
    return [axis for axis in comparison.axes if axis not in (*comparison.over, RATE)]


def tolerance_of(metric: str, best: float) -> float:
    """How far from the best still counts as good: 5 % of a loss, one point of an accuracy and its like."""
    return SHARE * abs(best) if is_lower_better(metric) else POINT


def _rows(
    profile: pd.DataFrame, named: Sequence[str], comparison: Comparison, tolerance: float | None
) -> Iterator[dict[str, Any]]:
    sign = 1.0 if comparison.mode == "max" else -1.0
    for _, rates in profile.groupby("contestant", sort=False):
        counts = {name: int(rates[name].sum()) for name in ("cells", "n", "lost")}
        common = {**rates.iloc[0][list(named)], "metric": comparison.monitor, **counts, "rates": len(rates)}
        values = sign * rates["score"].to_numpy(dtype=float)
        if not np.isfinite(values).any() or not rates["mean"].notna().any():
            reason = "every learning rate lost cells" if rates["n"].any() else "no learning rate has a result"
            yield {**common, "open": "", "edge": "", "suggested": (), "reason": reason}
            continue
        best = _best(rates, values)
        width = tolerance_of(comparison.monitor, values[best]) if tolerance is None else tolerance
        found = {"best_lr": rates[RATE].iloc[best], "best": rates["mean"].iloc[best], "tolerance": width}
        yield {**common, **found, **_range(rates, values, best, width)}


def _best(rates: pd.DataFrame, values: Floats) -> int:
    """The place of the best rate; of equals the one that was chosen."""
    ties = np.flatnonzero(values == np.nanmax(values))
    chosen = rates["chosen"].to_numpy(dtype=bool)[ties]
    return int(ties[chosen.argmax()])


def _range(rates: pd.DataFrame, values: Floats, best: int, width: float) -> dict[str, Any]:
    x = np.log10(rates[RATE].to_numpy(dtype=float))
    if len(x) < 2:
        return {"open": "", "edge": "", "suggested": (), "reason": "one learning rate: no range"}
    known = np.where(rates["lost"] > 0, math.nan, values)
    floor = values[best] - width - _ROUNDING
    low, first, is_open_below = _reach(x, values, known, best, floor, -1)
    high, last, is_open_above = _reach(x, values, known, best, floor, +1)
    sides = {(True, True): "both", (True, False): "low", (False, True): "high", (False, False): ""}
    edge = {0: "lowest", len(x) - 1: "highest"}.get(best, "") if len(x) >= MIN_RATES else ""
    return {
        "good_from": 10**low,
        "good_to": 10**high,
        "decades": high - low,
        "good_rates": last - first + 1,
        "open": sides[is_open_below, is_open_above],
        "edge": edge,
        "suggested": _further(x, edge),
        "reason": "" if len(x) >= MIN_RATES else "two learning rates: every one is at an edge",
    }


def _reach(x: Floats, values: Floats, known: Floats, best: int, floor: float, step: int) -> tuple[float, int, bool]:
    """Where the range ends in one direction, the last rate within it, and whether the grid ended first."""
    at = best
    while 0 <= at + step < len(x) and values[at + step] >= floor:
        at += step
    beyond = at + step
    if not 0 <= beyond < len(x):
        return float(x[at]), at, True
    if not math.isfinite(known[at]) or not math.isfinite(known[beyond]):
        return float(x[at]), at, False
    share = (values[at] - floor) / (values[at] - values[beyond])
    return float(x[at] + share * (x[beyond] - x[at])), at, False


def _further(x: Floats, edge: str) -> tuple[float, ...]:
    if not edge:
        return ()
    spacing = (x[-1] - x[0]) / (len(x) - 1)
    places = (x[0] - spacing, x[0] - 2 * spacing) if edge == "lowest" else (x[-1] + spacing, x[-1] + 2 * spacing)
    return tuple(float(f"{10**place:.3g}") for place in places)


def _is_rate(value: object) -> bool:
    return isinstance(value, Real) and not pd.api.types.is_bool(value) and 0 < float(value) < math.inf
