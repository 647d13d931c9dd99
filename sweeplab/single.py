"""Cells in this very process: a line without `-m`, Hydra's basic launcher, and a recorded cell trained again.

No fork and no redirection, so that `breakpoint()` and a debugger work.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from sweeplab import record, tracking
from sweeplab.cell import Cell, axis_value, identify, is_circumstance
from sweeplab.errors import ConfigFault, SweeplabError, refuse
from sweeplab.launch import wide
from sweeplab.launch.conduct import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    check_writable,
    command,
    report,
    say,
)
from sweeplab.plan import Plan, all_faults, axis_name
from sweeplab.provenance import code_version
from sweeplab.record import CellFolder
from sweeplab.records import last_line
from sweeplab.rehearsal import parts_of, rehearse
from sweeplab.stop import StopSignal
from sweeplab.sweep import read_cell, write_sweep

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from sweeplab.training import Notify


class CellFailed(Exception):
    """Tells Hydra's launcher that the cell it ran has failed; its record says why."""


class SingleRun:
    """The task function that Hydra calls, once or, by its basic launcher, once for each cell."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._results: list[dict[str, Any]] = []
        self._cells: list[Cell] = []
        self._is_multirun = False
        self._refusal: SweeplabError | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Nothing of this process: a launcher may send the task to another."""
        return {}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        from sweeplab.cli import make_console

        self.__init__(make_console())  # type: ignore[misc]

    def task(self, config: DictConfig) -> None:
        """Train one cell.

        Raises:
            SweeplabError: it cannot be trained, and Hydra must know since others follow.
            CellFailed: it failed, likewise.
            KeyboardInterrupt: it was told to stop, and none is to follow.
        """
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        hydra_config = HydraConfig.get()
        self._is_multirun = hydra_config.mode == RunMode.MULTIRUN
        try:
            cell = planned_cell(_cell_of(config, hydra_config), str(hydra_config.job.name))
            result = self._run(cell)
        except SweeplabError as error:
            # Hydra would add words of its own to an exception; alone, the cell's refusal is the command's.
            if self._is_multirun:
                raise
            self._refusal = error
            return
        self._cells.append(cell)
        self._results.append(result)
        if self._is_multirun and result["state"] == record.INTERRUPTED:
            raise KeyboardInterrupt
        if self._is_multirun and result["state"] not in record.FINAL_STATES:
            raise CellFailed(f"{cell.label}: {last_line(result['error'])}")

    def _run(self, cell: Cell) -> dict[str, Any]:
        refuse(all_faults([cell]))
        return run_here(cell, self._console)

    def conclude(self) -> int:
        """The exit code; after several cells also their table.

        Raises:
            SweeplabError: what kept the one cell from being trained.
        """
        if self._refusal is not None:
            raise self._refusal
        if self._is_multirun and self._cells:
            plan = plan_of_cells(self._cells)
            sweep = write_sweep(plan, command=command(), code=code_version())
            return report(sweep, self._console, tracker=plan.config["tracker"], tags=plan.config["tags"])
        return exit_code(self._results[0]) if self._results else EXIT_OK


def exit_code(result: Mapping[str, Any]) -> int:
    """0 for a result, 130 for an interruption, 1 for a failure."""
    if result["state"] == record.INTERRUPTED:
        return EXIT_INTERRUPTED
    return EXIT_OK if result["state"] in record.FINAL_STATES else EXIT_FAILED


def _cell_of(config: DictConfig, hydra_config: Any) -> Cell:
    from omegaconf import OmegaConf

    from sweeplab.explanation import explain

    try:
        plain = OmegaConf.to_container(config, resolve=True)
    except Exception as error:  # OmegaConf's own tree, and whatever a resolver raises
        raise ConfigFault(explain(error)) from error
    assert isinstance(plain, dict)
    named = {str(key): value for key, value in plain.items()}
    groups = hydra_config.runtime.choices
    choices = {str(group): choice for group, choice in groups.items() if not str(group).startswith("hydra/")}
    lines = tuple(line for line in hydra_config.overrides.task)
    keys = [key for line in lines if not is_circumstance(key := axis_name(line.partition("=")[0]))]
    return Cell(identify(named), named, {key: axis_value(key, named, choices) for key in keys}, choices, lines)


def planned_cell(cell: Cell, job: str) -> Cell:
    """The cell that a job was made for, if its name says so, whatever has become of the files it was composed of."""
    runtime = cell.config["runtime"]
    folder = record.cell_folder(runtime["output_dir"], job)
    if job == cell.id or not folder.asked.exists():
        return cell
    planned = read_cell(folder)
    return replace(planned, config={**planned.config, "runtime": runtime})


