"""Figures of a sweep: tidy frames in, a matplotlib figure out, one module each; needs no display."""

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from sweeplab.compare import Comparison
from sweeplab.compare.settings import positions
from sweeplab.report.figures.confusion import confusion
from sweeplab.report.figures.heat_map import heat_map
from sweeplab.report.figures.learning_curves import learning_curves
from sweeplab.report.figures.learning_rate import learning_rate
from sweeplab.report.figures.profiles import profiles
from sweeplab.report.figures.ranks import ranks
from sweeplab.report.figures.seeds import seeds
from sweeplab.report.figures.style import style
from sweeplab.report.figures.time import time
from sweeplab.report.figures.tuning import tuning

_FORMATS = ("png", "pdf")


def write_figures(
    folder: Path,
    comparison: Comparison,
    cells: pd.DataFrame,
    curves_of: Callable[[Sequence[str]], pd.DataFrame],
    *,
    confusions: Mapping[str, Sequence[Sequence[int]]] | None = None,
    origins: pd.DataFrame | None = None,
) -> list[Path]:
    """Draws what there is to show, each figure as PNG and PDF; returns the files written.

    Args:
        folder: where the files go; made if it is not there.
        comparison: settings against settings.
        cells: the cells that were compared.
        curves_of: gives the evaluations of cells by id: `cell_id`, `epoch`, metrics as `split/name`.
        confusions: test examples by true (rows) and predicted class, by cell id.
        origins: `cell_id`, `device`, `host`, `threads`.
    """
    with style(), warnings.catch_warnings():
        # a name in a script that the font lacks shows boxes, and is in every table
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figures = _draw(comparison, cells, curves_of, confusions or {}, origins)
        return [_save(figure, folder / f"{name}.{end}") for name, figure in figures for end in _FORMATS]


def _draw(
    comparison: Comparison,
    cells: pd.DataFrame,
    curves_of: Callable[[Sequence[str]], pd.DataFrame],
    confusions: Mapping[str, Sequence[Sequence[int]]],
    origins: pd.DataFrame | None,
) -> Iterator[tuple[str, Figure]]:
    chosen = positions(cells, comparison.axes).isin(comparison.settings.index[comparison.settings["chosen"]])
    curves = curves_of(cells.loc[chosen, "cell_id"].tolist())
    found = {
        "learning_rate": learning_rate(comparison),
        "learning_curves": learning_curves(comparison, cells, curves),
        "tuning": tuning(comparison),
        "heat_map": heat_map(comparison),
        "seeds": seeds(comparison, cells),
        "time": time(comparison, cells, curves, origins),
        "confusion": confusion(comparison, cells, confusions, origins),
        "ranks": ranks(comparison),
        "profiles": profiles(comparison, cells, curves, confusions, origins),
    }
    return ((name, figure) for name, figure in found.items() if figure is not None)


def _save(figure: Figure, path: Path) -> Path:
    """Whole or not there; the same figure gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{os.getpid()}.{path.name}")
    dates = {"CreationDate": None} if path.suffix == ".pdf" else {}
    try:
        figure.savefig(draft, metadata=dates)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    # the layout is settled: the next format need not settle it again
    figure.set_layout_engine("none")
    return path
