"""How training went: metrics per epoch of the settings that validation chose."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from sweeplab.compare import Comparison
from sweeplab.compare.curves import MAX_POINTS, mean_curve
from sweeplab.compare.settings import ENDED_WITHOUT_RESULT, positions
from sweeplab.report.figures.style import draw_line, label_metric, line_style, new_figure, write_around
from sweeplab.report.lines import Group, best_groups, chosen_name, common_notes

_NUM_MARKERS = 8  # on a line


def learning_curves(comparison: Comparison, cells: pd.DataFrame, curves: pd.DataFrame) -> Figure | None:
    """The monitored metric and the training loss per epoch, mean over the seeds that reached it.

    Args:
        comparison: of settings; a line for each chosen one.
        cells: the cells that were compared: `cell_id`, `state`, every axis.
        curves: `cell_id`, `epoch` (from 1), metrics as `split/name`.

    Returns:
        None where no cell reached a second epoch.
    """
    metrics = [metric for metric in (comparison.monitor, "train/loss") if metric in curves]
    if not metrics or curves["epoch"].nunique() < 2:
        return None
    setting = positions(cells, comparison.axes).set_axis(cells["cell_id"])
    lost = set(cells.loc[cells["state"].isin(ENDED_WITHOUT_RESULT), "cell_id"])
    curves = curves.assign(setting=curves["cell_id"].map(setting), lost=curves["cell_id"].isin(lost))
    groups = best_groups(comparison)
    figure = new_figure(3.7)
    panels = figure.subplots(1, len(metrics), squeeze=False)[0]
    for panel, metric in zip(panels, metrics, strict=True):
        label_metric(panel, metric)
        panel.set_xlabel("epoch (passes over the training data)")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        drawn = [_draw(panel, group, curves, metric, comparison) for group in groups]
    notes = common_notes(comparison, groups, "the seeds that reached the epoch")
    if curves["epoch"].nunique() > MAX_POINTS:
        notes.append(f"Lines are thinned to about {MAX_POINTS} epochs each.")
    if curves["lost"].any():
        notes.append("Crosses: a cell ended here without a result.")
    title = f"Learning curves at the chosen {', '.join(comparison.over)}" if comparison.over else "Learning curves"
    write_around(figure, title, [line for line in drawn if line is not None], notes)
    return figure


def _draw(panel: Axes, group: Group, curves: pd.DataFrame, metric: str, comparison: Comparison) -> Line2D | None:
    own = curves[curves["setting"].isin(group.chosen.index)].dropna(subset=[metric])
    if own.empty:
        return None
    ends = own[own["lost"]].drop_duplicates("cell_id", keep="last")
    panel.plot(ends["epoch"], ends[metric], "x", color=group.colour, markersize=6, markeredgewidth=1.5)
    curve = mean_curve(own, metric)
    look = {**line_style(group.place), "markevery": max(1, len(curve) // _NUM_MARKERS)}
    points = (curve[name] for name in ("epoch", "mean", "low", "high"))
    return draw_line(panel, *points, label=chosen_name(group, comparison), **look)
