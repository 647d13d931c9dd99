"""A cell on several devices: `python -m sweeplab.cell FOLDER`, whoever starts it, which becomes rank 0 of its ranks.

What it must know of its surroundings stands in an environment variable, as JSON: its folder holds what was asked when
the cell was first planned, and a later sweep may ask for the same cell on other devices. Importing this needs no torch.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from sweeplab import ranks, record
from sweeplab.cell import Cell
from sweeplab.launch.post_mortem import post_mortem
from sweeplab.launch.running import how_it_ended
from sweeplab.launch.slots import available_cores
from sweeplab.record import CellFolder
from sweeplab.stop import StopSignal

if TYPE_CHECKING:
    from sweeplab.launch.slots import Slot
    from sweeplab.training import Notify

AROUND = "SWEEPLAB_AROUND"

# What tells a cell to stop, and the state that it ends in. They are blocked from before it starts, and waited for by a
# thread: none gets lost, and Lightning, which would answer one with a message to all ranks, sees none.
_STOPS = {signal.SIGTERM: record.INTERRUPTED, signal.SIGUSR1: record.TIMED_OUT}


def become(cell: Cell, output_dir: str, slot: Slot, events: Connection, around: Mapping[str, Any]) -> NoReturn:
    """Turn this process, which a launcher has forked, into the cell's; it keeps its pid and its leases."""
    os.setsid()
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    launcher = multiprocessing.parent_process()
    assert launcher is not None
    folder = record.cell_folder(output_dir, cell.id)
    told = _told(cell, events.fileno(), launcher.sentinel, threads=slot.threads, is_logged=True, around=around)
    for descriptor in (events.fileno(), launcher.sentinel, *(lease.fileno() for lease in slot.leases)):
        os.set_inheritable(descriptor, True)
    os.environ.update({**slot.environment, AROUND: json.dumps(told)})
    os.execv(sys.executable, _command(folder))  # noqa: S606 (this very program)


@contextmanager
def _started(
    cell: Cell, folder: CellFolder, *, threads: int, around: Mapping[str, Any]
) -> Iterator[tuple[subprocess.Popen[bytes], Connection]]:
    """The process of a cell, in a session of its own, and what it says of each epoch; it stops when this one ends."""
    events, sender = multiprocessing.Pipe(duplex=False)
    watched, held = os.pipe()
    told = _told(cell, sender.fileno(), watched, threads=threads, is_logged=False, around=around)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)  # the child inherits it
    process = subprocess.Popen(  # noqa: S603 (this very program)
        _command(folder),
        env={**os.environ, AROUND: json.dumps(told)},
        stdin=subprocess.DEVNULL,
        pass_fds=(sender.fileno(), watched),
        start_new_session=True,
    )
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    sender.close()
    os.close(watched)
    try:
        yield process, events
    finally:
        os.close(held)
        events.close()


@dataclass
class _StopOf(StopSignal):
    """Passes the word on to a cell's process, which ends as interrupted whatever the reason."""

    process: subprocess.Popen[bytes] = field(kw_only=True)

    def set(self, state: str) -> None:
        if self.state is None:
            self.state = state
            self.process.terminate()


def train_beside(
    cell: Cell,
    folder: CellFolder,
    notify: Notify,
    around: Mapping[str, Any],
    interruptible: Callable[[StopSignal], AbstractContextManager[None]],
) -> dict[str, Any]:
    """Train a cell in a process beside this one, which says how it goes and stops it; gives its result."""
    started_s, before = time.monotonic(), record.last_attempt(folder)
    record.write_asked(folder, cell)
    asked = cell.config["runtime"]["threads_per_cell"]
    threads = available_cores() if asked == "auto" else asked
    with _started(cell, folder, threads=threads, around=around) as (process, events):
        stop = _StopOf(process=process)
        with interruptible(stop), suppress(EOFError):
            while True:  # until the last of its processes has closed its end
                notify(*events.recv())
        process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    result = record.read_result(folder) if process.returncode == 0 else None
    return result or post_mortem(
        cell,
        folder,
        before=before,
        state=stop.state or record.CRASHED,
        message=how_it_ended(process.returncode),
        wall_time_s=time.monotonic() - started_s,
    )


def _told(
    cell: Cell, events: int, launcher: int, *, threads: int, is_logged: bool, around: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "cell": asdict(cell),
        "events": events,
        "launcher": launcher,
        "threads": max(1, threads // cell.config["runtime"]["devices"]),
        "is_logged": is_logged,
        "around": dict(around),
    }


def _command(folder: CellFolder) -> list[str]:
    return [sys.executable, "-m", "sweeplab.cell", str(folder.path.absolute())]


def train(path: Path) -> None:
    """Train the cell that the environment tells of, as its rank 0."""
    told = json.loads(os.environ.pop(AROUND))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    for name in ("events", "launcher"):
        os.set_inheritable(told[name], False)
    cell, folder = ranks.cell_of(told["cell"]), CellFolder(path)
    leader = ranks.start(cell, path, threads=told["threads"])
    # Only now: the others import torch at the same time.
    import sweeplab.lightning  # isort: skip  # noqa: F401 (imports the next one sooner)
    import torch

    from sweeplab.launch import child
    from sweeplab.run import Surroundings, run_cell

    stop = StopSignal()
    threading.Thread(target=_wait_for_word, args=(stop,), daemon=True, name="wait for signals").start()
    child.outlive(told["launcher"], child.GRACE_S, stop)
    torch.set_num_threads(told["threads"])
    notify = child.notifier(Connection(told["events"], readable=False))
    around = Surroundings(notify=notify, stop=stop, ranks=leader, **told["around"])
    try:
        run_cell(cell, folder, replace(around, redirect=child.redirect) if told["is_logged"] else around)
    finally:
        leader.end()


def _wait_for_word(stop: StopSignal) -> None:
    while True:
        stop.set(_STOPS[signal.Signals(signal.sigwait(_STOPS))])
