"""`sweeplab explain`: the keys in which two cells differ, and which of them make their ids differ."""

import argparse
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from sweeplab import record
from sweeplab.cell import Cell, differences
from sweeplab.cli import make_console
from sweeplab.errors import RecordFault


def run(arguments: list[str]) -> int:
    """Compare two recorded cells key by key."""
    parser = argparse.ArgumentParser(prog="python -m sweeplab explain", description=__doc__)
    parser.add_argument("first", help="id (or its beginning) or folder of a cell")
    parser.add_argument("second", help="id (or its beginning) or folder of another")
    parser.add_argument("--output-dir", default="outputs", help="where cells are looked for by id")
    asked = parser.parse_args(arguments)
    cells = [find_cell(word, asked.output_dir) for word in (asked.first, asked.second)]
    table = Table("key", *(cell.id for cell in cells), "counts for the id", box=None)
    found = differences(cells[0].config, cells[1].config)
    for key, one, other, counted in found:
        table.add_row(escape(key), escape(str(one)), escape(str(other)), "yes" if counted else "no (circumstance)")
    console = make_console()
    if found:
        console.print(table)
    same = cells[0].id == cells[1].id
    console.print("the same cell" if same else "two cells, by the keys marked yes", highlight=False)
    return 0


def find_cell(word: str, output_dir: str) -> Cell:
    """A recorded cell by folder, id or the beginning of an id.

    Raises:
        RecordFault: there is none, or the beginning fits several.
    """
    if (Path(word) / "cell.json").is_file():
        return record.read_asked(record.CellFolder(Path(word)))
    root = Path(output_dir) / "cells"
    fitting = sorted(path.parent for path in root.glob("*/cell.json") if path.parent.name.startswith(word))
    if len(fitting) != 1:
        many = ", ".join(path.name for path in fitting[:5])
        trouble = f"'{word}' fits {len(fitting)} cells ({many} …)" if fitting else f"no cell '{word}'"
        raise RecordFault(f"{trouble} · expected a cell's folder or the beginning of one id in {root}")
    return record.read_asked(record.CellFolder(fitting[0]))
