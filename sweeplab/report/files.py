"""The tables of a sweep as files in its folder; each is whole or not there, whenever one looks."""

import os
from dataclasses import replace
from pathlib import Path

import pandas as pd

from sweeplab.compare import Comparison
from sweeplab.report.markup import csv_table, latex_table, markdown_table
from sweeplab.report.table import choice_notes, choice_table, settings_table


def write_tables(folder: Path, comparison: Comparison) -> None:
    """Writes `comparison.csv` (numbers), `comparison.md` and `comparison.tex` (text with notes) into `folder`."""
    metrics = [metric for metric in comparison.metrics if not metric.startswith("train/")]
    settings = settings_table(comparison, comparison.axes, metrics)
    settings = replace(settings, notes=[*settings.notes, *choice_notes(comparison)])
    tables = [settings, *([choice_table(comparison, comparison.axes, metrics)] if comparison.over else [])]
    markdown = "\n".join([f"# {folder.name}", "", *map(markdown_table, tables)])
    _write(folder / "comparison.csv", csv_table(comparison.settings))
    _write(folder / "comparison.md", markdown)
    _write(
        folder / "comparison.tex", latex_table(replace(settings, title=f"Settings of {folder.name}"), label=folder.name)
    )


def write_cells(folder: Path, cells: pd.DataFrame) -> None:
    """Writes `cells.csv`: one row per cell in the order of the sweep, every column of `cells`, full precision."""
    _write(folder / "cells.csv", csv_table(cells))


def _write(path: Path, text: str) -> None:
    folder = path.parent
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{path.name}.{os.getpid()}"
    try:
        draft.write_text(text, encoding="utf-8", newline="")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
