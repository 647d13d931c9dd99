"""The tables of a sweep as files in its folder; each is whole or not there, whenever one looks."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from sweeplab.compare.analysis import Analysis
from sweeplab.report.declared import Declared, latex
from sweeplab.report.guards import notes_below
from sweeplab.report.ledger import settle
from sweeplab.report.markup import csv_table, latex_table, markdown_list, markdown_table, markdown_text
from sweeplab.report.pairs import headline, pairs_table
from sweeplab.report.published import Reported
from sweeplab.report.table import NOTES_TITLE, Table, choice_table, data_notes, settings_table, stamped
from sweeplab.report.words import plain_text

_OWN = ("settings", "choice", "pairs")


def write_tables(
    folder: Path,
    analysis: Analysis,
    *,
    reported: Sequence[Reported],
    declared: Sequence[Declared],
    notes: Sequence[str],
) -> None:
    """Writes `comparison.csv` (numbers), `comparison.md` and `comparison.tex` (text with notes) into `folder`.

    What a source reported gets files of its own numbers, and tables in the text; so do the pairs; so does what was
    declared, its numbers under `tables/`. Such a file of an earlier report that is not written any more is deleted.

    Args:
        folder: of the sweep.
        analysis: what all of it comes to.
        reported: what a source reported against what was measured.
        declared: the tables that were asked for or come by themselves.
        notes: on the whole sweep.
    """
    notes = [plain_text(note) for note in notes]
    comparison = analysis.comparison
    parts = _parts(analysis, reported, declared)
    _write(folder / "comparison.md", _markdown(folder.name, analysis, parts, notes))
    _write(folder / "comparison.tex", _latex(folder.name, analysis, parts, notes))
    numbers = {f"{part.name}.csv": part.frame for part in reported}
    numbers |= {"pairs.csv": analysis.pairs} if len(analysis.pairs) else {}
    numbers |= {f"tables/{part.name}.csv": part.frame for part in declared}
    for name, frame in {"comparison.csv": comparison.settings, **numbers}.items():
        _write(folder / name, csv_table(stamped(frame, comparison.select)))
    settle(folder, "tables", [folder / name for name in numbers])


def _parts(
    analysis: Analysis, reported: Sequence[Reported], declared: Sequence[Declared]
) -> dict[str, Table | Declared]:
    """Every table of text by name, with what the guards say of it."""
    comparison = analysis.comparison
    metrics = [metric for metric in comparison.metrics if not metric.startswith("train/")]
    tables = {"settings": settings_table(comparison, comparison.axes, metrics)}
    if comparison.over:
        tables["choice"] = choice_table(comparison, comparison.axes, metrics)
    if len(analysis.pairs):
        tables["pairs"] = pairs_table(analysis.pairs, data_notes(comparison))
    told = notes_below(analysis.remarks, [*tables, *(part.name for part in reported)])
    tables |= {part.name: part.table for part in reported}
    noted = {name: replace(table, notes=[*table.notes, *told[name]]) for name, table in tables.items()}
    parts: dict[str, Table | Declared] = {name: noted.pop(name) for name in tables if name in _OWN}
    return {**parts, **{f"tables/{part.name}": part for part in declared}, **noted}


def _markdown(name: str, analysis: Analysis, parts: Mapping[str, Table | Declared], notes: Sequence[str]) -> str:
    tables = [part.table if isinstance(part, Declared) else part for part in parts.values()]
    sections = [*map(markdown_table, tables), *([markdown_list(NOTES_TITLE, notes)] if notes else [])]
    return "\n".join([f"# {markdown_text(name)}", "", markdown_text(headline(analysis.pairs)), "", *sections])


def _latex(name: str, analysis: Analysis, parts: Mapping[str, Table | Declared], notes: Sequence[str]) -> str:
    """Each table in an environment of its own; the headline stands below the pairs, notes on all below the settings."""
    below = {"settings": notes}
    judged = "pairs" if "pairs" in parts else "settings"
    below[judged] = [headline(analysis.pairs), *below.get(judged, ())]
    environments = []
    for own, part in parts.items():
        if isinstance(part, Declared):
            environments.append(latex(part, label=f"{name}-{part.name}"))
            continue
        label = name if own == "settings" else f"{name}-{own}"
        table = replace(part, title=f"{part.title} of {name}", notes=[*part.notes, *below.get(own, ())])
        environments.append(latex_table(table, label=label))
    return "\n".join(environments)


def write_cells(folder: Path, cells: pd.DataFrame) -> None:
    """Writes `cells.csv`: one row per cell in the order of the sweep, every column of `cells`, full precision."""
    _write(folder / "cells.csv", csv_table(cells))


def write_table(folder: Path, name: str, frame: pd.DataFrame, table: Table) -> None:
    """Writes one more table into `folder`: `name`.csv (numbers) and `name`.md (text with notes)."""
    _write(folder / f"{name}.csv", csv_table(frame))
    _write(folder / f"{name}.md", markdown_table(table))


def _write(path: Path, text: str) -> None:
    folder = path.parent
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{path.name}.{secrets.token_hex(4)}"  # workers on other machines may write it, too
    try:
        draft.write_text(text, encoding="utf-8", newline="")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
