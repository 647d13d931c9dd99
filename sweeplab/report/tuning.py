"""What figure and chart of the tuning budget share: which points they show, and what must be said of them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sweeplab.compare import Comparison
from sweeplab.compare.settings import positions
from sweeplab.report.lines import Group, line_axes, missing_notes
from sweeplab.report.table import data_notes


def has_curves(comparison: Comparison, curves: pd.DataFrame) -> bool:
    """Whether anything was tuned and somebody's curve has two points.

    Args:
        comparison: of settings.
        curves: as `sweeplab.compare.tuning.tuning_curve` gives them.
    """
    is_known = np.isfinite(curves["expected"].astype(float))
    return bool(comparison.over) and bool((is_known & (curves["k"] > 1).fillna(False)).any())


def curve_of(group: Group, curves: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    """The points of one line: `k`, `expected`; a budget that may find nothing but lost cells has none."""
    own = curves[positions(curves, line_axes(comparison)) == group.number]
    known = own[np.isfinite(own["expected"].astype(float))]
    return known[["k", "expected"]].astype({"k": int, "expected": float})


def tuning_notes(comparison: Comparison, groups: Sequence[Group], curves: pd.DataFrame) -> list[str]:
    """What a budget is, what the curve is of, and what it does not show."""
    told = (
        f"k settings of those tried, drawn blindly: the mean over all such draws of the best {comparison.monitor}; a"
        " setting's score is its mean over seeds, lost cells as the worst. Exact over these settings, so no band; of"
        " other settings it tells nothing."
    )
    endless = np.isinf(curves["expected"].astype(float)).any()
    start = ["A line starts where every draw holds a setting with a result."] if endless else []
    unequal = ["Lines end where their settings do."] if curves["trials"].nunique() > 1 else []
    return [*data_notes(comparison), " ".join([told, *start, *unequal, *missing_notes(comparison, groups)])]
