"""The local launcher: one fresh process per cell, forked from a server that has imported torch once.

A cell that raises, is killed or outlives its time fails alone: the others do not notice.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext
from typing import Any

from sweeplab import record
from sweeplab.cell import Cell
from sweeplab.errors import DataFault
from sweeplab.launch import entry
from sweeplab.launch.interrupts import Interrupts
from sweeplab.launch.post_mortem import post_mortem
from sweeplab.launch.running import Limits, Running, View
from sweeplab.launch.schedule import Placed, Schedule
from sweeplab.oom import oom_kills
from sweeplab.records import last_line
from sweeplab.rehearsal import Part

_TICK_S = 0.25


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
        self._interrupts = Interrupts()
        os.environ[entry.MODULES_AHEAD] = " ".join(modules)
        os.environ[entry.TARGETS_AHEAD] = " ".join(targets)
        # Lightning's import asks whether there is a GPU: ask the driver's list, and leave CUDA alone before the fork.
        os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["sweeplab.launch.server"])

    @property
    def was_interrupted(self) -> bool:
        """Whether somebody asked to stop."""
        return self._interrupts.count > 0

    def interrupt(self) -> None:
        """Stop all cells; told twice, at once."""
        self._interrupts.add()

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
        try:
            trouble = self._ask(entry.prepare, dataset, list(trusted))
        except EOFError as end:
            trouble = f"the process that prepared it {end}"
        if trouble is not None:
            raise DataFault(trouble)

    def rehearse(self, parts: Sequence[Part], trusted: Sequence[str]) -> list[str]:
        """What constructors of optimizers and schedules refuse, in words."""
        try:
            refused: list[str] = self._ask(entry.rehearse, list(parts), list(trusted))
        except EOFError:  # the cells will say more
            return []
        return refused

    def _ask(self, target: Callable[..., None], *args: Any) -> Any:
        """The one answer of a process of its own.

        Raises:
            EOFError: it ended without; how.
        """
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(target=target, args=(*args, sender))
        process.start()
        sender.close()
        try:
            return receiver.recv()
        except EOFError as end:
            process.join()
            raise EOFError(f"ended with exit code {process.exitcode}") from end
        finally:
            process.join()

    def run(self, schedule: Schedule, limits: Limits, view: View) -> None:
        """Train cells as the schedule places them. Every cell leaves a record, whatever becomes of it."""
        running: list[Running] = []
        with self._interrupts:
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
                    ended.drain(view)
                    running.remove(ended)
                    self._conclude(ended, schedule, view)
                for cell, result in schedule.finished_elsewhere():
                    _tell_end(cell, result, 0.0, view)

    def _start(self, placed: Placed, view: View, *, num_others: int) -> Running:
        cell = placed.cell
        before = record.last_attempt(record.cell_folder(self._output_dir, cell.id))
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(
            target=entry.train,
            args=(cell, self._output_dir, placed.slot, sender, self._around | {"code": self._code(placed, num_others)}),
            name=cell.id,
        )
        process.start()
        sender.close()
        view.started(cell.id)
        return Running(placed, process, receiver, before, time.monotonic(), oom_kills())

    def _code(self, placed: Placed, num_others: int) -> dict[str, Any]:
        """What the record is to say of the code, and of how much of its device the cell has where that is not all."""
        code = dict(self._around.get("code", {}))
        if placed.slot.share == 1:
            return code
        return {**code, "device_share": placed.slot.share, "cells_at_once": num_others + 1}

    def _listen(self, running: Sequence[Running], view: View) -> None:
        """Sleep until a cell says something or ends."""
        talking = {one.events: one for one in running if not one.events.closed}
        for ready in wait([*talking, *(one.process.sentinel for one in running)], timeout=_TICK_S):
            if isinstance(ready, Connection):
                talking[ready].hear(view)

    def _enforce(self, running: Sequence[Running], limits: Limits, schedule: Schedule) -> None:
        """Tell cells to stop when their time is up or somebody asked for it; kill those that do not."""
        now_s = time.monotonic()
        for one in running:
            if schedule.is_lost(one.placed):
                one.kill()  # told to stop, it would write its record over that of whoever has the cell now
            elif one.told_s is None and self.was_interrupted:
                one.tell(signal.SIGTERM, record.INTERRUPTED)
            elif one.told_s is None and limits.timeout_s is not None and now_s - one.started_s > limits.timeout_s:
                one.tell(signal.SIGUSR1, record.TIMED_OUT)
            elif one.told_s is not None and (now_s - one.told_s > limits.grace_s or self._interrupts.count > 1):
                one.kill()

    def _conclude(self, ended: Running, schedule: Schedule, view: View) -> None:
        """Make sure that the cell has a record, and tell what it says, unless the cell will be trained again."""
        ended.process.join()
        ended.end_session()
        if schedule.is_lost(ended.placed):
            schedule.lost(ended.placed)
            return
        folder = record.cell_folder(self._output_dir, ended.cell.id)
        wall_time_s = time.monotonic() - ended.started_s
        state, message = ended.cause_of_death()
        result = (record.read_result(folder) if ended.process.exitcode == 0 else None) or post_mortem(
            ended.cell, folder, before=ended.before, state=state, message=message, wall_time_s=wall_time_s
        )
        if not schedule.ended(ended.placed, result):
            _tell_end(ended.cell, result, wall_time_s, view)


def _tell_end(cell: Cell, result: Mapping[str, Any], wall_time_s: float, view: View) -> None:
    error = result["error"] if result["state"] not in record.FINAL_STATES else None
    view.ended(cell.id, result["state"], result["metrics"], wall_time_s, last_line(error) or None)
