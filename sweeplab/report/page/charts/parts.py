"""What charts share: texts that are no markup, lines of one look, a layout without colours of its own."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sweeplab.compare import Comparison
from sweeplab.compare.settings import NOT_ENDED, positions
from sweeplab.report.table import axis_cell, data_notes
from sweeplab.report.words import ABSENT, axis_text, plain_text

# Tol, "Colour schemes" (SRON/EPS/TN/09-002): bright; in the order of the printed figures
_COLOURS = ("#4477AA", "#EE6677", "#228833", "#AA3377", "#66CCEE", "#CCBB44")
_DASHES = ("solid", "dash")
_SYMBOLS = ("circle", "square", "diamond", "triangle-down", "triangle-up", "triangle-right", "pentagon", "star")
MAX_GROUPS = len(_COLOURS) * len(_DASHES)
_BAND_OPACITY = 0.16
_LONGEST_NAME = 48
LEGEND_NOTE = "A click on a name in the legend hides its line, two show it alone."


@dataclass(frozen=True)
class Group:
    """Settings that differ in tuned axes only and are one line: name, look, their rows of the comparison."""

    name: str
    colour: str
    dash: str
    symbol: str
    settings: pd.DataFrame

    @property
    def chosen(self) -> pd.DataFrame:
        """The setting that validation chose, if any has a result."""
        return self.settings[self.settings["chosen"]]

    @property
    def line(self) -> dict[str, Any]:
        """plotly's `line`."""
        return {"color": self.colour, "dash": self.dash, "width": 2}


def groups_of(comparison: Comparison) -> list[Group]:
    """At most `MAX_GROUPS` groups, best first by what validation chose; looks go by their order in the sweep."""
    settings = comparison.settings
    named = [axis for axis in comparison.varying if axis not in comparison.over]
    number = positions(settings, named)
    ranked = list(dict.fromkeys(number[row] for row in comparison.ranks()))[:MAX_GROUPS]
    places = {group: place for place, group in enumerate(sorted(ranked))}
    return [_group(settings[number == group], named, places[group]) for group in ranked]


def _group(settings: pd.DataFrame, named: Sequence[str], place: int) -> Group:
    words = [axis_cell(settings.iloc[0].to_dict(), axis) for axis in named]
    return Group(
        name=" ".join(word for word in words if word != ABSENT),
        colour=_COLOURS[place % len(_COLOURS)],
        dash=_DASHES[place // len(_COLOURS) % len(_DASHES)],
        symbol=_SYMBOLS[place % len(_SYMBOLS)],
        settings=settings,
    )


def chosen_name(group: Group, comparison: Comparison) -> str:
    """A group with the value that was chosen for it: `adam lr=1e-3`."""
    row = group.chosen.iloc[0].to_dict()
    return " ".join(filter(None, [group.name, *(f"{axis}={axis_cell(row, axis)}" for axis in comparison.over)]))


def chart_text(text: str, longest: int = _LONGEST_NAME) -> str:
    """Text from elsewhere that plotly shows as it is, cut in its middle where it is longer than `longest`."""
    plain = plain_text(text)
    if len(plain) > longest:
        half = longest // 2
        plain = f"{plain[:half]}…{plain[len(plain) + half + 1 - longest :]}"
    # plotly fills in what stands in %{…} first, and reads entities last
    return html.escape(plain, quote=False).replace("%{", "&#37;{")


def left_out_notes(comparison: Comparison, groups: Sequence[Group]) -> list[str]:
    """What a chart of these groups does not show."""
    settings = comparison.settings
    named = [axis for axis in comparison.varying if axis not in comparison.over]
    left_out = positions(settings, named).nunique() - len(groups)
    to_come = int(settings[[state for state in NOT_ENDED if state in settings]].sum().sum())
    notes = [f"The best {len(groups)} by {comparison.monitor} are shown, {left_out} are not."] if left_out else []
    return [*data_notes(comparison), *notes, *([f"{to_come} cells have not ended yet."] if to_come else [])]


def line_traces(
    x: pd.Series, mean: pd.Series, std: pd.Series, *, group: Group, name: str, hover: str, counts: pd.Series
) -> list[dict[str, Any]]:
    """A line of means, and a band of one standard deviation to both sides where there is one; both go by one name.

    Args:
        x: where the means stand.
        mean: shape of `x`.
        std: shape of `x`, NaN without a spread.
        group: gives the look; its name ties line and band together.
        name: in the legend.
        hover: of one point; may use `%{x}`, `%{y}`, and `%{customdata}` (spread, number of cells).
        counts: how many cells each mean is over.
    """
    spread = std.fillna(0).to_numpy()
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": chart_text(name),
        "legendgroup": chart_text(name),
        "x": x.tolist(),
        "y": mean.tolist(),
        "customdata": np.column_stack([std, counts]),
        "line": group.line,
        "marker": {"color": group.colour, "symbol": group.symbol, "size": 6},
        "hovertemplate": f"{hover}<extra>%{{fullData.name}}</extra>",
    }
    if not spread.any():
        return [line]
    band = {
        "type": "scatter",
        "mode": "lines",
        "legendgroup": chart_text(name),
        "showlegend": False,
        "hoverinfo": "skip",
        "x": [*x, *x[::-1]],
        "y": [*(mean + spread), *_floored(mean, spread)[::-1]],
        "fill": "toself",
        "fillcolor": _translucent(group.colour),
        "line": {"width": 0, "color": group.colour},
    }
    return [band, line]


def _floored(mean: pd.Series, spread: Any) -> Any:
    """The lower side of a band; above nothing where all means are, so that a logarithmic scale can show it."""
    low = mean.to_numpy() - spread
    return np.maximum(low, mean.min() / 2) if mean.min() > 0 else low


def _translucent(colour: str) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{_BAND_OPACITY})"


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis with its title in words."""
    return {"title": {"text": chart_text(title)}, "automargin": True, "zeroline": False, **more}


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
    return [value for trace in traces for value in trace["y"]]


def layout(x: dict[str, Any], y: dict[str, Any], *, log: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    """plotly's `layout`; `log` names the axes that get a button for a logarithmic scale."""
    margin = {"l": 56, "r": 12, "t": 12, "b": 48}
    return {"xaxis": x, "yaxis": y, "margin": margin, "hovermode": "closest", "meta": {"log": list(log)}, **more}