def plan_of_cells(cells: list[Cell]) -> Plan:
    """A plan after the fact, of cells that Hydra's basic launcher has run."""
    from sweeplab.plan import name_sweep, varied_axes

    axes = varied_axes(cells, list(dict.fromkeys(key for cell in cells for key in cell.axes)))
    unique = list({cell.id: cell for cell in cells}.values())
    named = [replace(cell, axes={key: cell.axes.get(key) for key in axes}) for cell in unique]
    return Plan(name_sweep(named, axes), named, axes, [], named[0].config, len(cells))


def run_here(cell: Cell, console: Console, *, rerun: bool = False) -> dict[str, Any]:
    """Train a cell in this process and say how it goes, a line for each epoch.

    Raises:
        ConfigFault: its optimizer or schedule refuses its arguments.
        DataFault: its data set is missing or damaged. In both cases nothing has been written.
    """
    from sweeplab.build import build

    runtime = cell.config["runtime"]
    folder = record.cell_folder(runtime["output_dir"], cell.id)

    def notify(epoch: int, max_epochs: int, metrics: Mapping[str, float]) -> None:
        console.print(f"epoch {epoch}/{max_epochs}  {_words(metrics)}", highlight=False)

    check_writable(runtime["output_dir"])
    refuse(rehearse(parts_of([cell]), cell.config["trusted_targets"]))
    build(cell.config["dataset"], trusted=cell.config["trusted_targets"]).prepare()
    console.print(f"{escape(cell.label)}  [dim]{cell.id}[/dim]", highlight=False)
    say(console, tracking.describe(cell.config["tracker"], output_dir=runtime["output_dir"]))
    rerun = rerun or runtime["on_finished"] == "rerun"
    around = {"code": code_version(), "rerun": rerun}
    if runtime["devices"] == 1:
        result = _train(cell, folder, notify, around)
    else:
        result = wide.train_beside(cell, folder, notify, around, _interruptible)
    _show(result, folder, console)
    return result


def _train(cell: Cell, folder: CellFolder, notify: Notify, around: Mapping[str, Any]) -> dict[str, Any]:
    import sweeplab.lightning  # isort: skip  # noqa: F401 (imports the next one sooner)
    import torch

    from sweeplab.ranks import forget_outer_job
    from sweeplab.run import Surroundings, run_cell

    threads = cell.config["runtime"]["threads_per_cell"]
    if threads != "auto":
        torch.set_num_threads(threads)
    forget_outer_job()
    stop = StopSignal()
    with _interruptible(stop):
        return run_cell(cell, folder, Surroundings(notify=notify, stop=stop, **around))


def _show(result: Mapping[str, Any], folder: CellFolder, console: Console) -> None:
    chosen = f" at epoch {result['best_epoch']}" if result["best_epoch"] else ""
    console.print(f"{result['state']}{chosen}  {_words(result['metrics'])}", highlight=False)
    if result["error"]:
        console.print(escape(last_line(result["error"])), highlight=False)
    console.print(f"record: {escape(str(folder.path))}", highlight=False, soft_wrap=True)


def _words(metrics: Mapping[str, float]) -> str:
    return "  ".join(f"{key} {value:.4g}" for key, value in metrics.items() if "/" in key)


@contextmanager
def _interruptible(stop: StopSignal) -> Iterator[None]:
    """Ctrl-C lets the cell stop cleanly and write its record; a second one ends the process at once.

    Whoever manages the job may announce its end by a signal of its own, as submitit does: the cell stops likewise, and
    only then its handler runs.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if stop.state is not None:
            os._exit(EXIT_INTERRUPTED)
        stop.set(record.INTERRUPTED)

    announced: list[int] = []

    def announce(number: int, _frame: FrameType | None) -> None:
        announced.append(number)
        stop.set(record.INTERRUPTED)

    managed = [number for number in (signal.SIGUSR1, signal.SIGUSR2) if callable(signal.getsignal(number))]
    handlers = dict.fromkeys((signal.SIGINT, signal.SIGTERM), interrupt) | dict.fromkeys(managed, announce)
    previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    for signaled in announced:
        signal.raise_signal(signaled)


def rerun(path: Path, console: Console) -> int:
    """Train a recorded cell again; the earlier attempt moves to `attempts/`.

    Raises:
        RecordFault: no cell there, or its `cell.json` was changed since it was written.
        ConfigFault: what it records cannot be built any more.
    """
    folder = CellFolder(path.resolve())
    cell = read_cell(folder)
    refuse(all_faults([cell]))
    here = {**cell.config, "runtime": {**cell.config["runtime"], "output_dir": str(folder.path.parent.parent)}}
    return exit_code(run_here(replace(cell, config=here), console, rerun=True))
