"""The local launcher: one fresh process per cell, forked from a server that has imported torch once.

A cell that raises, is killed or outlives its time fails alone: the others do not notice.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from sweeplab import record
from sweeplab.cell import Cell
from sweeplab.errors import DataFault
from sweeplab.launch import entry
from sweeplab.launch.schedule import Placed, Schedule
from sweeplab.oom import oom_kills
from sweeplab.records import last_line

_TICK_S = 0.25
_LOG_TAIL_BYTES = 4000


class View(Protocol):
    """What wants to know how the cells are doing."""

    def waiting(self, reason: str) -> None:
        """No cell trains, and none can start now."""

    def started(self, cell_id: str) -> None:
        """A cell has got a slot."""

    def progress(self, cell_id: str, epoch: int, max_epochs: int, metrics: Mapping[str, float]) -> None:
        """A cell has finished an epoch."""

    def ended(
        self, cell_id: str, state: str, metrics: Mapping[str, float], wall_time_s: float, error: str | None
    ) -> None:
        """A cell has ended."""


@dataclass
class _Running:
    placed: Placed
    process: ForkServerProcess
    events: Connection
    started_s: float
    oom_kills: int
    told_s: float | None = None  # when it was told to stop
    told_why: str = ""  # the state it should end in
    killed: bool = False

    @property
    def cell(self) -> Cell:
        """The one that trains."""
        return self.placed.cell


@dataclass(frozen=True)
class Limits:
    """How long a cell may take, and how long it has to stop by itself."""

    timeout_s: float | None
    grace_s: float


class Launcher:
    """Runs cells in slots.

    Args:
        output_dir: where records go.
        modules: what the fork server imports before the first cell.
        targets: dotted names whose signatures it reads.
        around: what each cell needs to know of the sweep (picklable).
    """

    def __init__(
        self, output_dir: str, *, modules: Iterable[str], targets: Iterable[str], around: Mapping[str, Any]
    ) -> None:
        self._output_dir = output_dir
        self._around = dict(around)
        self._interrupts = 0
        os.environ[entry.MODULES_AHEAD] = " ".join(modules)
        os.environ[entry.TARGETS_AHEAD] = " ".join(targets)
        # Lightning's import asks whether there is a GPU: ask the driver's list, and leave CUDA alone before the fork.
        os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["sweeplab.launch.server"])

    @property
    def was_interrupted(self) -> bool:
        """Whether somebody asked to stop."""
        return self._interrupts > 0

    def interrupt(self) -> None:
        """Stop all cells; told twice, at once."""
        self._interrupts += 1

    def warm_up(self) -> None:
        """Return when the fork server has imported all it should."""
        process = self._context.Process(target=entry.wake)
        process.start()
        process.join()

    def prepare(self, dataset: Mapping[str, Any], trusted: Sequence[str]) -> None:
        """Make a data set ready in a process of its own.

        Raises:
            DataFault: in the words of the data set.
        """
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(target=entry.prepare, args=(dataset, list(trusted), sender))
        process.start()
        sender.close()
        try:
            trouble = receiver.recv()
        except EOFError:
            process.join()
            trouble = f"the process that prepared it ended with exit code {process.exitcode}"
        process.join()
        if trouble is not None:
            raise DataFault(trouble)

    def run(self, schedule: Schedule, limits: Limits, view: View) -> None:
        """Train cells as the schedule places them. Every cell leaves a record, whatever becomes of it."""
        running: list[_Running] = []
        with self._listening():
            while not (schedule.is_done and not running):
                while not self.was_interrupted and (placed := schedule.start()):
                    running.append(self._start(placed, view, num_others=len(running)))
                if schedule.is_blocked and not running:
                    view.waiting(schedule.trouble())
                if self.was_interrupted and not running:
                    return
                self._listen(running, view)
                self._enforce(running, limits, schedule)
                for ended in [one for one in running if one.process.exitcode is not None]:
                    self._drain(ended, view)
                    running.remove(ended)
                    self._conclude(ended, schedule, view)
                for cell, result in schedule.finished_elsewhere():
                    _tell_end(cell, result, 0.0, view)

    def _start(self, placed: Placed, view: View, *, num_others: int) -> _Running:
        cell = placed.cell
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(
            target=entry.train,
            args=(cell, self._output_dir, placed.slot, sender, self._around | {"code": self._code(placed, num_others)}),
            name=cell.id,
        )
        process.start()
        sender.close()
        view.started(cell.id)
        return _Running(placed, process, receiver, time.monotonic(), oom_kills())

    def _code(self, placed: Placed, num_others: int) -> dict[str, Any]:
        """What the record is to say of the code, and of how much of its device the cell has where that is not all."""
        code = dict(self._around.get("code", {}))
        if placed.slot.share == 1:
            return code
        return {**code, "device_share": placed.slot.share, "cells_at_once": num_others + 1}

    def _listen(self, running: Sequence[_Running], view: View) -> None:
        """Sleep until a cell says something or ends."""
        talking = {one.events: one for one in running if not one.events.closed}
        for ready in wait([*talking, *(one.process.sentinel for one in running)], timeout=_TICK_S):
            if isinstance(ready, Connection):
                self._hear(talking[ready], view)

    def _drain(self, ended: _Running, view: View) -> None:
        while not ended.events.closed and ended.events.poll():
            self._hear(ended, view)

    def _hear(self, one: _Running, view: View) -> None:
        try:
            epoch, max_epochs, metrics = one.events.recv()
        except (EOFError, OSError):
            one.events.close()
        else:
            view.progress(one.cell.id, epoch, max_epochs, metrics)

    def _enforce(self, running: Sequence[_Running], limits: Limits, schedule: Schedule) -> None:
        """Tell cells to stop when their time is up or somebody asked for it; kill those that do not."""
        now_s = time.monotonic()
        for one in running:
            if schedule.is_lost(one.placed):
                _kill(one)  # told to stop, it would write its record over that of whoever has the cell now
            elif one.told_s is None and self.was_interrupted:
                _tell(one, signal.SIGTERM, record.INTERRUPTED, now_s)
            elif one.told_s is None and limits.timeout_s is not None and now_s - one.started_s > limits.timeout_s:
                _tell(one, signal.SIGUSR1, record.TIMED_OUT, now_s)
            elif one.told_s is not None and (now_s - one.told_s > limits.grace_s or self._interrupts > 1):
                _kill(one)

    def _conclude(self, ended: _Running, schedule: Schedule, view: View) -> None:
        """Make sure that the cell has a record, and tell what it says, unless the cell will be trained again."""
        ended.process.join()
        _end_session(ended.process.pid)
        if schedule.is_lost(ended.placed):
            schedule.lost(ended.placed)
            return
        folder = record.cell_folder(self._output_dir, ended.cell.id)
        wall_time_s = time.monotonic() - ended.started_s
        result = record.read_result(folder) or _post_mortem(ended, folder, wall_time_s)
        if not schedule.ended(ended.placed, result):
            _tell_end(ended.cell, result, wall_time_s, view)

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM stop the sweep, a second time at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def interrupt(_number: int, _frame: FrameType | None) -> None:
            self.interrupt()

        previous = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def _tell_end(cell: Cell, result: Mapping[str, Any], wall_time_s: float, view: View) -> None:
    error = result["error"] if result["state"] not in record.FINAL_STATES else None
    view.ended(cell.id, result["state"], result["metrics"], wall_time_s, last_line(error) or None)


def _tell(one: _Running, number: signal.Signals, state: str, now_s: float) -> None:
    one.told_s, one.told_why = now_s, state
    with contextlib.suppress(ProcessLookupError):
        os.kill(_pid(one.process), number)


def _kill(one: _Running) -> None:
    """End a cell's whole session, after its stacks have gone to its log."""
    if one.killed:
        return
    one.killed = True
    with contextlib.suppress(ProcessLookupError):
        os.killpg(_pid(one.process), signal.SIGUSR2)
        time.sleep(0.1)
    _end_session(one.process.pid)
    one.process.kill()


