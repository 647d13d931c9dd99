"""How training went: metrics per epoch and over time, of the settings that validation chose."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from sweeplab.compare import Comparison
from sweeplab.compare.settings import ENDED_WITHOUT_RESULT, positions
from sweeplab.report.page.charts.parts import (
    LEGEND_NOTE,
    Group,
    axis,
    chart_text,
    chosen_name,
    groups_of,
    heights,
    layout,
    left_out_notes,
    line_traces,
    metric_axis,
)
from sweeplab.report.page.page import Chart

MAX_POINTS = 400  # of one line
_TIME = "train_time_s"
_HOVER = "%{y:.4g} ± %{customdata[0]:.2g}<br>epoch %{x}, mean over %{customdata[1]} cells"


def drawn_cells(comparison: Comparison, cells: pd.DataFrame) -> list[str]:
    """The cells whose curves the page shows, by id: read no others for it."""
    rows = [row for group in groups_of(comparison) for row in group.chosen.index]
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
    groups, member = groups_of(comparison), positions(cells, comparison.axes)
    own = [_own(group, member, cells, curves) for group in groups]
    return [_curve_chart(metric, groups, own, comparison) for metric in metrics]


def time_chart(comparison: Comparison, cells: pd.DataFrame, curves: pd.DataFrame) -> Chart | None:
    """The monitored metric against seconds of training: mean over seeds at the end of each epoch; as `curve_charts`."""
    metric = comparison.monitor
    if metric not in curves or _TIME not in curves or curves["epoch"].nunique() < 2:
        return None
    groups, member = groups_of(comparison), positions(cells, comparison.axes)
    traces = []
    for group in groups:
        own = _own(group, member, cells, curves).dropna(subset=[metric, _TIME])
        if own.empty:
            continue
        points = _thinned(own.groupby("epoch").agg(mean=(metric, "mean"), time=(_TIME, "mean"), n=(metric, "count")))
        hover = f"{chart_text(metric)} %{{y:.4g}}<br>%{{x:.3g}} s of training<br>mean over %{{customdata[1]}} cells"
        traces += line_traces(
            points["time"],
            points["mean"],
            points["mean"] * float("nan"),
            group=group,
            name=chosen_name(group, comparison),
            hover=hover,
            counts=points["n"],
        )
    look = layout(axis("seconds of training"), metric_axis(metric, heights(traces)), log=["x", "y"])
    notes = ["Mean over the seeds that reached the epoch, of time and metric alike; validation is not timed."]
    return Chart(
        "chart-time", f"Time against {metric}", {"data": traces, "layout": look}, [*notes, *_notes(comparison, groups)]
    )


def _curve_chart(metric: str, groups: Sequence[Group], own: Sequence[pd.DataFrame], comparison: Comparison) -> Chart:
    traces: list[dict[str, Any]] = []
    is_thinned = False
    for group, lines in zip(groups, own, strict=True):
        known = lines.dropna(subset=[metric])
        if known.empty:
            continue
        epochs = known.groupby("epoch")[metric].agg(["mean", "std", "count"])
        points = _thinned(epochs)
        is_thinned |= len(points) < len(epochs)
        traces += line_traces(
            points.index.to_series(),
            points["mean"],
            points["std"],
            group=group,
            name=chosen_name(group, comparison),
            hover=f"{chart_text(metric)} {_HOVER}",
            counts=points["count"],
        )
        traces += _ends(known[known["lost"]], metric, group, comparison)
    lost = any(lines["lost"].any() for lines in own)
    notes = [
        "Lines: mean over the seeds that reached the epoch; bands: ± sample standard deviation.",
        *([f"Lines are thinned to about {MAX_POINTS} epochs each."] if is_thinned else []),
        *(["Crosses: a cell ended here without a result."] if lost else []),
        *_notes(comparison, groups),
    ]
    figure = {"data": traces, "layout": layout(axis("epoch"), metric_axis(metric, heights(traces)), log=["x", "y"])}
    return Chart(f"chart-curves-{metric.replace('/', '-')}", f"{metric} per epoch", figure, notes)


def _notes(comparison: Comparison, groups: Sequence[Group]) -> list[str]:
    return [*left_out_notes(comparison, groups), *([LEGEND_NOTE] if len(groups) > 1 else [])]


def _own(group: Group, member: "pd.Series[int]", cells: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """The evaluations of a group's chosen setting, and whether their cell was `lost`."""
    own = cells[member.isin(group.chosen.index)]
    lost = own.loc[own["state"].isin(ENDED_WITHOUT_RESULT), "cell_id"]
    found = curves[curves["cell_id"].isin(own["cell_id"])]
    return found.assign(lost=found["cell_id"].isin(lost))


def _thinned(points: pd.DataFrame) -> pd.DataFrame:
    """Every so many points, and the last one."""
    every = -(-len(points) // MAX_POINTS)
    return points[(pd.RangeIndex(len(points)) % every == 0) | (pd.RangeIndex(len(points)) == len(points) - 1)]


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
