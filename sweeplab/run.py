"""One cell: configuration in, record out. The one place that seeds, trains, catches and classifies failures.

No Hydra application is initialised here: a cell is a function of its recorded configuration.
"""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sweeplab import record, training
from sweeplab.allocator import keep_freed_memory
from sweeplab.cell import Cell, science, setting_label
from sweeplab.history import History
from sweeplab.memory import peak_memory_bytes
from sweeplab.outcome import SURPRISES, outcome_of
from sweeplab.provenance import devices_used, provenance
from sweeplab.ranks import Ranks
from sweeplab.record import CellFolder
from sweeplab.stop import StopSignal
from sweeplab.task import Metrics
from sweeplab.tracking import CellIdentity, Tracker, open_tracker
from sweeplab.training import Notify


@dataclass(frozen=True)
class Surroundings:
    """What a cell needs to know of the sweep around it; none of it can change a result."""

    sweep: str = "single"
    code: Mapping[str, Any] = field(default_factory=dict)
    notify: Notify = lambda _epoch, _max_epochs, _metrics: None
    stop: StopSignal = field(default_factory=StopSignal)
    rerun: bool = False
    redirect: Callable[[Path], Path | None] = lambda _log: None
    ranks: Ranks = field(default_factory=Ranks)


def run_cell(cell: Cell, folder: CellFolder, around: Surroundings) -> dict[str, Any]:
    """Train a cell, unless it is finished already, and leave its record. Never raises for what the cell does."""
    with record.claimed(folder):
        known = record.read_result(folder)
        if known is not None and known["state"] in record.FINAL_STATES and not around.rerun:
            return known
        attempt = record.begin_attempt(folder)
        record.write_asked(folder, cell)
        record.write_status(folder, record.RUNNING, attempt)
        around.ranks.begin(around.redirect(folder.log))
        result, tracker = _attempt(cell, folder, around, attempt)
        _write(folder, result, attempt)
    # Only now: a tracker may take its time, and the record must not wait for it.
    if tracker is not None:
        summary = {**result["metrics"], "wall_time_s": result["wall_time_s"], "best_epoch": result["best_epoch"]}
        tracker.finish(state=result["state"], summary=summary)
    return result


def _write(folder: CellFolder, result: Mapping[str, Any], attempt: int) -> None:
    record.write_result(folder, result)
    record.write_status(folder, result["state"], attempt)


def _attempt(
    cell: Cell, folder: CellFolder, around: Surroundings, attempt: int
) -> tuple[dict[str, Any], Tracker | None]:
    keep_freed_memory()
    started_s = time.monotonic()
    history = History()
    result: dict[str, Any] = {**record.blank_result(cell), "attempt": attempt}
    tracker: Tracker | None = None

    def conclude(outcome: Mapping[str, Any]) -> dict[str, Any]:
        measured = history.measured(cell.config["select"], tested=outcome.get("tested", {}))
        known = {key: value for key, value in outcome.items() if key != "tested"}
        told = {
            "wall_time_s": time.monotonic() - started_s,
            "peak_memory_bytes": peak_memory_bytes(),
            "provenance": provenance({**devices_used(cell.config["runtime"]), **around.code}),
        }
        return {**result, **known, **measured, **told}

    def abandon(outcome: Mapping[str, Any]) -> None:
        _write(folder, conclude(outcome), attempt)

    try:
        with training.quiet(), around.ranks.watched(abandon):
            tracker = open_tracker(cell.config["tracker"], _identity(cell, folder, around, attempt))
            on_epoch = _on_epoch(cell.config["max_epochs"], folder, around, history, tracker)
            outcome = training.train(
                cell.config, folder, ranks=around.ranks, check=around.stop.check, on_epoch=on_epoch, result=result
            )
    except (Exception, SystemExit) as error:  # the one broad catch: a cell fails alone, and says why
        outcome = dict(around.ranks.cause_of(error) or outcome_of(error))
        if outcome["state"] in SURPRISES:
            print(outcome["error"]["traceback"], file=sys.stderr)  # noqa: T201 (into the cell's log)
    finally:
        around.ranks.end()
    return conclude(outcome), tracker


def follow_cell(cell: Cell, folder: CellFolder, ranks: Ranks) -> None:
    """Train a cell as one of its ranks, beside the one that writes its record."""
    keep_freed_memory()
    with training.quiet():
        training.train(cell.config, folder, ranks=ranks, check=lambda: None, on_epoch=lambda *_: None, result={})


def _on_epoch(max_epochs: int, folder: CellFolder, around: Surroundings, history: History, tracker: Tracker) -> Notify:
    """What writes down each epoch, and tells everybody who wants to know."""
    started_s = time.monotonic()

    def on_epoch(epoch: int, steps: int, metrics: Metrics) -> None:
        line = {"epoch": epoch, "step": steps, **metrics, "wall_time_s": time.monotonic() - started_s}
        history.epochs.append(line)
        record.append_metrics(folder, line)
        tracker.log(line, epoch=epoch, step=steps)
        around.notify(epoch, max_epochs, metrics)

    return on_epoch


def _identity(cell: Cell, folder: CellFolder, around: Surroundings, attempt: int) -> CellIdentity:
    config = cell.config
    words = [cell.choices.get(key) for key in ("optimizer", "model", "dataset")]
    return CellIdentity(
        cell_id=cell.id,
        sweep=around.sweep,
        name=cell.label,
        setting=setting_label(cell.axes),
        job_type="train",
        tags=tuple(dict.fromkeys([*config["tags"], *(word for word in words if word)])),
        config=science(config),
        folder=folder.path,
        attempt=attempt,
    )
