"""The tables of a sweep as files in its folder; each is whole or not there, whenever one looks."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from sweeplab.compare import Comparison
from sweeplab.report.declared import Declared, Winner, latex, nobody
from sweeplab.report.markup import csv_table, latex_table, markdown_list, markdown_table
from sweeplab.report.published import Reported
from sweeplab.report.table import NOTES_TITLE, Table, choice_notes, choice_table, settings_table
from sweeplab.report.words import plain_text


def write_tables(
    folder: Path,
    comparison: Comparison,
    reported: Sequence[Reported],
    notes: Sequence[str],
    declared: Sequence[Declared] = (),
    winners: Winner = nobody,
) -> None:
    """Writes `comparison.csv` (numbers), `comparison.md` and `comparison.tex` (text with notes) into `folder`.

    What a source reported gets files of its own numbers, and tables in the text; so does what was declared, its numbers
    under `tables/`. `notes` are on the whole sweep; `winners` are bold in LaTeX.
    """
    notes = [plain_text(note) for note in notes]
    metrics = [metric for metric in comparison.metrics if not metric.startswith("train/")]
    settings = settings_table(comparison, comparison.axes, metrics)
    settings = replace(settings, notes=[*settings.notes, *choice_notes(comparison)])
    tables = [settings, *([choice_table(comparison, comparison.axes, metrics)] if comparison.over else [])]
    tables += [*(part.table for part in declared), *(part.table for part in reported)]
    sections = [*map(markdown_table, tables), *([markdown_list(NOTES_TITLE, notes)] if notes else [])]
    _write(folder / "comparison.csv", csv_table(comparison.settings))
    _write(folder / "comparison.md", "\n".join([f"# {folder.name}", "", *sections]))
    more = [latex(part, label=f"{folder.name}-{part.name}", winners=winners) for part in declared]
    _write(folder / "comparison.tex", "\n".join([_latex(folder.name, settings, reported, notes), *more]))
    for part in reported:
        _write(folder / f"{part.name}.csv", csv_table(part.frame))
    _write_declared(folder / "tables", declared)


def _write_declared(folder: Path, declared: Sequence[Declared]) -> None:
    for part in declared:
        _write(folder / f"{part.name}.csv", csv_table(part.frame))


def _latex(name: str, settings: Table, reported: Sequence[Reported], notes: Sequence[str]) -> str:
    """The settings and what was published, each in an environment of its own; the last one carries the notes."""
    tables = {name: settings} | {f"{name}-{part.name}": part.table for part in reported}
    last = list(tables)[-1]
    tables[last] = replace(tables[last], notes=[*tables[last].notes, *notes])
    return "\n".join(
        latex_table(replace(table, title=f"{table.title} of {name}"), label=label) for label, table in tables.items()
    )


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