def _end_session(pid: int | None) -> None:
    """Loader workers and the like must not outlive their cell."""
    if pid is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def _pid(process: ForkServerProcess) -> int:
    assert process.pid is not None
    return process.pid


def _post_mortem(ended: _Running, folder: record.CellFolder, wall_time_s: float) -> dict[str, Any]:
    """Write the record of a cell that could not write its own, unless another sweep is training it just now."""
    result = _cause_of_death(ended, folder, wall_time_s)
    with record.claimed(folder, wait_s=0) as is_ours:
        if is_ours:
            record.write_result(folder, result)
            record.write_status(folder, result["state"], result["attempt"])
    return result


def _cause_of_death(ended: _Running, folder: record.CellFolder, wall_time_s: float) -> dict[str, Any]:
    code = ended.process.exitcode or 0
    name = signal.Signals(-code).name if code < 0 else ""
    message = f"killed by signal {-code} ({name})" if code < 0 else f"ended with exit code {code} and without a result"
    if ended.killed:
        state = ended.told_why
        message = f"did not stop when told to ({state}); {message}"
    elif code == -signal.SIGKILL and oom_kills() > ended.oom_kills:
        state, message = record.OUT_OF_MEMORY, f"{message} while the system was out of memory"
    else:
        state = record.CRASHED
    epochs = record.read_metrics(folder)
    return {
        **record.blank_result(ended.cell),
        "state": state,
        "attempt": record.last_attempt(folder),
        "epochs": len(epochs),
        "steps": epochs[-1]["step"] if epochs else 0,
        "last_metrics": {key: value for key, value in epochs[-1].items() if "/" in key} if epochs else {},
        "wall_time_s": wall_time_s,
        "error": {"class": "ProcessDied", "message": message, "traceback": _tail(folder.log)},
    }


def _tail(log: Path) -> str:
    try:
        return log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace")
    except OSError:
        return ""
