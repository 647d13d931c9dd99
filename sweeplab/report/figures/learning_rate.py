"""How much the learning rate matters: metrics against it, a line for each group of settings."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweeplab.compare import Comparison
from sweeplab.compare.settings import is_missing
from sweeplab.compare.tuning import num_lost
from sweeplab.report.figures.style import (
    GREY,
    draw_line,
    label_metric,
    label_rates,
    line_style,
    new_figure,
    write_around,
)
from sweeplab.report.lines import Group, best_groups, common_notes, twins

MIN_RATES = 3
_STRIP_ROW_IN = 0.13
_BAND = ("mean", "low", "high")


def learning_rate(comparison: Comparison) -> Figure | None:
    """The monitored metric and its test twin against `lr`, mean over seeds; lost cells in a strip below.

    Args:
        comparison: of settings; chosen ones are ringed.

    Returns:
        None where fewer than three learning rates were tried.
    """
    settings = comparison.settings
    rates = sorted({float(rate) for rate in settings.get("lr", ()) if not is_missing(rate) and rate > 0})
    if "lr" not in comparison.over or len(rates) < MIN_RATES or not settings["n"].any():
        return None
    groups = best_groups(comparison)
    losing = [group for group in groups if num_lost(group.settings).any()]
    metrics = twins(comparison)
    strip_in = _STRIP_ROW_IN * len(losing) + 0.1
    figure = new_figure(3.9 + strip_in * bool(losing))
    heights = [2.9, strip_in] if losing else [2.9]
    grid = figure.subplots(len(heights), len(metrics), squeeze=False, sharex=True, sharey="row", height_ratios=heights)
    for panel, metric in zip(grid[0], metrics, strict=True):
        label_metric(panel, metric)
        lines = [_draw(panel, group, metric) for group in groups]
    for strip in grid[1:].flat:
        _draw_lost(strip, losing)
    for panel in grid[-1]:
        label_rates(panel, rates)
    for panel in grid.flat:
        panel.label_outer()
    ring = f"Rings: the lr chosen by the {comparison.best} mean {comparison.monitor}."
    cross = " Crosses: cells that ended without a result, of cells asked." if losing else ""
    notes = [*common_notes(comparison, groups, "seeds"), f"{ring}{cross}"]
    write_around(figure, "Sensitivity to the learning rate", lines, notes)
    return figure


def _draw(panel: Axes, group: Group, metric: str) -> Line2D:
    settings = group.settings[group.settings["lr"].astype(float) > 0].sort_values("lr")
    x, mean, low, high = (settings[name].astype(float) for name in ("lr", *(f"{metric}/{end}" for end in _BAND)))
    chosen = settings["chosen"]
    panel.scatter(x[chosen], mean[chosen], s=75, facecolors="none", edgecolors="0.15", linewidths=1.0, zorder=3)
    return draw_line(panel, x, mean, low, high, label=group.name, **line_style(group.place))


def _draw_lost(strip: Axes, losing: Sequence[Group]) -> None:
    strip.set_ylim(len(losing) - 0.5, -0.5)
    strip.set_yticks([])
    strip.set_ylabel("no\nresult", fontsize=7.5, color=GREY, rotation=0, ha="right", va="center")
    strip.spines["left"].set_visible(False)
    strip.grid(visible=False)
    for row, group in enumerate(losing):
        lost = num_lost(group.settings)
        settings, lost = group.settings[lost > 0], lost[lost > 0]
        strip.plot(settings["lr"].astype(float), [row] * len(lost), "x", color=group.colour, markersize=5)
        for lr, num, cells in zip(settings["lr"], lost, settings["cells"], strict=True):
            strip.annotate(
                f"{num}/{cells}", (lr, row), (5, 0), textcoords="offset points", va="center", fontsize=6.5, color=GREY
            )
