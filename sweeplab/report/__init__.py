"""Comparisons made visible: terminal, files, figures, page. Refuses to compute what is not in the comparison."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

# pandas takes a second to import, and the live view stands in this package too: functions import what they need
if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from sweeplab.compare import Comparison
    from sweeplab.compare.analysis import Analysis
    from sweeplab.records import Records
    from sweeplab.report.table import Table
    from sweeplab.sweep import Sweep


def report_on(sweep: "Sweep", records: "Records", console: "Console") -> "tuple[Analysis, Path]":
    """Compare, analyse, write the tables, show them and what they come to; then the page, whose path is returned.

    Raises:
        EmptyComparison: no cell at all.
        ConfigFault: the metric that chooses is one of the test split or unknown, or `mode` is neither word.
    """
    from sweeplab.report.guards import terminal_notes
    from sweeplab.report.pairs import headline
    from sweeplab.report.sections import write_report_page

    analysis, curves = _judge(sweep, records)
    declared = publish(
        sweep.folder.path,
        records.cells,
        list(sweep.axes),
        analysis,
        published=sweep.published,
        tables=sweep.tables,
        notes=sweep.notes,
        console=console,
    )
    page = write_report_page(sweep, records, analysis, curves, declared)
    for line in [headline(analysis.pairs), *terminal_notes(analysis.remarks), f"Page: {page}"]:
        _say(console, line)
    return analysis, page


def publish(
    folder: Path,
    cells: "pd.DataFrame",
    axes: Sequence[str],
    analysis: "Analysis",
    *,
    published: Mapping[str, Any] | None,
    tables: Sequence[Mapping[str, Any]],
    notes: Sequence[str],
    console: "Console",
) -> "list[Table]":
    """Writes the tables of a sweep into `folder` and prints them; returns those declared and those the axes call for.

    Args:
        folder: of the sweep; made if it is not there.
        cells: one row per cell: `cell_id`, `state`, every axis, metrics as `split/name`, times.
        axes: in the order of the sweep, with or without `seed`.
        analysis: what these cells come to.
        published: what the experiment's source reports, as `sweeplab.published.matched` gives it, or None.
        tables: those that were declared, as `sweeplab.tables.declared` gives them.
        notes: where the experiment comes from and where it is known to differ, in words.
        console: where to print.
    """
    from sweeplab.report.declared import called_for, declared_tables
    from sweeplab.report.files import write_tables
    from sweeplab.report.guards import edge_notes
    from sweeplab.report.published import against_published
    from sweeplab.report.table import data_notes
    from sweeplab.report.terminal import show

    comparison = analysis.comparison
    reported = against_published(cells, axes, published, select=comparison.select, notes=data_notes(comparison))
    declared = declared_tables(cells, axes, [*tables, *called_for(cells, axes, comparison)], analysis)
    write_tables(folder, analysis, reported=reported, declared=declared, notes=notes)
    found = [part.table for part in declared]
    published_tables = [part.table for part in reported]
    show(console, comparison, published_tables, notes, folder, found[: len(tables)], edge_notes(analysis.remarks))
    return found


def draw(sweep: "Sweep", records: "Records", comparison: "Comparison", console: "Console") -> list[Path]:
    """Draw the figures and say where they are; those of an earlier report that are not drawn any more are deleted."""
    from functools import partial

    from sweeplab.records import read_curves
    from sweeplab.report.figures import write_figures
    from sweeplab.report.ledger import settle

    folder = sweep.folder.path / "figures"
    curves_of = partial(read_curves, sweep)
    files = write_figures(
        folder, comparison, records.cells, curves_of, confusions=records.confusions, origins=records.origins
    )
    settle(sweep.folder.path, "figures", files)
    names = ", ".join(path.stem for path in files if path.suffix == ".png")
    where = f"{folder}/ ({names}; as .png and .pdf)" if files else "none (too few results to draw)"
    _say(console, f"Figures: {where}")
    return files


def _judge(sweep: "Sweep", records: "Records") -> "tuple[Analysis, pd.DataFrame]":
    """What the cells come to, and the curves of the chosen settings; cells.csv is safe before anything is refused."""
    from sweeplab.compare import compare
    from sweeplab.compare.analysis import analyse
    from sweeplab.records import read_curves
    from sweeplab.report.files import write_cells
    from sweeplab.report.published import named_metrics
    from sweeplab.report.table import stamped

    cells, axes, folder = records.cells, list(sweep.axes), sweep.folder.path
    write_cells(folder, stamped(cells, sweep.select))
    comparison = compare(cells, axes, select=sweep.select, named=named_metrics(sweep.published))
    curves = read_curves(sweep, comparison.chosen_cells(cells))
    analysis = analyse(
        comparison,
        cells,
        axes,
        origins=records.origins,
        confusions=records.confusions,
        curves=curves,
        folder=str(folder),
    )
    return analysis, curves


def _say(console: "Console", line: str) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)
