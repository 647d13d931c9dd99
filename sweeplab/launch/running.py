"""A cell's process while it trains: what it says, how it is told to stop, and why it ended."""

import contextlib
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Protocol

from sweeplab import record
from sweeplab.cell import Cell
from sweeplab.launch.schedule import Placed
from sweeplab.oom import oom_kills


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


@dataclass(frozen=True)
class Limits:
    """How long a cell may take, and how long it has to stop by itself."""

    timeout_s: float | None
    grace_s: float


@dataclass
class Running:
    """A cell in its slot.

    Args:
        before: number of the cell's last attempt before this one.
        oom_kills: how many processes the system had killed for want of memory when it started.
    """

    placed: Placed
    process: ForkServerProcess
    events: Connection
    before: int
    started_s: float
    oom_kills: int
    told_s: float | None = None  # when it was told to stop
    told_why: str = ""  # the state it should end in
    killed: bool = False

    @property
    def cell(self) -> Cell:
        """The one that trains."""
        return self.placed.cell

    @property
    def pid(self) -> int:
        """Of its process, which leads a session of its own."""
        assert self.process.pid is not None
        return self.process.pid

    def hear(self, view: View) -> None:
        """Pass on one message, which must be there."""
        try:
            epoch, max_epochs, metrics = self.events.recv()
        except (EOFError, OSError):
            self.events.close()
        else:
            view.progress(self.cell.id, epoch, max_epochs, metrics)

    def drain(self, view: View) -> None:
        """Pass on all messages that are there."""
        while not self.events.closed and self.events.poll():
            self.hear(view)

    def tell(self, number: signal.Signals, state: str) -> None:
        """Ask it to stop, and to end in this state."""
        self.told_s, self.told_why = time.monotonic(), state
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End its whole session, after its stacks have gone to its log."""
        if self.killed:
            return
        self.killed = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGUSR2)
            time.sleep(0.1)
        self.end_session()
        self.process.kill()

    def end_session(self) -> None:
        """Loader workers and the like must not outlive their cell."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def cause_of_death(self) -> tuple[str, str]:
        """State and words for a cell that has ended without a record."""
        code = self.process.exitcode or 0
        how = how_it_ended(code)
        if self.killed:
            return self.told_why, f"did not stop when told to ({self.told_why}); {how}"
        if code == -signal.SIGKILL and oom_kills() > self.oom_kills:
            return record.OUT_OF_MEMORY, f"{how} while the system was out of memory"
        return record.CRASHED, how


def how_it_ended(code: int) -> str:
    """In words, the end of a process that left no result; by its exit code, which is negative for a signal."""
    if code < 0:
        return f"killed by signal {-code} ({signal.Signals(-code).name})"
    return f"ended with exit code {code} and without a result"
