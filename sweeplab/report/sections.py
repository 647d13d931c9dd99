"""What the page shows beyond its main tables and charts: verdicts, optimizers, classes, guards."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sweeplab.compare import Comparison
from sweeplab.compare.analysis import Analysis
from sweeplab.compare.classes import confused_pairs, per_class
from sweeplab.compare.clock import sharing_notes, without_shared_times
from sweeplab.compare.cost import cost, stability
from sweeplab.compare.guards import Remark
from sweeplab.compare.guards.guard import TABLES
from sweeplab.compare.profiles import scored
from sweeplab.compare.sensitivity import sensitivity
from sweeplab.compare.target import race
from sweeplab.compare.tuning import tuning_curve
from sweeplab.compare.workloads import contest
from sweeplab.records import Records
from sweeplab.report.classes import classes_table, confused_table
from sweeplab.report.guards import guards_table, remarks_for
from sweeplab.report.optimizers import cost_table, sensitivity_table, stability_table, tuning_table
from sweeplab.report.page.build import build_page
from sweeplab.report.page.page import Section, write_page
from sweeplab.report.pairs import headline, pairs_table
from sweeplab.report.table import Table, data_notes
from sweeplab.report.workloads import profile_table, ranks_table, target_table
from sweeplab.sweep import Sweep

# What the notes of the tables say already, and on a terminal the verdict.
SAID_BY_TABLES = ("G1", "G2", "G3")
SAID_BY_VERDICT = ("G7",)
MAX_LINES = 6
PER_WORKLOAD = "Nothing is averaged over workloads but ranks and normalised scores."
MAX_CLASSES = 20
MAX_SHOWN = 4  # settings whose classes are listed


def sections_of(
    analysis: Analysis, comparison: Comparison, records: Records, curves: pd.DataFrame
) -> tuple[list[Section], list[Section]]:
    """Sections that follow the results, and those that stand at the end."""
    verdicts = Section("pairs", "Two at a time", _notes(analysis.remarks, "pairs"), _pairs(analysis), [])
    optimizers = Section("optimizers", "Cost and tuning", [], _optimizers(comparison, records, curves), [])
    classes = Section("classes", "Classes", [], _classes(comparison, records), [])
    guards = Section("guards", "Guards", [], [guards_table(analysis.remarks)], [])
    over_workloads = _workloads(comparison, records, curves)
    workloads = Section("workloads", "Workloads", [PER_WORKLOAD] if over_workloads else [], over_workloads, [])
    return [verdicts, workloads], [optimizers, classes, guards]


def terminal_notes(remarks: Sequence[Remark]) -> list[str]:
    """The gravest remarks in words, each once, as many as one still reads on a terminal; the page has all."""
    said = (*SAID_BY_TABLES, *SAID_BY_VERDICT)
    grave = [remark for remark in remarks if remark.level != "info" and remark.guard not in said]
    lines = list(dict.fromkeys(line for table in TABLES for line in remarks_for(grave, table)))
    more = [f"{len(lines) - MAX_LINES} more remarks like these: see report.html."] if len(lines) > MAX_LINES else []
    return [*lines[:MAX_LINES], *more]


def page_notes(remarks: Sequence[Remark]) -> dict[str, list[str]]:
    """Remarks by the part of the page that they stand under."""
    places = {"settings": "settings", "choice": "choice", "learning_curves": "curves", "published": "published"}
    return {place: _notes(remarks, table) for place, table in places.items()}


def _notes(remarks: Sequence[Remark], table: str) -> list[str]:
    return remarks_for([remark for remark in remarks if remark.guard not in SAID_BY_TABLES], table)


def write_report_page(
    sweep: Sweep, records: Records, comparison: Comparison, analysis: Analysis, curves: pd.DataFrame
) -> Path:
    """Write `report.html` into the sweep's folder; returns its path."""
    path = sweep.folder.path / "report.html"
    first, last = sections_of(analysis, comparison, records, curves)
    page = build_page(
        sweep,
        records,
        comparison,
        curves,
        headline=[headline(analysis.pairs)],
        notes=page_notes(analysis.remarks),
        extra=[*first, *last],
    )
    write_page(path, page)
    return path


def _pairs(analysis: Analysis) -> list[Table]:
    return [pairs_table(analysis.pairs)] if len(analysis.pairs) else []


def _workloads(comparison: Comparison, records: Records, curves: pd.DataFrame) -> list[Table]:
    found = contest(comparison)
    if min(found.table.shape) < 2:
        return []
    notes = data_notes(comparison)
    scores = scored(found, comparison, records.cells, records.confusions)
    to_target = race(found, comparison, records.cells, curves, origins=records.origins)
    return [ranks_table(found, notes), profile_table(found, scores, notes), target_table(found, to_target, notes)]


def _optimizers(comparison: Comparison, records: Records, curves: pd.DataFrame) -> list[Table]:
    notes, tables = data_notes(comparison), []
    if "lr" in comparison.over:
        tables = [
            sensitivity_table(sensitivity(comparison), notes),
            tuning_table(tuning_curve(comparison), notes),
        ]
    cells, timed = (without_shared_times(table, records.origins) for table in (records.cells, curves))
    costs = cost_table(cost(comparison, cells, timed, records.origins), [*notes, *sharing_notes(records.origins)])
    tables += [costs, stability_table(stability(comparison, records.cells, curves), notes)]
    return [table for table in tables if table.rows]


def _classes(comparison: Comparison, records: Records) -> list[Table]:
    matrix = next(iter(records.confusions.values()), [])
    if not 0 < len(matrix) <= MAX_CLASSES:
        return []
    best = [row for row in comparison.ranks() if comparison.settings.loc[row, "chosen"]][:MAX_SHOWN]
    scores = per_class(comparison, records.cells, records.confusions, rows=best)
    confused = confused_pairs(comparison, records.cells, records.confusions, rows=best)
    notes = data_notes(comparison)
    return [table for table in (classes_table(scores, notes), confused_table(confused, notes)) if table.rows]
