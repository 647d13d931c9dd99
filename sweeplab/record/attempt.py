"""Attempts at a cell: who trains it, how it stands, what earlier ones left."""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sweeplab.errors import RecordFault
from sweeplab.record.folder import CellFolder
from sweeplab.record.result import read_result
from sweeplab.record.states import INTERRUPTED, PENDING, RUNNING
from sweeplab.record.text import read_json, to_json, write_text

_CHECKSUM_SUFFIX = b'",\n'


def read_state(folder: CellFolder) -> str:
    """State of a cell: of its verified result, else of its latest attempt, else `pending`."""
    result = read_result(folder)
    if result is not None:
        return str(result["state"])
    try:
        status = read_json(folder.status)
    except RecordFault:
        return PENDING
    if status.get("state") == RUNNING:
        return RUNNING if _is_alive(status) else INTERRUPTED
    # A final state without a result that verifies: the result was damaged, so the cell will train again.
    return PENDING


def _is_alive(status: Mapping[str, Any]) -> bool:
    """Whether the attempt's process lives; one on another host is taken at its word."""
    if status.get("host") != socket.gethostname():
        return True
    return process_start(int(status.get("pid", 0))) == status.get("process_start")


def process_start(pid: int) -> str | None:
    """Kernel's start time of a process: together with its pid it names the process for good. None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[-1].split()
    except OSError:
        return _start_without_proc(pid)
    return None if fields[0] == "Z" else fields[19]


def _start_without_proc(pid: int) -> str | None:
    if Path("/proc/self").exists() or pid <= 0:
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return "unknown"


def begin_attempt(folder: CellFolder) -> int:
    """Count a new attempt; files of earlier ones move to `attempts/<n>/`, nothing is overwritten."""
    last = last_attempt(folder)
    leftovers = _leftovers(folder)
    if leftovers:
        past = folder.path / "attempts" / str(last)
        past.mkdir(parents=True, exist_ok=True)
        for path in leftovers:
            path.rename(past / path.name)
    return last + 1


def _leftovers(folder: CellFolder) -> list[Path]:
    return [path for path in (folder.result, folder.metrics, folder.log, folder.path / "wandb") if path.exists()]


def last_attempt(folder: CellFolder) -> int:
    """Number of the latest attempt, 0 when there was none."""
    past = [int(path.name) for path in (folder.path / "attempts").glob("*") if path.name.isdigit()]
    moved = max(past, default=0)
    try:
        told = int(read_json(folder.status).get("attempt", 0))
    except (RecordFault, TypeError, ValueError):
        told = 0
    # An attempt that was killed before it wrote its status, or whose status is damaged, left its files all the same.
    return max(told, moved + bool(_leftovers(folder)))


def write_status(folder: CellFolder, state: str, attempt: int) -> None:
    """Say what the current process does with the cell."""
    pid = os.getpid()
    status = {
        "state": state,
        "attempt": attempt,
        "host": socket.gethostname(),
        "pid": pid,
        "process_start": process_start(pid),
    }
    write_text(folder.status, to_json(status) + "\n", durable=False)


@contextmanager
def claimed(folder: CellFolder, *, wait_s: float = -1) -> Iterator[bool]:
    """Hold a cell while writing its record; the lock ends with the process.

    Args:
        wait_s: how long to wait for another process that holds it; -1 for as long as it takes.
    Yields:
        Whether the cell is held.
    """
    from filelock import FileLock, Timeout

    folder.path.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.lock)
    try:
        lock.acquire(timeout=wait_s)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
