"""What runs in a cell's own process, forked from the server that has imported torch."""

import contextlib
import faulthandler
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import torch

from sweeplab import record, rehearsal
from sweeplab.build import build
from sweeplab.cell import Cell
from sweeplab.launch import wide
from sweeplab.launch.slots import Slot
from sweeplab.ranks import forget_outer_job
from sweeplab.rehearsal import Part
from sweeplab.run import Surroundings, run_cell
from sweeplab.stop import StopSignal
from sweeplab.training import Notify

STOP = signal.SIGTERM  # end as interrupted
TIME_IS_UP = signal.SIGUSR1  # end as timed_out
SHOW_STACKS = signal.SIGUSR2  # write every thread's stack to the log

GRACE_S = 10.0  # what a cell may take to stop when its launcher has died


def train(cell: Cell, output_dir: str, slot: Slot, events: Connection, around: Mapping[str, Any]) -> None:
    """Entry point of a cell's process."""
    if cell.config["runtime"]["devices"] > 1:
        wide.become(cell, output_dir, slot, events, around)
    stop = StopSignal()
    _isolate(stop)
    forget_outer_job()
    os.environ.update(slot.environment)
    torch.set_num_threads(slot.threads)

    run_cell(
        cell,
        record.cell_folder(output_dir, cell.id),
        Surroundings(notify=notifier(events), stop=stop, redirect=redirect, **around),
    )
    sys.stdout.flush()
    sys.stderr.flush()


def notifier(events: Connection) -> Notify:
    """What tells the launcher of each epoch."""

    def notify(epoch: int, max_epochs: int, metrics: Mapping[str, float]) -> None:
        # The view is for people: a launcher that has gone must not end a cell that is about to finish.
        with contextlib.suppress(OSError):
            events.send((epoch, max_epochs, dict(metrics)))

    return notify


def prepare(dataset: Mapping[str, Any], trusted: list[str], events: Connection) -> None:
    """Entry point of the process that makes a data set ready; sends None, or what is wrong in words."""
    _stand_apart()
    try:
        build(dataset, trusted=trusted).prepare()
        events.send(None)
    except Exception as error:  # the words travel, the launcher decides
        events.send(str(error) or type(error).__name__)


def rehearse(parts: Sequence[Part], trusted: list[str], events: Connection) -> None:
    """Entry point of the process that builds for nothing what cells will build; sends what was refused, in words."""
    _stand_apart()
    events.send(rehearsal.rehearse(parts, trusted))


def _stand_apart() -> None:
    """For a process that has nothing to write: own session, gone at once when the launcher is gone."""
    os.setsid()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {STOP})
    _outlive_launcher_by(0, StopSignal())


def _isolate(stop: StopSignal) -> None:
    """Own session, so that the whole of it can be ended; gone when the launcher is gone."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(STOP, lambda *_: stop.set(record.INTERRUPTED))
    signal.signal(TIME_IS_UP, lambda *_: stop.set(record.TIMED_OUT))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {STOP})  # the server blocks it
    _outlive_launcher_by(GRACE_S, stop)


def _outlive_launcher_by(seconds: float, stop: StopSignal) -> None:
    """Stop cleanly when the launcher has died; end the whole session if that takes too long."""
    launcher = multiprocessing.parent_process()
    assert launcher is not None
    outlive(launcher.sentinel, seconds, stop)


def outlive(launcher: int, seconds: float, stop: StopSignal) -> None:
    """The same for a launcher whose end makes the descriptor `launcher` ready."""

    def watch() -> None:
        wait([launcher])
        stop.set(record.INTERRUPTED)
        time.sleep(seconds)
        os.killpg(os.getpgid(0), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True, name="watch the launcher").start()


def redirect(log: Path) -> Path:
    """Send what the process prints, C libraries included, to the cell's log."""
    sys.stdout.flush()
    sys.stderr.flush()
    with log.open("ab", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    faulthandler.enable()
    faulthandler.register(SHOW_STACKS, all_threads=True)
    return log
