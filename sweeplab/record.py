"""Records and files: the only module that knows what lies where under `outputs/`.

A cell is finished if and only if its `result.json` is there and its checksum verifies. Records read back are data:
nothing in them is ever instantiated.
"""

import hashlib
import json
import math
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeplab.cell import Cell
from sweeplab.errors import RecordFault

SCHEMA_VERSION = 1

COMPLETED = "completed"
DIVERGED = "diverged"
FAILED = "failed"
CRASHED = "crashed"
OUT_OF_MEMORY = "out_of_memory"
TIMED_OUT = "timed_out"
INTERRUPTED = "interrupted"
RUNNING = "running"
PENDING = "pending"

# Training them again would give the same: a divergence is a result, not an error.
FINAL_STATES = (COMPLETED, DIVERGED)
FAILURE_STATES = (FAILED, CRASHED, OUT_OF_MEMORY, TIMED_OUT, INTERRUPTED)

_CHECKSUM_PREFIX = b'{"checksum": "'
_DIGEST_LENGTH = 64
_CHECKSUM_SUFFIX = b'",\n'


@dataclass(frozen=True)
class CellFolder:
    """Paths of one cell's files."""

    path: Path

    @property
    def asked(self) -> Path:
        """What was asked, written first."""
        return self.path / "cell.json"

    @property
    def status(self) -> Path:
        """State, attempt, host and pid of the latest attempt."""
        return self.path / "status.json"

    @property
    def metrics(self) -> Path:
        """One line per evaluation."""
        return self.path / "metrics.jsonl"

    @property
    def result(self) -> Path:
        """What came out, written last."""
        return self.path / "result.json"

    @property
    def log(self) -> Path:
        """Everything the cell printed."""
        return self.path / "log.txt"

    @property
    def checkpoints(self) -> Path:
        """Weights, while training or when asked to keep them."""
        return self.path / "checkpoints"

    @property
    def lock(self) -> Path:
        """Held by the process that trains the cell."""
        return self.path / ".lock"


@dataclass(frozen=True)
class SweepFolder:
    """Paths of one sweep's files."""

    path: Path

    @property
    def plan(self) -> Path:
        """The command, the axes and the cells in order."""
        return self.path / "sweep.json"

    @property
    def outputs(self) -> Path:
        """The folder that holds `cells/` and `sweeps/`."""
        return self.path.parent.parent


def cell_folder(output_dir: str | Path, cell_id: str) -> CellFolder:
    """Where a cell's files lie."""
    return CellFolder(Path(output_dir) / "cells" / cell_id)


def sweep_folder(output_dir: str | Path, name: str) -> SweepFolder:
    """Where a sweep's files lie."""
    return SweepFolder(Path(output_dir) / "sweeps" / name)


def write_text(path: Path, text: str, *, durable: bool = True) -> None:
    """Write a file whole or not at all; `durable` also survives a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def to_json(value: Any) -> str:
    """JSON text; numbers that JSON lacks become null, since their state says why they are not there."""
    return json.dumps(_finite(value), ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(below) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(below) for below in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _lines(record: Mapping[str, Any]) -> str:
    """One line for each key: short enough for 10,000 files, and still good to read."""
    return ",\n".join(f"{json.dumps(key)}: {to_json(value)}" for key, value in record.items())


def write_asked(folder: CellFolder, cell: Cell) -> None:
    """Write down what was asked, once; a second sweep that asks for the same cell changes nothing."""
    if folder.asked.exists():
        return
    asked = {
        "schema_version": SCHEMA_VERSION,
        "cell_id": cell.id,
        "axes": cell.axes,
        "choices": cell.choices,
        "overrides": cell.overrides,
        "config": cell.config,
    }
    write_text(folder.asked, "{" + _lines(asked) + "}\n", durable=False)


def read_asked(folder: CellFolder) -> Cell:
    """Read a recorded cell.

    Raises:
        RecordFault: no such cell, or its file is not ours.
    """
    asked = read_json(folder.asked)
    try:
        return Cell(asked["cell_id"], asked["config"], asked["axes"], asked["choices"], tuple(asked["overrides"]))
    except (KeyError, TypeError) as error:
        raise RecordFault(f"{folder.asked} is not a cell.json of sweeplab (missing or wrong: {error})") from error


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        RecordFault: the file is missing, is not JSON, holds no object, or was written by a newer version.
    """
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise RecordFault(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise RecordFault(f"{path} is damaged: {error}") from error
    if not isinstance(value, dict):
        raise RecordFault(f"{path} holds no JSON object")
    _check_version(path, value)
    return value


def _check_version(path: Path, value: Mapping[str, Any]) -> None:
    version = value.get("schema_version", SCHEMA_VERSION)
    if not isinstance(version, int):
        raise RecordFault(f"{path} is damaged: schema_version must be a whole number, got {version!r}")
    if version > SCHEMA_VERSION:
        raise RecordFault(
            f"{path} was written by a newer sweeplab (schema {version}, known: {SCHEMA_VERSION}): update sweeplab"
        )


def blank_result(cell: Cell) -> dict[str, Any]:
    """Every key of a result, for a cell of which nothing is known yet."""
    return {
        "cell_id": cell.id,
        "state": PENDING,
        "config": cell.config,
        "axes": cell.axes,
        "metrics": {},
        "last_metrics": {},
        "best_epoch": None,
        "steps": 0,
        "epochs": 0,
        "wall_time_s": None,
        "train_time_s": None,
        "num_parameters": None,
        "confusion_matrix": None,
        "initial_weights_hash": None,
        "data_order_hash": None,
        "provenance": {},
        "error": None,
    }


def write_result(folder: CellFolder, result: Mapping[str, Any]) -> None:
    """Write what came out, atomically and with a checksum: from now on the cell is finished."""
    body = _lines({"schema_version": SCHEMA_VERSION, **result}) + "}\n"
    digest = hashlib.sha256(body.encode()).hexdigest()
    write_text(folder.result, f"{_CHECKSUM_PREFIX.decode()}{digest}{_CHECKSUM_SUFFIX.decode()}{body}")


def read_result(folder: CellFolder) -> dict[str, Any] | None:
    """The verified result of a cell, or None when it has none that verifies.

    Raises:
        RecordFault: it verifies, and a newer version wrote it: training the cell again would be wrong.
    """
    try:
        raw = folder.result.read_bytes()
    except OSError:
        return None
    head = len(_CHECKSUM_PREFIX) + _DIGEST_LENGTH + len(_CHECKSUM_SUFFIX)
    digest = hashlib.sha256(raw[head:]).hexdigest().encode()
    if raw[:head] != _CHECKSUM_PREFIX + digest + _CHECKSUM_SUFFIX:
        return None
    result: dict[str, Any] = json.loads(raw)
    _check_version(folder.result, result)
    return result if result.get("cell_id") == folder.path.name else None


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


def append_metrics(folder: CellFolder, line: Mapping[str, Any]) -> None:
    """Append one evaluation."""
    with folder.metrics.open("a", encoding="utf-8") as file:
        file.write(to_json(line) + "\n")


def read_metrics(folder: CellFolder) -> list[dict[str, Any]]:
    """Every whole evaluation line; a line torn by a kill is left out."""
    try:
        raw = folder.metrics.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return list(_whole(raw.splitlines()))


def _whole(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value


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
