"""What training time buys: the monitored metric of the chosen settings against seconds of training."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweeplab.compare import Comparison
from sweeplab.compare.clock import sharing_notes, without_shared_times
from sweeplab.compare.cost import machines_of
from sweeplab.compare.curves import mean_curve
from sweeplab.compare.settings import COMPLETED, positions
from sweeplab.report.figures.style import draw_line, label_metric, line_style, new_figure, write_around
from sweeplab.report.lines import Group, best_groups, chosen_name, common_notes
from sweeplab.report.optimizers import machine_notes

_TIME = "train_time_s"
_WIDE = 30.0  # times that span more than this get a logarithmic scale
_NUM_MARKERS = 8


def time(
    comparison: Comparison, cells: pd.DataFrame, curves: pd.DataFrame, origins: pd.DataFrame | None = None
) -> Figure | None:
    """Mean metric against mean training time, epoch by epoch, over the completed cells of each chosen setting.

    Args:
        comparison: of settings.
        cells: the cells that were compared.
        curves: `cell_id`, `epoch` (from 1), the monitored metric, `train_time_s` since the start.
        origins: `cell_id`, `device`, `host`, `threads`: what the cells were trained on, if it is known.

    Returns:
        None where no cell reached a second epoch or no time was recorded.
    """
    metric, curves = comparison.monitor, without_shared_times(curves, origins)
    if not {metric, _TIME} <= set(curves) or curves["epoch"].nunique() < 2 or not curves[_TIME].notna().any():
        return None
    member = positions(cells, comparison.axes)[cells["state"] == COMPLETED]
    setting = member.set_axis(cells.loc[member.index, "cell_id"])
    known = curves.assign(setting=curves["cell_id"].map(setting)).dropna(subset=["setting", metric, _TIME])
    if known.empty:
        return None
    groups = best_groups(comparison)
    figure = new_figure(3.7)
    panel = figure.subplots()
    label_metric(panel, metric)
    panel.set_xlabel("training time in seconds, without validation")
    lines = [line for group in groups if (line := _draw(panel, group, known, comparison)) is not None]
    _scale(panel, lines)
    notes = common_notes(comparison, groups, "the completed cells that reached the epoch, of time and metric alike")
    machines = machines_of(known["cell_id"].drop_duplicates(), origins)
    write_around(
        figure, f"{metric} against training time", lines, [*notes, *machine_notes(machines), *sharing_notes(origins)]
    )
    return figure


def _draw(panel: Axes, group: Group, known: pd.DataFrame, comparison: Comparison) -> Line2D | None:
    own = known[known["setting"].isin(group.chosen.index)]
    if own.empty:
        return None
    curve = mean_curve(own, comparison.monitor, also=[_TIME])
    look = {**line_style(group.place), "markevery": max(1, len(curve) // _NUM_MARKERS)}
    points = (curve[name] for name in (_TIME, "mean", "low", "high"))
    return draw_line(panel, *points, label=chosen_name(group, comparison), **look)


def _scale(panel: Axes, lines: Sequence[Line2D]) -> None:
    """From 0, or logarithmic where the lines would hide each other."""
    ends = [float(np.max(line.get_xdata())) for line in lines]
    if max(ends) > _WIDE * min(ends) > 0:
        panel.set_xscale("log")
        panel.set_xlabel(f"{panel.get_xlabel()} (log scale)")
    else:
        panel.set_xlim(left=0)
