"""Guard of the schedule: a learning rate that is gone, or not yet there, for most of the training decides who wins."""

import numpy as np
import pandas as pd

from sweeplab.compare.guards.evidence import Evidence, Floats, names
from sweeplab.compare.guards.guard import Remark
from sweeplab.compare.settings import positions

FLOOR_BEFORE = 0.5  # share of the planned epochs
WARM_UP_BEYOND = 0.2  # share of the planned epochs
MEAN_RATIO = 3.0
EARLY_FLOOR = (
    f"the schedule reaches its floor before {FLOOR_BEFORE:.0%} of the epochs: it is one for a shorter training"
)
LONG_WARM_UP = f"the warm-up lasts longer than {WARM_UP_BEYOND:.0%} of the epochs"
_EQUAL = 1e-3  # relative difference of two rates that count as one
_FEW = 4  # epochs below which the rate at the end of each says nothing of the schedule


def schedule_and_horizon(evidence: Evidence) -> list[Remark]:
    """Guard G9: a floor reached before half of the epochs, a warm-up beyond a fifth, arms with unlike mean rates.

    Rates are those at the end of each epoch. Mean rates are compared as shares of their own peak, so that rates tuned
    for each arm are no fault.
    """
    planned = dict(zip(evidence.cells["cell_id"], evidence.value("max_epochs"), strict=True))
    settings = dict(zip(evidence.cells["cell_id"], evidence.setting, strict=True))
    remarks: list[Remark] = []
    shares: dict[str, float] = {}
    for cell_id, epochs, rates in evidence.traces("lr"):
        horizon = planned[cell_id]
        if pd.isna(horizon) or horizon < _FEW or epochs[-1] < FLOOR_BEFORE * horizon or rates.max() <= 0:
            continue
        name = evidence.names[settings[cell_id]]
        faults = {
            EARLY_FLOOR: _floor(epochs, rates, horizon),
            LONG_WARM_UP: _warm_up(epochs, rates, horizon),
        }
        remarks += [
            Remark("G9", "warning", "settings", words, (cell_id,), f"{name} ({detail})".strip())
            for words, detail in faults.items()
            if detail
        ]
        shares[cell_id] = float(rates.mean() / rates.max())
    return [*remarks, *_unlike_means(evidence, shares)]


def _floor(epochs: Floats, rates: Floats, horizon: float) -> str:
    """From the lowest rate on nothing changes; a rate that has hardly fallen has no floor."""
    floor = rates[-1] * (1 + _EQUAL)
    if rates.min() * (1 + _EQUAL) < rates[-1] or floor > rates.max() / 2:
        return ""
    reached = epochs[np.flatnonzero(rates > floor)[-1] + 1]
    if reached >= FLOOR_BEFORE * horizon:
        return ""
    return f"lr={rates[-1]:.3g} from epoch {reached:.0f} of {horizon:.0f} on, for the last {1 - reached / horizon:.0%}"


def _warm_up(epochs: Floats, rates: Floats, horizon: float) -> str:
    first = int(np.flatnonzero(rates >= rates.max() * (1 - _EQUAL))[0])
    # the peak lies somewhere in the epoch at whose end it is first seen
    share = (epochs[first] - 0.5) / horizon
    if not first or share <= WARM_UP_BEYOND:
        return ""
    return f"about {share:.0%} of {horizon:.0f} epochs"


def _unlike_means(evidence: Evidence, shares: dict[str, float]) -> list[Remark]:
    known = evidence.cells["cell_id"].map(shares)
    if not evidence.arm_axes or known.isna().all():
        return []
    workloads = names(evidence.cells, evidence.workload_axes)
    frame = pd.DataFrame({"arm": names(evidence.cells, evidence.arm_axes), "share": known}).dropna()
    remarks = []
    for _, group in frame.groupby(positions(evidence.cells, evidence.workload_axes), sort=False):
        means = group.groupby("arm", sort=False)["share"].median()
        ratio = means.max() / means.min()
        if ratio > MEAN_RATIO:
            words = (
                f"unlike schedules: over the training lr is {means.min():.2f} of its peak in the mean with"
                f" {means.idxmin()} and {means.max():.2f} with {means.idxmax()}, {ratio:.1f} times as much"
            )
            remarks.append(Remark("G9", "warning", "settings", words, subject=workloads[group.index[0]]))
    return remarks
