"""Comparisons made visible: terminal and files. Refuses to compute anything that is not in the comparison."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from sweeplab.compare import Comparison


def publish(
    folder: Path,
    cells: "pd.DataFrame",
    axes: Sequence[str],
    *,
    select: Mapping[str, str],
    published: Mapping[str, Any] | None,
    tables: Sequence[Mapping[str, Any]],
    notes: Sequence[str],
    console: "Console",
) -> "Comparison":
    """Writes the tables of a sweep into `folder`, prints them, and returns the comparison.

    Args:
        folder: of the sweep; made if it is not there.
        cells: one row per cell: `cell_id`, `state`, every axis, metrics as `split/name`, times.
        axes: in the order of the sweep, with or without `seed`.
        select: the configuration's node: which metric of the validation split chose epochs and chooses the learning
            rate, whether the highest or the lowest, at which epoch cells are measured, and what validation data is.
        published: what the experiment's source reports, as `sweeplab.published.matched` gives it, or None.
        tables: those that were declared, as `sweeplab.tables.declared` gives them.
        notes: where the experiment comes from and where it is known to differ, in words.
        console: where to print.

    Raises:
        EmptyComparison: no cell at all.
        ConfigFault: the metric that chooses is one of the test split or unknown, or `mode` is neither word.
    """
    # pandas takes a second to import, and the live view stands in this package too
    from sweeplab.compare import compare
    from sweeplab.report.declared import automatic_tables, declared_tables
    from sweeplab.report.files import write_cells, write_tables
    from sweeplab.report.published import against_published, named_metrics
    from sweeplab.report.table import data_notes
    from sweeplab.report.terminal import show

    write_cells(folder, cells)
    comparison = compare(cells, axes, select=select, named=named_metrics(published))
    reported = against_published(cells, axes, published, select=select, notes=data_notes(comparison))
    asked = declared_tables(cells, axes, tables, comparison)
    write_tables(folder, comparison, reported, notes, [*asked, *automatic_tables(cells, axes, comparison)])
    show(console, comparison, [part.table for part in reported], notes, folder, [part.table for part in asked])
    return comparison
