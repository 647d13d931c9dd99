"""Guards of a single training: whether it learnt anything, and whether its last epochs agree."""

import math
from typing import Any

import numpy as np

from sweeplab.compare.guards.evidence import Evidence, Floats
from sweeplab.compare.guards.guard import Remark

CHANCE_LOSS = 0.99  # share of ln(number of classes)
STANDARD_ERRORS = 2.0
TRAILING = 10  # epochs
DEVIATIONS = 2.0
POINT = 0.01  # smallest difference of an accuracy that matters
SHARE = 0.05  # smallest relative difference of a loss that matters
_FEW = 5  # epochs below which there is no telling


def did_not_train(evidence: Evidence) -> list[Remark]:
    """Guard G10: no better on test data than the commonest class alone, or a training loss as high as guessing's.

    Of each setting the first such cell is told.
    """
    losses = evidence.cells.get("train/loss", evidence.cells["state"].map(lambda _: math.nan))
    rows = zip(evidence.cells["cell_id"], evidence.setting, losses, strict=True)
    found: dict[Any, list[tuple[str, str]]] = {}
    for cell_id, setting, loss in rows:
        if cell_id not in evidence.confusions:
            continue
        why = _chance(np.asarray(evidence.confusions[cell_id], float), float(loss))
        if why:
            found.setdefault(setting, []).append((why, cell_id))
    return [
        Remark(
            "G10",
            "warning",
            "settings",
            "CHANCE, did not train: no better than a guess",
            tuple(cell_id for _, cell_id in cells),
            f"{evidence.names[setting]} ({cells[0][0]})".strip(),
        )
        for setting, cells in found.items()
    ]


def unstable_end(evidence: Evidence) -> list[Remark]:
    """Guard G11: last and best epoch differ by more than the last ten epochs scatter, so that the epoch chosen decides.

    Differences below one point of an accuracy or 5 % of a loss do not matter and are not told: the best of many epochs
    lies above the last by its luck alone. Of each setting the cell that differs most is told.
    """
    monitor, mode = evidence.comparison.monitor, evidence.comparison.mode
    completed = set(evidence.ids(evidence.completed))
    settings = dict(zip(evidence.cells["cell_id"], evidence.setting, strict=True))
    words = (
        f"UNSTABLE: {monitor} of the last epoch lies farther from the best than the last {TRAILING} epochs scatter:"
        " the choice of epoch decides the figure"
    )
    found: dict[Any, list[tuple[float, str, str]]] = {}
    for cell_id, _, values in evidence.traces(monitor):
        best, last = float(values.max() if mode == "max" else values.min()), float(values[-1])
        if cell_id in completed and len(values) >= _FEW and _scatters(values, best, monitor):
            far = (abs(best - last), f"best {best:.4g}, last {last:.4g}", cell_id)
            found.setdefault(settings[cell_id], []).append(far)
    return [
        Remark(
            "G11",
            "warning",
            "settings",
            words,
            tuple(cell_id for *_, cell_id in ends),
            f"{evidence.names[setting]} ({max(ends)[1]})".strip(),
        )
        for setting, ends in found.items()
    ]


def _chance(matrix: Floats, loss: float) -> str:
    total, commonest = matrix.sum(), matrix.sum(axis=1).max()
    if not total:
        return ""
    rate = commonest / total
    error = math.sqrt(rate * (1 - rate) / total)
    if np.count_nonzero(matrix.sum(axis=0)) == 1:
        return f"one class is answered always; the commonest makes {rate:.4f} of the test data"
    if np.trace(matrix) / total <= rate + STANDARD_ERRORS * error:
        return f"test accuracy no better than the commonest class alone, {rate:.4f}"
    if loss >= CHANCE_LOSS * math.log(len(matrix)):
        return f"train/loss as high as guessing's, ln {len(matrix)} = {math.log(len(matrix)):.4f}"
    return ""


def _scatters(values: Floats, best: float, monitor: str) -> bool:
    trailing = values[-TRAILING:]
    scatter = DEVIATIONS * float(np.median(np.abs(trailing - np.median(trailing))))
    matters = SHARE * abs(best) if "loss" in monitor else POINT
    return abs(best - float(values[-1])) > max(scatter, matters)
