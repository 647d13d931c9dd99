"""Every seed as a dot: how far the chosen settings lie apart beside how far their own seeds do."""

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sweeplab.compare import Comparison
from sweeplab.compare.settings import COMPLETED, positions
from sweeplab.report.figures.style import line_style, new_figure, write_around
from sweeplab.report.lines import Group, best_groups, chosen_name, twins
from sweeplab.report.table import Row, counts_of, data_notes
from sweeplab.report.words import count_text

_ROW_IN = 0.34
_DOT = {"markersize": 5.5, "alpha": 0.75, "markeredgewidth": 0.5, "markeredgecolor": "white"}


def seeds(comparison: Comparison, cells: pd.DataFrame) -> Figure | None:
    """The monitored metric and its test twin, a row for each chosen setting: seeds, mean and 95 % interval.

    Args:
        comparison: of settings; chosen ones are drawn, the best on top.
        cells: the cells that were compared.

    Returns:
        None where no setting has a second seed.
    """
    settings = comparison.settings
    shown = [
        (group, row) for group in best_groups(comparison) for row in map(int, group.chosen.index) if settings["n"][row]
    ]
    if not shown or settings["n"].max() < 2:
        return None
    metrics = twins(comparison)
    figure = new_figure(_ROW_IN * len(shown) + 1.5)
    panels = figure.subplots(1, len(metrics), squeeze=False, sharey=True)[0]
    member = positions(cells, comparison.axes)
    for panel, metric in zip(panels, metrics, strict=True):
        for place, (group, row) in enumerate(shown):
            values = cells.loc[(member == row) & (cells["state"] == COMPLETED), metric].dropna()
            look = {**_DOT, "marker": line_style(group.place)["marker"], "color": group.colour}
            panel.plot(values, [place] * len(values), linestyle="none", **look)
            _draw_mean(panel, place, settings.loc[row].to_dict(), metric)
        _label(panel, metric)
    panels[0].set_yticks(range(len(shown)), [_row_name(group, row, comparison) for group, row in shown])
    panels[0].set_ylim(len(shown) - 0.4, -0.6)
    write_around(figure, "Seeds of the chosen settings", [], _notes(comparison, len(shown)))
    return figure


def _draw_mean(panel: Axes, place: int, setting: Row, metric: str) -> None:
    mean, low, high = (setting.get(f"{metric}/{name}", math.nan) for name in ("mean", "low", "high"))
    panel.plot([mean, mean], [place - 0.3, place + 0.3], color="0.1", linewidth=1.6, solid_capstyle="butt")
    if math.isfinite(low) and math.isfinite(high):
        panel.plot([low, high], [place + 0.3, place + 0.3], color="0.1", linewidth=1.0, solid_capstyle="butt")


def _label(panel: Axes, metric: str) -> None:
    name = metric.partition("/")[2]
    panel.set_title(metric, loc="left", fontweight="bold")
    panel.set_xlabel({"accuracy": "fraction of examples", "loss": "nats per example"}.get(name, name))
    panel.xaxis.set_major_locator(MaxNLocator(6))
    panel.grid(visible=False, axis="y")
    panel.tick_params(axis="y", length=0)
    panel.spines["left"].set_visible(False)


def _row_name(group: Group, row: int, comparison: Comparison) -> str:
    """Lost seeds are told below the name: they have no dot."""
    counts, name = counts_of(comparison.settings.loc[row].to_dict()), chosen_name(group, comparison)
    return name if counts["n"] == counts["cells"] else f"{name}\n{count_text(counts)}"


def _notes(comparison: Comparison, num_shown: int) -> list[str]:
    chosen = comparison.settings[comparison.settings["chosen"]]
    words = "Dots: completed cells; tall strokes: their mean; bars: 95 % interval of the mean, from 3 seeds."
    if (chosen["n"] < chosen["cells"]).any():
        words += " Cells without a result have no dot: they stand below the name."
    if num_left_out := len(chosen) - num_shown:
        words += f" The best {num_shown} by {comparison.monitor} are shown, {num_left_out} are not."
    return [*data_notes(comparison), words]
