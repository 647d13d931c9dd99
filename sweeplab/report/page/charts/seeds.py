"""Every seed as a dot: what a mean is made of."""

from typing import Any

import pandas as pd

from sweeplab.compare import Comparison
from sweeplab.compare.settings import COMPLETED, positions
from sweeplab.report.page.charts.learning_rate import twins
from sweeplab.report.page.charts.parts import (
    Group,
    axis,
    chart_text,
    chosen_name,
    groups_of,
    layout,
    left_out_notes,
    metric_axis,
)
from sweeplab.report.page.page import Chart
from sweeplab.report.table import counts_of
from sweeplab.report.words import count_text

_LONGEST_LABEL = 30


def seeds_chart(comparison: Comparison, cells: pd.DataFrame) -> Chart | None:
    """Each seed of the chosen settings on the test twin of the monitored metric, or on the metric itself.

    Args:
        comparison: of settings.
        cells: one row per cell: `state`, every axis, metrics; `seed` names the dots.

    Returns:
        None where every setting has one cell.
    """
    if comparison.settings["cells"].max() < 2:
        return None
    metric = twins(comparison)[-1]
    groups = [group for group in groups_of(comparison) if len(group.chosen)]
    member = positions(cells, comparison.axes)
    traces, labels = [], []
    for place, group in enumerate(groups):
        own = cells[member.isin(group.chosen.index) & (cells["state"] == COMPLETED)]
        name, row = chosen_name(group, comparison), group.chosen.iloc[0].to_dict()
        labels.append(f"{chart_text(name, _LONGEST_LABEL)} ({count_text(counts_of(row))})")
        traces += [_dots(own, metric, place, group, name), _mean(row[f"{metric}/mean"], metric, place)]
    if not traces:
        return None
    y = axis("", tickvals=list(range(len(groups))), ticktext=labels, range=[len(groups) - 0.5, -0.5])
    look = layout(
        metric_axis(metric, [x for trace in traces for x in trace["x"]]),
        y,
        showlegend=False,
        height=130 + 34 * len(groups),
    )
    lost = " Cells without a result have no dot; each name says how many there are."
    note = f"Dots: cells; bars: their mean; best first by validation.{lost}"
    return Chart(
        "chart-seeds",
        f"{metric} of every seed",
        {"data": traces, "layout": look},
        [note, *left_out_notes(comparison, groups_of(comparison))],
    )


def _dots(own: pd.DataFrame, metric: str, place: int, group: Group, name: str) -> dict[str, Any]:
    seeds = own["seed"] if "seed" in own else own["cell_id"]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": chart_text(name),
        "x": own[metric].astype(float).tolist(),
        "y": [place] * len(own),
        "customdata": [chart_text(str(seed)) for seed in seeds],
        "marker": {"color": group.colour, "size": 10, "opacity": 0.7},
        "hovertemplate": f"{chart_text(metric)} %{{x:.4f}}<br>seed %{{customdata}}<extra>%{{fullData.name}}</extra>",
    }


def _mean(mean: float, metric: str, place: int) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [mean, mean],
        "y": [place - 0.32, place + 0.32],
        "line": {"color": "#888888", "width": 2.5},
        "hovertemplate": f"mean {chart_text(metric)} %{{x:.4f}}<extra></extra>",
    }
