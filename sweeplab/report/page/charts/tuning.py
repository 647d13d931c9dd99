"""What tuning is worth: the expected best validation score against the number of settings tried."""

from typing import Any

import pandas as pd

from sweeplab.compare import Comparison
from sweeplab.compare.tuning import tuning_curve
from sweeplab.report.lines import Group, best_groups
from sweeplab.report.page.charts.parts import (
    LEGEND_NOTE,
    chart_text,
    count_axis,
    heights,
    layout,
    line_trace,
    metric_axis,
)
from sweeplab.report.page.page import Chart
from sweeplab.report.tuning import curve_of, has_curves, tuning_notes


def tuning_charts(comparison: Comparison) -> list[Chart]:
    """One chart, a line for each group of settings that differ in tuned axes only; none where nobody tried two."""
    curves = tuning_curve(comparison)
    if not has_curves(comparison, curves):
        return []
    groups, metric = best_groups(comparison), comparison.monitor
    traces = [trace for group in groups for trace in _line(group, curves, comparison)]
    x = count_axis("tuning budget: settings tried", curves["k"].max())
    figure = {"data": traces, "layout": layout(x, metric_axis(metric, heights(traces)), log=["x", "y"])}
    notes = [*tuning_notes(comparison, groups, curves), *([LEGEND_NOTE] if len(groups) > 1 else [])]
    return [Chart("chart-tuning", f"Expected best {metric} against tuning budget", figure, notes)]


def _line(group: Group, curves: pd.DataFrame, comparison: Comparison) -> list[dict[str, Any]]:
    points, metric = curve_of(group, curves, comparison), chart_text(comparison.monitor)
    hover = f"expected best {metric} %{{y:.4g}}<br>of %{{x}} settings tried"
    name = group.name or "all"
    return [line_trace(points["k"], points["expected"], group=group, name=name, hover=hover)] if len(points) else []
