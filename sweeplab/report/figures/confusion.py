"""What is taken for what: confusion matrices of the best settings, seeds pooled, and how the first two differ."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import CenteredNorm, PowerNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from sweeplab.compare import Comparison, varying
from sweeplab.compare.classes import Floats, Matrix, matrix_difference, normalised, pool
from sweeplab.report.figures.style import ink, new_figure, write_around
from sweeplab.report.lines import chosen_settings
from sweeplab.report.table import data_notes
from sweeplab.report.words import plain_text

MAX_MATRICES = 4
_PER_ROW = 3
_LONGEST_CLASS = 14
_MAX_WRITTEN = 12  # classes whose numbers can still be read
_PANEL_IN = (2.95, 2.45)  # with numbers in it, with a colour bar beside it


def confusion(
    comparison: Comparison,
    cells: pd.DataFrame,
    confusions: Mapping[str, Sequence[Sequence[int]]],
    origins: pd.DataFrame | None = None,
) -> Figure | None:
    """Shares of each true class of the best chosen settings side by side; last, the first minus the second.

    Args:
        comparison: of settings.
        cells: the cells that were compared.
        confusions: test examples by true (rows) and predicted class, by cell id.
        origins: `cell_id`, `class_names`, where they are known.

    Returns:
        None where no chosen setting has a matrix.
    """
    pooled = pool(comparison, cells, confusions, origins)
    named = [(row, name) for row, name in chosen_settings(comparison) if row in pooled]
    shown = [(name, pooled[row]) for row, name in named[:MAX_MATRICES]]
    if not shown:
        return None
    matrices = [own.matrix for _, own in shown]
    first_two = comparison.settings.loc[[row for row, _ in named[:2]]]
    can_differ = len(shown) > 1 and not varying(first_two, _data(comparison))
    difference = matrix_difference(*matrices[:2]) if can_differ else None
    num_panels = len(shown) + (difference is not None)
    rows = -(-num_panels // _PER_ROW)
    is_written = max(map(len, matrices)) <= _MAX_WRITTEN
    figure = new_figure(_PANEL_IN[not is_written] * rows + 0.75)
    panels = list(figure.subplots(rows, _PER_ROW, squeeze=False).flat)
    for panel, (name, own), matrix in zip(panels, shown, matrices, strict=False):
        seeds = f"{len(own.matrices)} seed{'s' * (len(own.matrices) > 1)}"
        _title(panel, f"{name}\n{int(matrix.sum()):,} examples, {seeds}")
        image = _draw(panel, normalised(matrix), own.names, PowerNorm(0.4, 0, 1), "Blues")
    if not is_written:
        ticks = [0, 0.01, 0.1, 0.5, 1]
        figure.colorbar(image, ax=panels[len(shown) - 1], shrink=0.8, label="share of the true class", ticks=ticks)
    if difference is not None:
        panel, most = panels[len(shown)], float(np.nanmax(np.abs(difference), initial=0))
        _title(panel, "first minus second\nblue: more often in the first")
        image = _draw(panel, difference, shown[0][1].names, CenteredNorm(0, most or 1), "RdBu")
        if not is_written:
            figure.colorbar(image, ax=panel, shrink=0.8, label="difference of shares")
    for panel in panels[num_panels:]:
        panel.set_axis_off()
    notes = _notes(comparison, len(named) - len(shown), matrices)
    write_around(figure, "Confusion of classes on test data", [], notes)
    return figure


def _data(comparison: Comparison) -> list[str]:
    """The axes that change what the classes are."""
    return [axis for axis in comparison.axes if axis.partition(".")[0] == "dataset"]


def _title(panel: Axes, words: str) -> None:
    panel.set_title(words, loc="left", fontsize=8)


def _draw(panel: Axes, shares: Floats, names: Sequence[str], norm: PowerNorm | CenteredNorm, colours: str) -> AxesImage:
    image = panel.imshow(shares, norm=norm, cmap=colours)
    panel.set_xlabel("predicted class")
    panel.set_ylabel("true class")
    panel.grid(visible=False)
    panel.spines[:].set_visible(True)
    panel.spines[:].set_color("0.8")
    if len(shares) > _MAX_WRITTEN:
        for axis in (panel.xaxis, panel.yaxis):
            axis.set_major_locator(MaxNLocator(8, integer=True))
        return image
    words = [_cut(plain_text(name)) for name in names]
    panel.set_xticks(range(len(shares)), words)
    panel.set_yticks(range(len(shares)), words)
    if max(map(len, words)) > 2:
        panel.tick_params(labelsize=6.5)
        panel.tick_params(axis="x", labelrotation=90)
    for (row, column), share in np.ndenumerate(shares):
        panel.text(column, row, _percent(share), ha="center", va="center", fontsize=5.5, color=ink(image, share))
    return image


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_CLASS else f"{name[: _LONGEST_CLASS - 1]}…"


def _percent(share: float) -> str:
    """Whole percent; nothing for 0, a dot for what rounds to it."""
    if np.isnan(share) or not share:
        return ""
    return f"{100 * share:.0f}".replace("-", "\N{MINUS SIGN}") if abs(share) >= 0.005 else "·"


def _notes(comparison: Comparison, num_left_out: int, matrices: Sequence[Matrix]) -> list[str]:
    words = "Rows: true class, summing to 1; test examples of all seeds pooled."
    if min(map(len, matrices)) <= _MAX_WRITTEN:
        words += " Numbers: percent of the true class (their difference: points), a dot below one half."
    if num_left_out:
        words += f" The best {len(matrices)} by {comparison.monitor} are shown, {num_left_out} are not."
    return [*data_notes(comparison), words]
