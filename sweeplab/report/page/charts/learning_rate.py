"""How much the learning rate matters: metrics against it, a line for each group of settings."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from sweeplab.compare import Comparison
from sweeplab.compare.settings import is_missing
from sweeplab.compare.tuning import num_lost
from sweeplab.report.lines import Group, best_groups, common_notes, twins
from sweeplab.report.page.charts.parts import (
    LEGEND_NOTE,
    axis,
    chart_text,
    heights,
    layout,
    line_traces,
    metric_axis,
    tick_text,
)
from sweeplab.report.page.page import Chart

MIN_RATES = 3
_MAX_TICKS = 10
_STRIP = 0.14  # of the height, for cells without a result


def learning_rate_charts(comparison: Comparison) -> list[Chart]:
    """The monitored metric and its test twin against `lr`, mean over seeds; nothing below three learning rates."""
    settings = comparison.settings
    rates = sorted({float(rate) for rate in settings.get("lr", ()) if not is_missing(rate) and rate > 0})
    if "lr" not in comparison.over or len(rates) < MIN_RATES or not settings["n"].any():
        return []
    groups = best_groups(comparison)
    return [_chart(metric, groups, rates, comparison) for metric in twins(comparison)]


def _chart(metric: str, groups: Sequence[Group], rates: Sequence[float], comparison: Comparison) -> Chart:
    traces = [trace for group in groups for trace in _lines(group, metric)]
    crosses = [trace for place, group in enumerate(groups) for trace in _crosses(group, place)]
    ticks = {"tickvals": list(rates), "ticktext": [tick_text("lr", rate) for rate in rates]}
    x = axis("learning rate lr", type="log", **(ticks if len(rates) <= _MAX_TICKS else {}))
    y = metric_axis(metric, heights(traces))
    look = layout(x, y, log=["y"])
    if crosses:
        y["domain"] = [_STRIP + 0.03, 1]
        x["anchor"] = "y2"
        look["yaxis2"] = {
            "domain": [0, _STRIP],
            "range": [len(groups) - 0.5, -0.5],
            "showticklabels": False,
            "showgrid": False,
            "zeroline": False,
            "title": {"text": "lost", "font": {"size": 11}},
        }
    rule = f"Rings: the lr chosen by the {comparison.best} mean {comparison.monitor}."
    notes = [
        *common_notes(comparison, groups, "seeds"),
        rule,
        *(["Crosses below: cells that ended without a result."] if crosses else []),
        *([LEGEND_NOTE] if len(groups) > 1 else []),
    ]
    figure = {"data": [*traces, *crosses], "layout": look}
    return Chart(f"chart-lr-{metric.replace('/', '-')}", f"{metric} against the learning rate", figure, notes)


def _lines(group: Group, metric: str) -> list[dict[str, Any]]:
    settings = group.settings[group.settings["lr"].astype(float) > 0].sort_values("lr")
    points = pd.DataFrame({name: settings[f"{metric}/{name}"].astype(float) for name in ("mean", "low", "high")})
    points = points.assign(lr=settings["lr"].astype(float), n=settings["n"]).dropna(subset=["mean"])
    if points.empty:
        return []
    name = group.name or "all"
    hover = "lr %{x}, mean over %{customdata[1]} cells"
    lines = line_traces(points, "lr", group=group, name=name, metric=metric, hover=hover)
    chosen = points[settings["chosen"].reindex(points.index)]
    ring = {
        "type": "scatter",
        "mode": "markers",
        "legendgroup": chart_text(name),
        "showlegend": False,
        "hoverinfo": "skip",
        "x": chosen["lr"].tolist(),
        "y": chosen["mean"].tolist(),
        "marker": {"symbol": "circle-open", "size": 15, "color": group.colour, "line": {"width": 2}},
    }
    return [*lines, ring]


def _crosses(group: Group, place: int) -> list[dict[str, Any]]:
    settings = group.settings
    lost = num_lost(settings)
    shown = settings[(lost > 0) & (settings["lr"].astype(float) > 0)]
    if shown.empty:
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "legendgroup": chart_text(group.name or "all"),
            "name": chart_text(group.name or "all"),
            "showlegend": False,
            "yaxis": "y2",
            "x": shown["lr"].astype(float).tolist(),
            "y": [place] * len(shown),
            "customdata": [
                f"{int(lost[row])} of {cells}" for row, cells in zip(shown.index, shown["cells"], strict=True)
            ],
            "marker": {"symbol": "x", "size": 7, "color": group.colour},
            "hovertemplate": "lr %{x}: %{customdata} cells ended without a result<extra>%{fullData.name}</extra>",
        }
    ]
