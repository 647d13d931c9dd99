"""Which classes are taken for which: test examples of the chosen settings, seeds pooled."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sweeplab.compare import Comparison
from sweeplab.compare.classes import Pooled, pool
from sweeplab.report.lines import chosen_settings
from sweeplab.report.page.charts.parts import axis, chart_text, layout
from sweeplab.report.page.page import Chart

MAX_MATRICES = 4
_MAX_WRITTEN = 12  # classes that a matrix can have and still show counts
_LONGEST_CLASS = 16
# over any ground; steep at the foot, because rare confusions are what one looks for
_COLOURS = [[share, f"rgba(68,119,170,{opacity})"] for share, opacity in ((0, 0.1), (0.05, 0.35), (0.2, 0.6), (1, 1))]


def confusion_charts(
    comparison: Comparison,
    cells: pd.DataFrame,
    confusions: Mapping[str, Sequence[Sequence[int]]],
    origins: pd.DataFrame | None = None,
) -> list[Chart]:
    """A matrix for each of the best chosen settings, at most `MAX_MATRICES`: true class down, predicted across.

    Args:
        comparison: of settings.
        cells: one row per cell: `cell_id`, every axis.
        confusions: test examples by true (rows) and predicted class, by cell id.
        origins: `cell_id`, `class_names`, where they are known.
    """
    found = pool(comparison, cells, confusions, origins)
    pooled = [(name, found[row]) for row, name in chosen_settings(comparison) if row in found]
    left_out = len(pooled) - MAX_MATRICES
    note = [f"The best {MAX_MATRICES} settings are shown, {left_out} are not."] if left_out > 0 else []
    return [
        _chart(place, name, own, note if place == 1 else [])
        for place, (name, own) in enumerate(pooled[:MAX_MATRICES], start=1)
    ]


def _chart(place: int, name: str, own: Pooled, notes: list[str]) -> Chart:
    matrix, num = own.matrix, len(own.matrices)
    total = matrix.sum(axis=1, keepdims=True)
    share = np.where(matrix > 0, matrix / np.maximum(total, 1), np.nan)  # an empty place shows the ground
    classes = list(range(len(matrix)))
    words = [chart_text(word, _LONGEST_CLASS) for word in own.names]
    trace = {
        "type": "heatmap",
        "z": share,
        "x": classes,
        "y": classes,
        "text": [[str(count) if count else "" for count in row] for row in matrix],
        "customdata": [[[true, taken] for taken in words] for true in words],
        "hovertemplate": "true %{customdata[0]}, predicted %{customdata[1]}<br>%{text} examples, %{z:.1%} of its class"
        "<extra></extra>",
        "hoverongaps": False,
        "colorscale": _COLOURS,
        "zmin": 0,
        "zmax": 1,
        "colorbar": {"thickness": 12, "outlinewidth": 0, "tickformat": ".0%"},
        "xgap": 1,
        "ygap": 1,
    }
    ticks = {"tickvals": classes, "ticktext": words} if len(matrix) <= _MAX_WRITTEN else {}
    look = layout(
        axis("predicted class", showgrid=False, **ticks),
        axis("true class", autorange="reversed", showgrid=False, **ticks),
        showlegend=False,
        height=420,
        annotations=_counts(matrix) if len(matrix) <= _MAX_WRITTEN else [],
    )
    pooled = f"Test examples, pooled over {num} {'cell' if num == 1 else 'cells'}; colours: share of the true class."
    title = f"Confusion of {name}" if name else "Confusion"
    return Chart(f"chart-confusion-{place}", title, {"data": [trace], "layout": look}, [pooled, *notes])


def _counts(matrix: Any) -> list[dict[str, Any]]:
    """Counts in the ink of the page: plotly's own choice of it knows nothing of the ground below a faint colour."""
    return [
        {"x": x, "y": y, "text": str(count), "showarrow": False, "font": {"size": 11}}
        for (y, x), count in np.ndenumerate(matrix)
        if count
    ]
