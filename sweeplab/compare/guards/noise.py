"""Guard of the test set: it is a sample too, and another of its size would give other accuracies."""

from typing import Any

import numpy as np
import pandas as pd

from sweeplab.compare.guards.evidence import Evidence, names
from sweeplab.compare.guards.guard import Remark, listed
from sweeplab.compare.settings import positions

ACCURACY = "test/accuracy"
_QUANTILE = 1.96
_WORDS = f"differences from the highest {ACCURACY} that are below test-sampling noise, however many seeds"


def sampling_noise(evidence: Evidence) -> list[Remark]:
    """Guard G8: differences from the best test accuracy below 1.96 * sqrt(2 p (1 - p) / num_test) are no difference.

    However many seeds there are: they share one test set. Both accuracies are taken as independent, which is cautious.
    """
    choice = evidence.comparison.choice
    if f"{ACCURACY}/mean" not in choice:
        return []
    means: pd.Series[float] = choice[f"{ACCURACY}/mean"].dropna()
    sizes = {cell_id: int(np.sum(matrix)) for cell_id, matrix in evidence.confusions.items()}
    subjects = dict(zip(choice.index, names(choice, evidence.workload_axes), strict=True))
    rest = [axis for axis in evidence.comparison.varying if axis not in evidence.workload_axes]
    own = dict(zip(choice.index, names(choice, rest), strict=True))
    remarks = []
    for _, group in means.groupby(positions(choice, evidence.workload_axes).loc[means.index], sort=False):
        leader: Any = group.idxmax()
        num_test = next((sizes[cell] for cell in evidence.members[leader] if cell in sizes), 0)
        if not num_test:
            continue
        limits = noise((group + group.max()) / 2, num_test)
        below = (group.max() - group < limits) & (group.index != leader)
        close = group.index[below]
        if len(close):
            close_to = f"{own[leader]} by less than {limits.loc[leader]:.4f} on {num_test:,} test examples"
            who = f"{listed(own[setting] for setting in close)} below {close_to}"
            who = f"{subjects[leader]} ({who})" if subjects[leader] else who
            cells = tuple(cell for setting in (leader, *close) for cell in evidence.members[setting])
            remarks.append(Remark("G8", "warning", evidence.chosen_in, _WORDS, cells, who))
    return remarks


def noise(accuracies: "pd.Series[float]", num_test: int) -> "pd.Series[float]":
    """How far two like accuracies on `num_test` examples may lie apart by the sampling of examples alone (95 %)."""
    return _QUANTILE * (2 * accuracies * (1 - accuracies) / num_test).pow(0.5)
