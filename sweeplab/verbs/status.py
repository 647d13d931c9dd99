"""`sweeplab status`: how the cells of a sweep stand."""

import argparse
from collections import Counter

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sweeplab import record
from sweeplab.cell import label
from sweeplab.cli import make_console
from sweeplab.records import read_failures
from sweeplab.report.words import numbered
from sweeplab.sweep import Sweep, find_sweep


def run(arguments: list[str]) -> int:
    """Show counts by state, what runs and what failed."""
    parser = argparse.ArgumentParser(prog="python -m sweeplab status", description=__doc__)
    parser.add_argument("folder", nargs="?", help="folder or name of the sweep (default: the latest)")
    parser.add_argument("--output-dir", default="outputs", help="where sweeps are looked for by name")
    asked = parser.parse_args(arguments)
    show(find_sweep(asked.folder, asked.output_dir), make_console())
    return 0


def show(sweep: Sweep, console: Console) -> None:
    """Print how a sweep stands."""
    states = {cell_id: record.read_state(sweep.cell_folder(cell_id)) for cell_id, _ in sweep.cells}
    counts = ", ".join(f"{number} {state}" for state, number in Counter(states.values()).most_common())
    console.print(f"[bold]{escape(sweep.name)}[/bold]: {numbered(len(states), 'cell')}: {counts}", highlight=False)
    running = [(cell_id, axes) for cell_id, axes in sweep.cells if states[cell_id] == record.RUNNING]
    if running:
        table = Table("running", "epochs done", "val/loss", "val/accuracy", "host", "heard of", box=None)
        now = record.file_system_time(sweep.folder.path)
        for cell_id, axes in running:
            folder = sweep.cell_folder(cell_id)
            lines = record.read_metrics(folder)
            last = lines[-1] if lines else {}
            figures = (str(len(lines)), _number(last, "val/loss"), _number(last, "val/accuracy"))
            table.add_row(escape(label(axes)), *figures, *_place(record.holder(folder, now=now)))
        console.print(table)
    for lost in read_failures(sweep):
        words = f"{escape(lost.name)}: {escape(lost.reason)}\n  log: {escape(str(lost.log))}"
        console.print(f"{lost.state}  {words}", highlight=False)


def _place(holder: record.Holder | None) -> tuple[str, str]:
    """Where a cell trains, and when that machine last renewed its lease; nothing for a cell alone in its process."""
    if holder is None:
        return "", ""
    return escape(holder.host), f"{holder.renewed_s:.0f} s ago{' (stale)' if holder.is_stale else ''}"


def _number(line: dict[str, float], key: str) -> str:
    return f"{line[key]:.4g}" if line.get(key) is not None else ""
