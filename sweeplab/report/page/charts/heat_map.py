"""One metric over two numeric axes, a map for each combination of the others."""

from collections.abc import Sequence
from numbers import Real
from typing import Any

import pandas as pd

from sweeplab.compare import Comparison
from sweeplab.compare.settings import is_missing, positions
from sweeplab.report.page.charts.parts import axis, chart_text, layout, tick_text
from sweeplab.report.page.page import Chart
from sweeplab.report.table import axis_cell, counts_of, data_notes
from sweeplab.report.words import ABSENT, metric_text, outcome_text

MAX_MAPS = 6
_MAX_WRITTEN = 14  # values across that a map can have and still show numbers
_MAX_VALUES = 100


def heat_charts(comparison: Comparison) -> list[Chart]:
    """Mean of the monitored metric over the first two numeric axes that vary; the best maps first, at most `MAX_MAPS`.

    Settings without a result show their state in words. All maps share one scale of colours.
    """
    pair = _pair(comparison)
    if pair is None or not comparison.settings["n"].any():
        return []
    settings, metric = comparison.settings, comparison.monitor
    rest = [name for name in comparison.varying if name not in pair]
    number = positions(settings, rest)
    ranked = list(dict.fromkeys(number[row] for row in comparison.ranks()))
    shown = [settings[number == group] for group in ranked[:MAX_MAPS]]
    means = pd.concat(shown)[f"{metric}/mean"].astype(float)
    scale = {"zmin": means.min(), "zmax": means.max(), "reversescale": comparison.mode == "min"}
    left_out = len(ranked) - len(shown)
    notes = [
        *data_notes(comparison),
        f"Mean {metric} over seeds.",
        *([f"The best {len(shown)} maps are shown, {left_out} are not."] if left_out else []),
    ]
    # said once, under the first
    return [
        _map(place, part, pair, rest, comparison, scale, notes if place == 1 else [])
        for place, part in enumerate(shown, start=1)
    ]


def _pair(comparison: Comparison) -> tuple[str, str] | None:
    """The axes across and down: the tuned one first, then those in the order of the sweep; two values are no map."""
    numeric = [name for name in comparison.varying if _is_numeric(comparison.settings[name])]
    ordered = [*(name for name in comparison.over if name in numeric), *numeric]
    found = list(dict.fromkeys(ordered))[:2]
    return (found[0], found[1]) if len(found) == 2 else None


def _is_numeric(values: "pd.Series[Any]") -> bool:
    known = [value for value in values.tolist() if not is_missing(value)]
    is_number = all(isinstance(value, Real) and not isinstance(value, bool) for value in known)
    return is_number and 2 <= len(set(known)) <= _MAX_VALUES


def _map(
    place: int,
    settings: pd.DataFrame,
    pair: tuple[str, str],
    rest: Sequence[str],
    comparison: Comparison,
    scale: dict[str, Any],
    notes: list[str],
) -> Chart:
    across, down = pair
    columns, rows = (sorted({value for value in settings[name] if not is_missing(value)}) for name in pair)
    metric = comparison.monitor
    means: list[list[float | None]] = [[None] * len(columns) for _ in rows]
    texts = [[""] * len(columns) for _ in rows]
    states = []
    for row in settings.to_dict("records"):
        if is_missing(row[across]) or is_missing(row[down]):
            continue
        i, j = rows.index(row[down]), columns.index(row[across])
        means[i][j] = row[f"{metric}/mean"]
        if is_missing(row[f"{metric}/mean"]):
            states.append(_state(j, i, "not a number" if row["n"] else outcome_text(counts_of(row))))
        else:
            texts[i][j] = metric_text(metric, row[f"{metric}/mean"])
    trace = {
        "type": "heatmap",
        "z": means,
        "x": list(range(len(columns))),
        "y": list(range(len(rows))),
        "text": texts,
        **({"texttemplate": "%{text}"} if len(columns) <= _MAX_WRITTEN else {}),
        "hovertemplate": f"{chart_text(metric)} %{{text}}<br>{chart_text(across)} %{{x}}<br>{chart_text(down)} %{{y}}"
        "<extra></extra>",
        "hoverongaps": False,
        "colorscale": "Cividis",
        "colorbar": {"thickness": 12, "outlinewidth": 0},
        "xgap": 1,
        "ygap": 1,
        **scale,
    }
    look = layout(
        axis(across, tickvals=trace["x"], ticktext=[tick_text(across, value) for value in columns], showgrid=False),
        axis(down, tickvals=trace["y"], ticktext=[tick_text(down, value) for value in rows], showgrid=False),
        showlegend=False,
        annotations=states,
    )
    words = [axis_cell(settings.iloc[0].to_dict(), name) for name in rest]
    of = " ".join(word for word in words if word != ABSENT)
    title = f"{metric} over {across} and {down}{f': {of}' if of else ''}"
    return Chart(f"chart-heat-{place}", title, {"data": [trace], "layout": look}, notes)


def _state(x: int, y: int, words: str) -> dict[str, Any]:
    """A state in words, one below the other: a gap in a map carries no text of its own."""
    lines = "<br>".join(chart_text(words).split())
    return {"x": x, "y": y, "text": lines, "showarrow": False, "font": {"size": 10}}
