"""Two numeric axes against each other: where in the plane the monitored metric is good."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sweeplab.compare import Comparison
from sweeplab.compare.settings import is_missing, positions
from sweeplab.compare.tuning import num_lost
from sweeplab.report.figures.style import GREY, ink, new_figure, write_around
from sweeplab.report.table import axis_cell, data_notes
from sweeplab.report.words import ABSENT, axis_text, metric_text

MAX_MAPS = 6
_PER_ROW = 3
_MAX_WRITTEN = 8  # values across whose numbers can still be read
_MAX_DOWN = 18
_ROW_IN, _MAX_IN = 0.28, 5.0


def heat_map(comparison: Comparison) -> Figure | None:
    """Mean of the monitored metric over two numeric axes, a map for each combination of the others, best first.

    Args:
        comparison: of settings; chosen ones are framed.

    Returns:
        None where fewer than two numeric axes vary or no setting has a result.
    """
    settings = comparison.settings
    pair = numeric_pair(comparison)
    mean = f"{comparison.monitor}/mean"
    if pair is None or mean not in settings or not settings[mean].notna().any():
        return None
    across, down = pair
    others = [axis for axis in comparison.varying if axis not in pair]
    number = positions(settings, others)
    ranked = list(dict.fromkeys(number[row] for row in comparison.ranks()))
    shown = ranked[:MAX_MAPS]
    columns = 2 if len(shown) in (2, 4) else min(_PER_ROW, len(shown))
    rows = -(-len(shown) // columns)
    height_in = min(_MAX_IN, _ROW_IN * max(4, settings[down].nunique()))
    figure = new_figure(rows * (height_in + 0.85) + 0.75)
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    limits = (settings[mean].min(), settings[mean].max())
    for panel, group in zip(panels, shown, strict=False):
        own = settings[number == group]
        panel.set_title(_name(own, others), loc="left", fontsize=8)
        image = _draw(panel, own, comparison, pair, limits)
    for panel in (panel for place, panel in enumerate(panels) if place % columns):
        panel.set_ylabel("")
    for panel in panels[len(shown) :]:
        panel.set_axis_off()
    figure.colorbar(image, ax=panels, label=f"mean {comparison.monitor}", shrink=0.9, aspect=30)
    title = f"{comparison.monitor} over {across} and {down}"
    write_around(figure, title, [], _notes(comparison, len(ranked) - len(shown)))
    return figure


def numeric_pair(comparison: Comparison) -> tuple[str, str] | None:
    """The axes across and down: `lr` first if it varies, then in the sweep's order; None if there are not two."""
    numeric = [axis for axis in comparison.varying if _is_numeric(comparison.settings[axis])]
    first_two = sorted(numeric, key=lambda axis: axis != "lr")[:2]
    return (first_two[0], first_two[1]) if len(first_two) == 2 else None


def _is_numeric(values: "pd.Series[Any]") -> bool:
    known = [value for value in values if not is_missing(value)]
    are_numbers = all(isinstance(value, int | float | np.number) and not isinstance(value, bool) for value in known)
    return are_numbers and len(set(known)) > 1


def _draw(
    panel: Axes, own: pd.DataFrame, comparison: Comparison, pair: tuple[str, str], limits: tuple[float, float]
) -> Any:
    across, down = pair
    columns, rows = (_values(comparison.settings[axis]) for axis in pair)
    own = own[own[[*pair]].notna().all(axis=1)]
    places = [(rows.index(float(y)), columns.index(float(x))) for x, y in zip(own[across], own[down], strict=True)]
    grid = np.full((len(rows), len(columns)), np.nan)
    for place, value in zip(places, own[f"{comparison.monitor}/mean"], strict=True):
        grid[place] = value
    colours = "viridis" if comparison.mode == "max" else "viridis_r"
    image = panel.imshow(grid, cmap=colours, vmin=limits[0], vmax=limits[1], aspect="auto", origin="lower")
    panel.grid(visible=False)
    _label(panel, pair, columns, rows)
    for place, row, lost in zip(places, own.to_dict("records"), num_lost(own), strict=True):
        words = _words(row, lost, comparison.monitor)
        if (len(columns) <= _MAX_WRITTEN or lost) and len(rows) <= _MAX_DOWN:
            colour = GREY if np.isnan(grid[place]) else ink(image, grid[place])
            panel.text(place[1], place[0], words, ha="center", va="center", fontsize=6, color=colour)
        if lost and np.isnan(grid[place]):
            corner = (place[1] - 0.5, place[0] - 0.5)
            panel.add_patch(Rectangle(corner, 1, 1, facecolor="0.93", edgecolor="white"))
        if row["chosen"]:
            corner = (place[1] - 0.47, place[0] - 0.46)
            panel.add_patch(Rectangle(corner, 0.94, 0.92, fill=False, edgecolor="#EE6677", linewidth=2))
    return image


def _words(row: dict[Any, Any], lost: int, monitor: str) -> str:
    mean = row[f"{monitor}/mean"]
    text = "no result" if np.isnan(mean) else metric_text(monitor, mean)
    if not row["n"] and not lost:
        return "to come"
    return f"{text}\n{row['n']}/{row['cells']}" if lost else text


def _values(values: "pd.Series[Any]") -> list[float]:
    return sorted({float(value) for value in values if not is_missing(value)})


def _label(panel: Axes, pair: tuple[str, str], columns: Sequence[float], rows: Sequence[float]) -> None:
    across, down = pair
    panel.set_xlabel(across)
    panel.set_ylabel(down)
    every = -(-len(columns) // _MAX_WRITTEN)
    panel.set_xticks(range(0, len(columns), every), [_tick(across, value) for value in columns[::every]])
    every = -(-len(rows) // _MAX_DOWN)
    panel.set_yticks(range(0, len(rows), every), [_tick(down, value) for value in rows[::every]])
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)


def _tick(axis: str, value: float) -> str:
    return axis_text(axis, int(value) if value.is_integer() and abs(value) < 1e6 else value)


def _name(own: pd.DataFrame, others: Sequence[str]) -> str:
    words = [axis_cell(own.iloc[0].to_dict(), axis) for axis in others]
    return " ".join(word for word in words if word != ABSENT)


def _notes(comparison: Comparison, num_left_out: int) -> list[str]:
    words = "Means over completed cells; n of cells asked where some were lost. Blank: not in this sweep."
    if comparison.settings["chosen"].any() and comparison.over:
        words += f" Framed: chosen by the {comparison.best} mean {comparison.monitor}."
    if num_left_out:
        words += f" The {MAX_MAPS} best are shown, {num_left_out} are not."
    return [*data_notes(comparison), words]
