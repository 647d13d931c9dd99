"""What the page shows beyond its main tables and charts: verdicts, optimizers, classes, guards."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sweeplab.compare import Comparison
from sweeplab.compare.analysis import Analysis
from sweeplab.compare.classes import confused_pairs, per_class
from sweeplab.compare.clock import sharing_notes, without_shared_times
from sweeplab.compare.cost import cost, stability
from sweeplab.compare.profiles import scored
from sweeplab.compare.sensitivity import sensitivity
from sweeplab.compare.target import race
from sweeplab.compare.tuning import tuning_curve
from sweeplab.compare.workloads import contest
from sweeplab.records import Records
from sweeplab.report.classes import classes_table, confused_table
from sweeplab.report.guards import guards_table, notes_below
from sweeplab.report.optimizers import cost_table, sensitivity_table, stability_table, tuning_table
from sweeplab.report.page.build import build_page
from sweeplab.report.page.charts.tuning import tuning_charts
from sweeplab.report.page.page import Section, write_page
from sweeplab.report.pairs import headline, pairs_table
from sweeplab.report.table import Table, data_notes
from sweeplab.report.wilcoxon import wilcoxon_table
from sweeplab.report.workloads import profile_table, ranks_table, target_table
from sweeplab.sweep import Sweep

MAX_CLASSES = 20
MAX_SHOWN = 4  # settings whose classes are listed


def write_report_page(
    sweep: Sweep, records: Records, analysis: Analysis, curves: pd.DataFrame, declared: Sequence[Table]
) -> Path:
    """Write `report.html` into the sweep's folder; returns its path.

    Args:
        sweep: what was asked.
        records: what its cells left behind.
        analysis: what they come to.
        curves: of the chosen settings at least.
        declared: the tables that were asked for or come by themselves.
    """
    path = sweep.folder.path / "report.html"
    comparison = analysis.comparison
    over_workloads = _workloads(comparison, records, curves)
    shown = ["settings", *["choice"] * bool(comparison.over), *["pairs"] * bool(len(analysis.pairs)), "curves", "time"]
    told = notes_below(analysis.remarks, [*shown, *["workloads"] * bool(over_workloads), "published"])
    budgets = tuning_charts(comparison)
    verdicts = [pairs_table(analysis.pairs, data_notes(comparison))] if len(analysis.pairs) else []
    extra = [
        Section("pairs", "Two at a time", told.get("pairs", []), verdicts, []),
        Section("tables", "Tables", [], list(declared), []),
        Section("workloads", "Workloads", told.get("workloads", []), over_workloads, []),
        Section("optimizers", "Cost and tuning", [], _optimizers(comparison, records, curves), budgets),
        Section("classes", "Classes", [], _classes(comparison, records), []),
        Section("guards", "Guards", [], [guards_table(analysis.remarks)], []),
    ]
    page = build_page(
        sweep,
        records,
        comparison,
        curves,
        headline=[headline(analysis.pairs), *data_notes(comparison)],
        notes={**told, "learning_curves": told["curves"]},
        extra=extra,
    )
    write_page(path, page)
    return path


def _workloads(comparison: Comparison, records: Records, curves: pd.DataFrame) -> list[Table]:
    found = contest(comparison)
    if min(found.table.shape) < 2:
        return []
    notes = data_notes(comparison)
    scores = scored(found, comparison, records.cells, records.confusions)
    to_target = race(found, comparison, records.cells, curves, origins=records.origins)
    return [
        ranks_table(found, notes),
        wilcoxon_table(found, notes),
        profile_table(found, scores, notes),
        target_table(found, to_target, notes),
    ]


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
    scores = per_class(comparison, records.cells, records.confusions, origins=records.origins, rows=best)
    confused = confused_pairs(comparison, records.cells, records.confusions, origins=records.origins, rows=best)
    notes = data_notes(comparison)
    return [table for table in (classes_table(scores, notes), confused_table(confused, notes)) if table.rows]
