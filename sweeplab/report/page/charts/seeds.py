"""Every seed as a dot: what a mean is made of."""

import math
from typing import Any

import pandas as pd

from sweeplab.compare import Comparison
from sweeplab.compare.interval import MIN_SEEDS
from sweeplab.compare.settings import COMPLETED, positions
from sweeplab.report.lines import Group, best_groups, chosen_name, missing_notes, twins
from sweeplab.report.page.charts.parts import axis, chart_text, layout, metric_axis
from sweeplab.report.page.page import Chart
from sweeplab.report.table import Row, counts_of, data_notes
from sweeplab.report.words import count_text, interval_text

_LONGEST_LABEL = 56
_STROKE = (-0.16, 0.3)  # of a row, round its dots


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
    groups = [group for group in best_groups(comparison) if len(group.chosen)]
    member = positions(cells, comparison.axes)
    traces, labels = [], []
    for place, group in enumerate(groups):
        own = cells[member.isin(group.chosen.index) & (cells["state"] == COMPLETED)]
        name, row = chosen_name(group, comparison), group.chosen.iloc[0].to_dict()
        labels.append(_label(f"{name} ({count_text(counts_of(row))})", place))
        traces += [_dots(own, metric, place, group, name), *_mean(row, metric, place)]
    if not traces:
        return None
    y = axis("", showticklabels=False, showgrid=False, range=[len(groups) - 0.5, -0.6])
    look = layout(
        metric_axis(metric, [x for trace in traces for x in trace["x"]]),
        y,
        showlegend=False,
        height=110 + 46 * len(groups),
        annotations=labels,
    )
    note = (
        f"Dots: cells; tall bars: their mean; flat ones: 95 % interval of the mean, from {MIN_SEEDS} seeds; best first"
        " by validation. Cells without a result have no dot; each name says how many there are."
    )
    return Chart(
        "chart-seeds",
        f"{metric} of every seed",
        {"data": traces, "layout": look},
        [*data_notes(comparison), note, *missing_notes(comparison, best_groups(comparison))],
    )


def _label(words: str, place: int) -> dict[str, Any]:
    """A name above its dots: beside them it would leave a phone no room."""
    where = {"xref": "paper", "x": 0, "xanchor": "left", "y": place - 0.36, "showarrow": False}
    return {**where, "text": chart_text(words, _LONGEST_LABEL), "font": {"size": 11.5}}


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


def _mean(row: Row, metric: str, place: int) -> list[dict[str, Any]]:
    mean, low, high = (row[f"{metric}/{name}"] for name in ("mean", "low", "high"))
    top, foot = (place + end for end in _STROKE)
    bars = [([mean, mean], [top, foot], 2.5)]
    if math.isfinite(high - low):
        bars.append(([low, high], [foot, foot], 1.5))
    words = f"mean {chart_text(metric)} {mean:.4f}, 95 %: {interval_text(metric, low, high, mean)}<extra></extra>"
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": x,
            "y": y,
            "line": {"color": "#888888", "width": width},
            "hovertemplate": words,
        }
        for x, y, width in bars
    ]
