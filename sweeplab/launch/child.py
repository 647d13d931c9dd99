"""What runs in a cell's own process, forked from the server that has imported torch."""

import contextlib
import faulthandler
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from sweeplab import record
from sweeplab.build import build
from sweeplab.cell import Cell
from sweeplab.launch.slots import Slot
from sweeplab.run import StopSignal, Surroundings, run_cell

STOP = signal.SIGTERM  # end as interrupted
TIME_IS_UP = signal.SIGUSR1  # end as timed_out
SHOW_STACKS = signal.SIGUSR2  # write every thread's stack to the log

_GRACE_S = 10.0  # what a cell may take to stop when its launcher has died


def train(cell: Cell, output_dir: str, slot: Slot, events: Connection, around: Mapping[str, Any]) -> None:
    """Entry point of a cell's process."""
    stop = StopSignal()
    _isolate(stop)
    os.environ.update(slot.environment)
    torch.set_num_threads(slot.threads)

    def notify(epoch: int, max_epochs: int, metrics: Mapping[str, float]) -> None:
        # The view is for people: a launcher that has gone must not end a cell that is about to finish.
        with contextlib.suppress(OSError):
            events.send((epoch, max_epochs, dict(metrics)))

    run_cell(
        cell,
        record.cell_folder(output_dir, cell.id),
        Surroundings(notify=notify, stop=stop, redirect=redirect, **around),
    )
    sys.stdout.flush()
    sys.stderr.flush()


def prepare(dataset: Mapping[str, Any], trusted: list[str], events: Connection) -> None:
    """Entry point of the process that makes a data set ready; sends None, or what is wrong in words."""
    os.setsid()
    _outlive_launcher_by(0, StopSignal())
    try:
        build(dataset, trusted=trusted).prepare()
        events.send(None)
    except Exception as error:  # the words travel, the launcher decides
        events.send(str(error) or type(error).__name__)


def _isolate(stop: StopSignal) -> None:
    """Own session, so that the whole of it can be ended; gone when the launcher is gone."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(STOP, lambda *_: stop.set(record.INTERRUPTED))
    signal.signal(TIME_IS_UP, lambda *_: stop.set(record.TIMED_OUT))
    _outlive_launcher_by(_GRACE_S, stop)


def _outlive_launcher_by(seconds: float, stop: StopSignal) -> None:
    """Stop cleanly when the launcher has died; end the whole session if that takes too long."""
    launcher = multiprocessing.parent_process()
    assert launcher is not None

    def watch() -> None:
        launcher.join()
        stop.set(record.INTERRUPTED)
        time.sleep(seconds)
        os.killpg(os.getpgid(0), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True, name="watch the launcher").start()


def redirect(log: Path) -> None:
    """Send what the process prints, C libraries included, to the cell's log."""
    sys.stdout.flush()
    sys.stderr.flush()
    with log.open("ab", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    faulthandler.enable()
    faulthandler.register(SHOW_STACKS, all_threads=True)
