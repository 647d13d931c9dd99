"""What charts share: texts that are no markup, lines of one look, a layout without colours of its own."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sweeplab.report.lines import COLOURS, Group, above_floor
from sweeplab.report.words import ABSENT, axis_text, interval_text, plain_text

_DASHES = ("solid", "dash")
# in the order of the printed figures
_SYMBOLS: tuple[str, ...] = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross")
_SYMBOLS += ("triangle-right", "pentagon", "triangle-left", "hexagon", "diamond-tall", "octagon")
_BAND_OPACITY = 0.13
_LONGEST_NAME = 48
_MAX_COUNTED = 12
LEGEND_NOTE = "A click on a name in the legend hides its line, two show it alone."


def chart_text(text: str, longest: int = _LONGEST_NAME) -> str:
    """Text from elsewhere that plotly shows as it is, cut in its middle where it is longer than `longest`."""
    plain = plain_text(text)
    if len(plain) > longest:
        half = longest // 2
        plain = f"{plain[:half]}…{plain[len(plain) + half + 1 - longest :]}"
    # plotly fills in what stands in %{…} first, and reads entities last
    return html.escape(plain, quote=False).replace("%{", "&#37;{")


def line_traces(
    points: pd.DataFrame, x: str, *, group: Group, name: str, metric: str, hover: str
) -> list[dict[str, Any]]:
    """A line of means, and its band where there is one; both go by one name.

    Args:
        points: one row per point: `mean`, `low` and `high` (NaN where there is no band), `n` (cells), the column `x`.
        x: name of the column that the means stand at.
        group: gives the look; its name ties line and band together.
        name: in the legend.
        metric: what the means are of.
        hover: what is said of `%{x}` and the number of cells, `%{customdata[1]}`, when one points at a mean.
    """
    intervals = [
        interval_text(metric, low, high, mean).replace(ABSENT, "no interval")
        for low, high, mean in points[["low", "high", "mean"]].to_numpy(float)
    ]
    told = f"{chart_text(metric)} %{{y:.4g}}, 95 %: %{{customdata[0]}}<br>{hover}"
    line = line_trace(points[x], points["mean"], group=group, name=name, hover=told)
    line["customdata"] = [list(pair) for pair in zip(intervals, points["n"].tolist(), strict=True)]
    across, down = _outline(points, x)
    if not across:
        return [line]
    band = {
        "type": "scatter",
        "mode": "lines",
        "legendgroup": chart_text(name),
        "showlegend": False,
        "hoverinfo": "skip",
        "x": across,
        "y": down,
        "fill": "toself",
        "fillcolor": _translucent(group.colour),
        "line": {"width": 0, "color": group.colour},
    }
    return [band, line]


def line_trace(x: pd.Series, y: pd.Series, *, group: Group, name: str, hover: str) -> dict[str, Any]:
    """A line in the look of its group, with a marker at each point."""
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": chart_text(name),
        "legendgroup": chart_text(name),
        "x": x.tolist(),
        "y": y.tolist(),
        "line": {"color": group.colour, "dash": _DASHES[group.place // len(COLOURS) % len(_DASHES)], "width": 2},
        "marker": {"color": group.colour, "symbol": _SYMBOLS[group.place % len(_SYMBOLS)], "size": 6},
        "hovertemplate": f"{hover}<extra>%{{fullData.name}}</extra>",
    }


def _outline(points: pd.DataFrame, x: str) -> tuple[list[float | None], list[float | None]]:
    """Round every stretch of points that have an interval, one after the other with a gap between."""
    across, down = list[float | None](), list[float | None]()
    if not (points["high"] > points["low"]).any():
        return across, down
    known = points["high"].notna()
    floored = points.assign(low=above_floor(points["low"], points["mean"]))[known]
    for _, stretch in floored.groupby((~known).cumsum()[known]):
        gap = [None] * bool(across)
        there, low, high = (stretch[name].tolist() for name in (x, "low", "high"))
        across += [*gap, *there, *there[::-1]]
        down += [*gap, *high, *low[::-1]]
    return across, down


def _translucent(colour: str) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{_BAND_OPACITY})"


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis with its title in words."""
    return {"title": {"text": chart_text(title), "standoff": 10}, "automargin": True, "zeroline": False, **more}


def count_axis(title: str, most: float) -> dict[str, Any]:
    """An axis of whole numbers from 1: few of them are ticked one by one, as plotly would tick halves."""
    return axis(title, **({"tickvals": list(range(1, int(most) + 1))} if most <= _MAX_COUNTED else {}))


def metric_axis(metric: str, values: Sequence[float]) -> dict[str, Any]:
    """The axis of a metric; a loss, which spans decades, gets a logarithmic scale ticked for these values."""
    if metric.partition("/")[2] != "loss":
        return axis(metric)
    above = [value for value in values if value > 0]
    decades = np.log10(max(above) / min(above)) if above else 0
    ticks = {"dtick": "D2"} if 0.7 < decades < 3.5 else {"dtick": 1} if 3.5 <= decades < 8 else {}
    return axis(metric, type="log", tickformat="~g", **ticks)


def tick_text(name: str, value: float) -> str:
    """A value of a numeric axis in words, to three digits: a tick has little room."""
    return axis_text(name, float(f"{value:.3g}") if isinstance(value, float) else value)


def heights(traces: Sequence[Mapping[str, Any]]) -> list[float]:
    """Every `y` of some traces."""
    return [value for trace in traces for value in trace["y"] if value is not None]


def layout(x: dict[str, Any], y: dict[str, Any], *, log: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    """plotly's `layout`; `log` names the axes that get a button for a logarithmic scale."""
    margin = {"l": 56, "r": 12, "t": 12, "b": 48}
    return {"xaxis": x, "yaxis": y, "margin": margin, "hovermode": "closest", "meta": {"log": list(log)}, **more}
