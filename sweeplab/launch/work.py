"""A worker: trains cells of a sweep that was planned before, beside any number of others on any machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from sweeplab import record
from sweeplab.cell import Cell
from sweeplab.launch.conduct import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    announce,
    check_writable,
    prepared_launcher,
    report,
    say,
    train,
)
from sweeplab.report.words import numbered
from sweeplab.sweep import Sweep, finished, read_plan, read_results

# Attempts that ended so were cut short, not tried.
_TRY_AGAIN = (record.INTERRUPTED,)


@dataclass(frozen=True)
class Share:
    """What a worker takes on.

    `stays`: until every cell has ended, also those that others train; `retries`: cells that have failed before, too;
    `limit`: so many cells at most, None for no limit.
    """

    stays: bool
    retries: bool
    limit: int | None


def work(sweep: Sweep, runtime: Mapping[str, Any], share: Share, console: Console) -> int:
    """Train cells until none is left to claim; returns the exit code: 1 if one of its own failed, 130 if stopped.

    Args:
        runtime: values for keys of that node, instead of the recorded ones.
    Raises:
        RecordFault: a cell is missing, or was changed since it was written.
        ConfigFault: what is recorded cannot be built here.
        DataFault: a data set is missing or damaged. In all these cases nothing has been trained.
    """
    plan = read_plan(sweep, {**runtime, "on_finished": "reuse"})
    output_dir = plan.config["runtime"]["output_dir"]
    check_writable(output_dir)
    results = read_results(output_dir, plan.cells)
    left_alone = finished(results) if share.retries else _ended(results)
    missing = [cell for cell in plan.cells if cell.id not in left_alone]
    announce(plan, len(left_alone), console)
    say(console, _failed_before(left_alone - finished(results)))
    states: Mapping[str, str] = {}
    if missing:
        launcher = prepared_launcher(plan, missing, console)
        schedule = train(launcher, plan, missing, results, console, stays=share.stays, limit=share.limit)
        states = schedule.states
        if launcher.was_interrupted:
            return EXIT_INTERRUPTED
    _conclude(sweep, plan.cells, bool(states), plan.config, console)
    return EXIT_FAILED if set(states.values()) & set(record.FAILURE_STATES) else EXIT_OK


def _ended(results: Mapping[str, Mapping[str, Any]]) -> set[str]:
    return {cell_id for cell_id, result in results.items() if result["state"] not in _TRY_AGAIN}


def _failed_before(cells: Iterable[str]) -> str:
    number = len(set(cells))
    words = "cell failed before and is", "cells failed before and are"
    return f"{numbered(number, *words)} left alone (--retry trains again)" if number else ""


def _conclude(
    sweep: Sweep, cells: Sequence[Cell], has_trained: bool, config: Mapping[str, Any], console: Console
) -> None:
    """Report when all is done, by whomever; else say who has the rest."""
    ended = _ended(read_results(str(sweep.folder.outputs), cells))
    rest = [cell for cell in cells if cell.id not in ended]
    if not rest:
        if has_trained or not (sweep.folder.path / "report.html").exists():
            report(sweep, console, tracker=config["tracker"], tags=config["tags"])
        return
    now = record.file_system_time(sweep.folder.path)
    holders = [record.holder(sweep.cell_folder(cell.id), now=now) for cell in rest]
    hosts = [holder.host for holder in holders if holder is not None and not holder.is_stale]
    say(console, f"{len(ended)} of {numbered(len(cells), 'cell')} ended")
    if hosts:
        held = numbered(len(hosts), "cell is", "cells are")
        say(console, f"{held} held by other workers (on {', '.join(sorted(set(hosts)))})")
