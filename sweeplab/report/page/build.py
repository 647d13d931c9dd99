"""The page of a sweep, filled from its records and its comparison; computes nothing that is not in them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from sweeplab.compare import Comparison
from sweeplab.compare.clock import without_shared_times
from sweeplab.records import Records
from sweeplab.report.page.charts.confusion import confusion_charts
from sweeplab.report.page.charts.curves import curve_charts, time_chart
from sweeplab.report.page.charts.heat_map import heat_charts
from sweeplab.report.page.charts.learning_rate import learning_rate_charts
from sweeplab.report.page.charts.seeds import seeds_chart
from sweeplab.report.page.facts import facts_of
from sweeplab.report.page.page import Page, Section
from sweeplab.report.page.rows import MAX_CELLS
from sweeplab.report.published import against_published
from sweeplab.report.table import NOTES_TITLE, Table, choice_table, data_notes, settings_table
from sweeplab.report.words import plain_text
from sweeplab.sweep import Sweep

Notes = Mapping[str, Sequence[str]]


def build_page(
    sweep: Sweep,
    records: Records,
    comparison: Comparison,
    curves: pd.DataFrame,
    *,
    headline: Sequence[str],
    notes: Notes,
    extra: Sequence[Section],
) -> Page:
    """Every section that records and comparison can fill; one without content is not there.

    Args:
        sweep: what was asked.
        records: what its cells left behind.
        comparison: of their settings.
        curves: as `read_curves` gives them, of at least the cells that `charts.curves.drawn_cells` names.
        headline: the verdict in words, its first sentence large.
        notes: to stand below a table or chart, by name: `choice`, `settings`, `learning_curves`, `learning_rate`,
            `heat_map`, `seeds`, `time`, `confusion`, `published`, `published_orderings`.
        extra: further sections; they follow the first tables.
    """
    cells = records.cells
    times = time_chart(comparison, cells, without_shared_times(curves, records.origins))
    dots = seeds_chart(comparison, cells)
    charts = {
        "learning_curves": ("Learning curves", curve_charts(comparison, cells, curves)),
        "learning_rate": ("Learning rate", learning_rate_charts(comparison)),
        "heat_map": ("Heat maps", heat_charts(comparison)),
        "seeds": ("Seeds", [dots] if dots else []),
        "time": ("Time", [times] if times else []),
        "confusion": ("Confusion", confusion_charts(comparison, cells, records.confusions, records.origins)),
    }
    sections = [
        Section("results", "Results", [], _results(comparison, notes), []),
        *extra,
        *(Section(name, title, list(notes.get(name, ())), [], found) for name, (title, found) in charts.items()),
        Section("published", "Published and measured", [], _published(sweep, records, comparison, notes), []),
        Section("about", NOTES_TITLE, [plain_text(note) for note in sweep.notes], [], []),
    ]
    return Page(
        title=plain_text(sweep.name),
        headline=list(headline),
        sections=[section for section in sections if section.notes or section.tables or section.charts],
        facts=facts_of(sweep, records, comparison),
        failures=records.failures,
    )


def _results(comparison: Comparison, notes: Notes) -> list[Table]:
    axes = comparison.varying or comparison.axes
    settings = _best_first(settings_table(comparison, axes, comparison.metrics), comparison)
    if not comparison.over:
        return [_noted(settings, notes, "settings")]
    shown = [metric for metric in comparison.metrics if not metric.startswith("train/")]
    return [_noted(choice_table(comparison, axes, shown), notes, "choice"), _noted(settings, notes, "settings")]


def _best_first(table: Table, comparison: Comparison) -> Table:
    """As it stands if the page can hold it whole, else its best rows first, since the page holds the first ones."""
    if len(table.rows) * len(table.header) <= MAX_CELLS:
        return table
    note = f"Best first by {comparison.monitor}."
    return replace(table, rows=[table.rows[row] for row in comparison.ranks()], notes=[note, *table.notes])


def _published(sweep: Sweep, records: Records, comparison: Comparison, notes: Notes) -> list[Table]:
    parts = against_published(
        records.cells, list(sweep.axes), sweep.published, select=comparison.select, notes=data_notes(comparison)
    )
    return [_noted(part.table, notes, part.name) for part in parts]


def _noted(table: Table, notes: Notes, name: str) -> Table:
    return replace(table, notes=[*table.notes, *notes.get(name, ())])
