"""What runs in a Ray worker: one cell, in a fresh process as the local launcher gives it. Imports no Ray.

Ray keeps its workers, and a worker keeps its fork server: only the first cell of a worker waits for torch's import.
"""

import contextlib
import getpass
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sweeplab
from sweeplab import record
from sweeplab.cell import Cell
from sweeplab.errors import DataFault, RecordFault
from sweeplab.launch.archive import pack
from sweeplab.launch.local import Launcher
from sweeplab.launch.needs import FixedNeeds
from sweeplab.launch.queue import Queue
from sweeplab.launch.ray.pulse import Pulse
from sweeplab.launch.running import Limits
from sweeplab.launch.schedule import Placed, Result, Schedule
from sweeplab.launch.slots import CoreSlots, Slot
from sweeplab.rehearsal import Part

_VISIBLE = "CUDA_VISIBLE_DEVICES"
_OUR_ROOT = str(Path(sweeplab.__file__).parents[1])


@dataclass(frozen=True)
class Home:
    """Where the driver works, and how a node may find out whether it sees the same folder.

    `paths` are where the driver finds packages; `token` names a file in `output_dir` that holds its own name; `shared`
    and `node_dir` are the launcher's options.
    """

    directory: str
    paths: Sequence[str]
    output_dir: str
    token: str
    shared: bool | str
    node_dir: str | None

    def is_seen(self) -> bool:
        """Whether this node writes records where the driver reads them.

        Raises:
            RecordFault: it should, and does not.
        """
        if self.shared is False:
            return False
        try:
            seen = (Path(self.output_dir) / self.token).read_text() == self.token
        except OSError:
            seen = False
        if self.shared is True and not seen:
            raise RecordFault(
                f"{self.output_dir} of the driver is not seen here (hydra.launcher.shared=auto sends records)"
            )
        return seen

    def settle(self) -> Path:
        """Work in the driver's directory, or in the node's own, with the driver's packages; returns the node's own."""
        own = Path(self.node_dir or Path(tempfile.gettempdir()) / f"sweeplab-{getpass.getuser()}")
        own.mkdir(parents=True, exist_ok=True)
        os.chdir(self.directory if Path(self.directory).is_dir() else own)
        new = [path for path in self.paths if path not in sys.path and Path(path).is_dir()]
        sys.path += new
        # a fork server knows only what the environment tells it
        known = [*filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)), *new, _OUR_ROOT]
        os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(known))
        return own


@dataclass(frozen=True)
class Around:
    """What every cell of the sweep needs to know, as for the local launcher; `gpus`: it trains on some."""

    modules: Sequence[str]
    targets: Sequence[str]
    around: Mapping[str, Any]
    limits: Limits
    gpus: bool


@dataclass(frozen=True)
class Outcome:
    """What a task sends home: the result, None when it was stopped before it began, and the files if need be."""

    result: Result | None
    files: bytes | None


def prepare(dataset: Mapping[str, Any], trusted: Sequence[str], home: Home, around: Around) -> str | None:
    """Make a data set ready on the node; returns what is wrong, in words."""
    home.settle()
    try:
        _launcher(home.output_dir, around).prepare(dataset, trusted)
    except DataFault as fault:
        return str(fault)
    return None


def rehearse(parts: Sequence[Part], trusted: Sequence[str], home: Home, around: Around) -> list[str]:
    """What constructors of optimizers and schedules refuse on the node, in words."""
    home.settle()
    return _launcher(home.output_dir, around).rehearse(parts, trusted)


def train(cell: Cell, slot: Slot, attempt: int, home: Home, around: Around, board: Any) -> Outcome:
    """Train a cell.

    Args:
        attempt: the latest one that the driver knows of.
        board: the actor that hears what happens, and tells when to stop.
    Raises:
        RecordFault: this node should see the driver's folder, and does not.
    """
    own = home.settle()
    is_seen = home.is_seen()
    with contextlib.ExitStack() as stack:
        if is_seen:
            output_dir = home.output_dir
        else:
            output_dir = tempfile.mkdtemp(dir=own)
            stack.callback(shutil.rmtree, output_dir, ignore_errors=True)
        folder = record.cell_folder(output_dir, cell.id)
        if not is_seen:
            record.write_status(folder, record.INTERRUPTED, attempt)
        launcher = _launcher(output_dir, around)
        schedule = _OneCell(Placed(cell, replace(slot, environment=_environment(around))))
        with Pulse(board, launcher) as pulse:
            launcher.run(schedule, around.limits, pulse)
        if schedule.result is None or is_seen:
            return Outcome(schedule.result, None)
        return Outcome(schedule.result, pack(folder, with_checkpoints=cell.config["runtime"]["keep_checkpoints"]))


def _environment(around: Around) -> dict[str, str]:
    """Shows a cell the GPUs that Ray has given to this task; the fork server knows those of its first task only."""
    return {_VISIBLE: os.environ.get(_VISIBLE, "") if around.gpus else ""}


def _launcher(output_dir: str, around: Around) -> Launcher:
    # A child process would run the script of its parent's first lines again: Ray's worker, and so import all of Ray.
    vars(sys.modules["__main__"]).pop("__file__", None)
    return Launcher(output_dir, modules=around.modules, targets=around.targets, around=around.around)


class _OneCell(Schedule):
    """The one cell of a task, in the place that Ray has found. The driver holds the claim and decides what follows."""

    def __init__(self, placed: Placed) -> None:
        queue = Queue([placed.cell], order="as_written", seconds_per_epoch={})
        super().__init__(queue, slots=CoreSlots(1, 1), needs=FixedNeeds(1), claims=_HeldByDriver())
        self._placed = placed
        self.result: Result | None = None

    def start(self) -> Placed | None:
        if not len(self._queue):
            return None
        self._queue.pop()
        return self._placed

    def ended(self, placed: Placed, result: Result) -> bool:
        del placed
        self.result = result
        return False


class _HeldByDriver:
    def take(self, cell: Cell) -> bool:
        del cell
        return True

    def give_back(self, cell: Cell) -> None:
        pass

    def is_lost(self, cell: Cell) -> bool:
        del cell
        return False

    def finished(self, cell: Cell) -> Result | None:
        del cell
        return None
