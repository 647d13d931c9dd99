"""How training went: metrics per epoch and over time, of the settings that validation chose."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from sweeplab.compare import Comparison
from sweeplab.compare.curves import MAX_POINTS, mean_curve
from sweeplab.compare.settings import ENDED_WITHOUT_RESULT, positions
from sweeplab.report.lines import Group, best_groups, chosen_name, common_notes
from sweeplab.report.page.charts.parts import (
    LEGEND_NOTE,
    axis,
    chart_text,
    count_axis,
    heights,
    layout,
    line_traces,
    metric_axis,
)
from sweeplab.report.page.page import Chart

_TIME = "train_time_s"
_REACHED = "the seeds that reached the epoch"


def drawn_cells(comparison: Comparison, cells: pd.DataFrame) -> list[str]:
    """The cells whose curves the page shows, by id: read no others for it."""
    rows = [row for group in best_groups(comparison) for row in group.chosen.index]
    ids: list[str] = cells.loc[positions(cells, comparison.axes).isin(rows), "cell_id"].tolist()
    return ids


def curve_charts(comparison: Comparison, cells: pd.DataFrame, curves: pd.DataFrame) -> list[Chart]:
    """The monitored metric and the training loss per epoch, a line for each chosen setting.

    Args:
        comparison: of settings.
        cells: the cells that were compared: `cell_id`, `state`, every axis.
        curves: `cell_id`, `epoch` (from 1), metrics as `split/name`; of at least the cells that `drawn_cells` names.
    """
    metrics = [metric for metric in (comparison.monitor, "train/loss") if metric in curves]
    if not metrics or curves["epoch"].nunique() < 2:
        return []
    groups, member = best_groups(comparison), positions(cells, comparison.axes)
    own = [_own(group, member, cells, curves) for group in groups]
    return [_curve_chart(metric, groups, own, comparison) for metric in metrics]


def time_chart(comparison: Comparison, cells: pd.DataFrame, curves: pd.DataFrame) -> Chart | None:
    """The monitored metric against seconds of training: mean over seeds at the end of each epoch; as `curve_charts`."""
    metric = comparison.monitor
    if metric not in curves or _TIME not in curves or curves["epoch"].nunique() < 2:
        return None
    groups, member = best_groups(comparison), positions(cells, comparison.axes)
    traces: list[dict[str, Any]] = []
    for group in groups:
        points = mean_curve(_own(group, member, cells, curves), metric, also=[_TIME])
        if len(points):
            hover = "%{x:.3g} s of training<br>mean over %{customdata[1]} cells"
            name = chosen_name(group, comparison)
            traces += line_traces(points, _TIME, group=group, name=name, metric=metric, hover=hover)
    look = layout(axis("seconds of training"), metric_axis(metric, heights(traces)), log=["x", "y"])
    notes = [*_notes(comparison, groups, f"{_REACHED}, of time and metric alike"), "Validation is not timed."]
    return Chart("chart-time", f"Time against {metric}", {"data": traces, "layout": look}, notes)


def _curve_chart(metric: str, groups: Sequence[Group], own: Sequence[pd.DataFrame], comparison: Comparison) -> Chart:
    traces: list[dict[str, Any]] = []
    is_thinned = False
    for group, lines in zip(groups, own, strict=True):
        points = mean_curve(lines, metric)
        if points.empty:
            continue
        is_thinned |= len(points) < points["epochs"].iloc[0]
        hover = "epoch %{x}, mean over %{customdata[1]} cells"
        name = chosen_name(group, comparison)
        traces += line_traces(points, "epoch", group=group, name=name, metric=metric, hover=hover)
        traces += _ends(lines[lines["lost"]].dropna(subset=[metric]), metric, group, comparison)
    x = count_axis("epoch", max((lines["epoch"].max() for lines in own if len(lines)), default=1))
    lost = any(lines["lost"].any() for lines in own)
    notes = [
        *_notes(comparison, groups, _REACHED),
        *([f"Lines are thinned to about {MAX_POINTS} epochs each."] if is_thinned else []),
        *(["Crosses: a cell ended here without a result."] if lost else []),
    ]
    figure = {"data": traces, "layout": layout(x, metric_axis(metric, heights(traces)), log=["x", "y"])}
    return Chart(f"chart-curves-{metric.replace('/', '-')}", f"{metric} per epoch", figure, notes)


def _notes(comparison: Comparison, groups: Sequence[Group], over: str) -> list[str]:
    return [*common_notes(comparison, groups, over), *([LEGEND_NOTE] if len(groups) > 1 else [])]


def _own(group: Group, member: "pd.Series[int]", cells: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """The evaluations of a group's chosen setting, and whether their cell was `lost`."""
    own = cells[member.isin(group.chosen.index)]
    lost = own.loc[own["state"].isin(ENDED_WITHOUT_RESULT), "cell_id"]
    found = curves[curves["cell_id"].isin(own["cell_id"])]
    return found.assign(lost=found["cell_id"].isin(lost))


def _ends(known: pd.DataFrame, metric: str, group: Group, comparison: Comparison) -> list[dict[str, Any]]:
    if known.empty:
        return []
    ends = known.drop_duplicates("cell_id", keep="last")
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "legendgroup": chart_text(chosen_name(group, comparison)),
            "showlegend": False,
            "x": ends["epoch"].tolist(),
            "y": ends[metric].tolist(),
            "marker": {"symbol": "x", "size": 9, "color": group.colour},
            "hovertemplate": "ended here without a result<extra></extra>",
        }
    ]
