"""Cells as tasks of a Ray cluster: the driver's side of `sweeplab.launch.ray.node`. Imports no Ray, but is given it."""

import contextlib
import secrets
import sys
import tarfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sweeplab import record
from sweeplab.errors import DataFault
from sweeplab.launch.archive import unpack
from sweeplab.launch.interrupts import Interrupts
from sweeplab.launch.post_mortem import post_mortem
from sweeplab.launch.ray import node
from sweeplab.launch.ray.slots import RaySlots
from sweeplab.launch.running import Limits, View
from sweeplab.launch.schedule import Placed, Result, Schedule
from sweeplab.launch.slots import Need
from sweeplab.records import last_line
from sweeplab.rehearsal import Part

_TICK_S = 0.25
_PATIENCE_S = 10.0  # what Ray may take to find a node, to answer, or to bring a stopped cell's record home


class Board:
    """An actor between the tasks and the driver: news one way, whether to stop the other."""

    def __init__(self) -> None:
        self._news: list[tuple[Any, ...]] = []
        self._asked = 0

    def tell(self, news: list[tuple[Any, ...]]) -> int:
        """News of a cell; returns how often its task has been asked to stop."""
        self._news += news
        return self._asked

    def hear(self) -> list[tuple[Any, ...]]:
        """What was told since the last time."""
        news, self._news = self._news, []
        return news

    def stop(self, asked: int) -> None:
        """Ask all tasks to stop, a second time at once."""
        self._asked = asked


@dataclass
class _Flight:
    """A cell that Ray has."""

    placed: Placed
    attempt: int  # the latest before it
    losses: int = 0  # how often it was sent before
    has_started: bool = False
    started_s: float = field(default_factory=time.monotonic)


class RayTasks:
    """Runs cells as tasks of a cluster that is joined.

    Args:
        ray: the package.
        output_dir: where records go.
        slots: what the cluster holds.
        around: what each cell needs to know.
        options: as in conf/hydra/launcher/ray.yaml.
    """

    def __init__(
        self, ray: Any, output_dir: str, slots: RaySlots, around: node.Around, options: Mapping[str, Any]
    ) -> None:
        self._ray = ray
        self._output_dir = output_dir
        self._slots = slots
        self._around = around
        self._options = options
        self._interrupts = Interrupts()
        self._told = 0
        self._told_s = 0.0
        self._flying: dict[str, _Flight] = {}
        self._home = node.Home(
            directory=str(Path.cwd()),
            paths=[path for path in sys.path if path and not path.startswith((sys.prefix, sys.base_prefix))],
            output_dir=str(Path(output_dir).absolute()),
            token=f".shared-{secrets.token_hex(8)}",
            shared=options["shared"],
            node_dir=options["node_dir"],
        )

    @property
    def was_interrupted(self) -> bool:
        """Whether somebody asked to stop."""
        return self._interrupts.count > 0

    def warm_up(self) -> None:
        """Return when the cluster has taken our first task."""
        here = self._ray.get_runtime_context().get_node_id()
        # it must live as long as we do, so it must not go with a node that may
        strategy = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(here, soft=True)
        self._board = self._ray.remote(num_cpus=0, scheduling_strategy=strategy)(Board).remote()
        self._hear(None)

    def rehearse(self, parts: Sequence[Part], trusted: Sequence[str]) -> list[str]:
        """What constructors of optimizers and schedules refuse on a node of the cluster, in words."""
        task = self._ray.remote(max_retries=self._options["max_retries"], num_cpus=1)(node.rehearse)
        try:
            refused: list[str] = self._ray.get(task.remote(list(parts), list(trusted), self._home, self._around))
        except self._ray.exceptions.RayError:  # the cells will say more
            return []
        return refused

    def prepare(self, dataset: Mapping[str, Any], trusted: Sequence[str]) -> None:
        """Make a data set ready on a node of the cluster; the others do so before their first cell, if they must.

        Raises:
            DataFault: in the words of the data set.
        """
        task = self._ray.remote(max_retries=self._options["max_retries"], num_cpus=1)(node.prepare)
        try:
            trouble = self._ray.get(task.remote(dataset, list(trusted), self._home, self._around))
        except self._ray.exceptions.RayError as error:
            trouble = f"the Ray task that prepared {dataset.get('_target_')} failed: {error}"
        if trouble is not None:
            raise DataFault(trouble)

    def run(self, schedule: Schedule, limits: Limits, view: View) -> None:
        """Train cells as the schedule places them. Every cell leaves a record, whatever becomes of it."""
        flights: dict[Any, _Flight] = {}
        with self._interrupts, self._token():
            while not (schedule.is_done and not flights):
                while not self.was_interrupted and (placed := schedule.start()):
                    self._send(_Flight(placed, self._last_attempt(placed)), flights)
                if self.was_interrupted and not flights:
                    return
                for task in self._landed(flights):
                    self._land(task, flights, schedule, view)
                self._hear(view)
                self._look_for_nodes(flights.values(), view)
                self._enforce(flights, limits, schedule)
                for cell, result in schedule.finished_elsewhere():
                    _tell_end(cell.id, result, view)

    def _send(self, flight: _Flight, flights: dict[Any, _Flight]) -> None:
        cell, slot = flight.placed.cell, flight.placed.slot
        asked = self._slots.resources(Need(slot.devices, slot.share))
        # Ray would try again by itself, but with what it was told the first time: we do
        options = {"max_retries": 0, "num_cpus": asked["CPU"], "num_gpus": asked.get("GPU", 0), "name": cell.label}
        task = self._ray.remote(**{**options, **self._options["options"]})(node.train)
        flights[task.remote(cell, slot, flight.attempt, self._home, self._around, self._board)] = flight
        self._flying[cell.id] = flight

    def _landed(self, flights: Mapping[Any, _Flight]) -> list[Any]:
        if not flights:
            time.sleep(_TICK_S)
            return []
        landed: list[Any] = self._ray.wait(list(flights), num_returns=1, timeout=_TICK_S)[0]
        return landed

    def _land(self, task: Any, flights: dict[Any, _Flight], schedule: Schedule, view: View) -> None:
        """Bring a cell's record home, or send it again if its worker or node was lost."""
        flight = self._flying.pop(flights.pop(task).placed.cell.id)
        result, is_lost = self._brought_home(task, flight)
        if is_lost and not self.was_interrupted and flight.losses < self._options["max_retries"]:
            self._send(_Flight(flight.placed, self._last_attempt(flight.placed), flight.losses + 1), flights)
        elif not schedule.ended(flight.placed, result):
            _tell_end(flight.placed.cell.id, result, view)

    def _brought_home(self, task: Any, flight: _Flight) -> tuple[Result, bool]:
        """The cell's result, and whether it ended for no reason of its own."""
        cell = flight.placed.cell
        errors = self._ray.exceptions
        try:
            outcome = self._ray.get(task)
            if outcome.files is not None:
                unpack(outcome.files, self._folder(flight))
            result = outcome.result or {**record.blank_result(cell), "state": record.INTERRUPTED}
        except errors.RayTaskError as error:
            return self._post_mortem(flight, record.CRASHED, f"{type(error.cause).__name__}: {error.cause}"), False
        except errors.OutOfMemoryError as error:
            return self._post_mortem(flight, record.OUT_OF_MEMORY, str(error)), False
        except errors.RayError as error:
            words = f"its Ray worker or node was lost ({type(error).__name__})"
            return self._post_mortem(flight, record.CRASHED, words), True
        except (tarfile.TarError, OSError) as error:
            return self._post_mortem(flight, record.CRASHED, f"its record did not come home: {error}"), False
        return result, result["state"] == record.INTERRUPTED and not self.was_interrupted

    def _post_mortem(self, flight: _Flight, state: str, message: str) -> Result:
        wall_time_s = time.monotonic() - flight.started_s
        cell, folder = flight.placed.cell, self._folder(flight)
        return post_mortem(cell, folder, before=flight.attempt, state=state, message=message, wall_time_s=wall_time_s)

    def _folder(self, flight: _Flight) -> record.CellFolder:
        return record.cell_folder(self._output_dir, flight.placed.cell.id)

    def _last_attempt(self, placed: Placed) -> int:
        return record.last_attempt(record.cell_folder(self._output_dir, placed.cell.id))

    def _hear(self, view: View | None) -> None:
        try:
            news = self._ray.get(self._board.hear.remote(), timeout=_PATIENCE_S)
        except self._ray.exceptions.RayError:
            return  # who looks on sees less; the cells do not notice
        for what, cell_id, *more in news:
            if view is None or cell_id not in self._flying:
                continue
            if what == "started":
                self._flying[cell_id].has_started = True
                self._slots.started(self._flying[cell_id].placed.slot)
                view.started(cell_id)
            else:
                view.progress(cell_id, *more)

    def _enforce(self, flights: dict[Any, _Flight], limits: Limits, schedule: Schedule) -> None:
        """Pass on that somebody asked to stop; let go of tasks that do not, and of cells that others have now."""
        for task, flight in list(flights.items()):
            if schedule.is_lost(flight.placed):
                self._ray.cancel(task, force=True)
                del flights[task], self._flying[flight.placed.cell.id]
                schedule.lost(flight.placed)
        if self._interrupts.count > self._told:
            self._told, self._told_s = self._interrupts.count, time.monotonic()
            self._board.stop.remote(self._told)
        patience_s = _PATIENCE_S + (limits.grace_s if self._told == 1 else 0)
        if self._told and time.monotonic() - self._told_s > patience_s:
            for task, flight in flights.items():
                self._ray.cancel(task, force=True)
                schedule.ended(
                    flight.placed, self._post_mortem(flight, record.INTERRUPTED, "did not stop when told to")
                )
            flights.clear()

    def _look_for_nodes(self, flights: Collection[_Flight], view: View) -> None:
        """Say so when Ray has no node for any of the cells that it was given."""
        since_s = time.monotonic() - _PATIENCE_S
        if flights and all(not flight.has_started and flight.started_s < since_s for flight in flights):
            slot = next(iter(flights)).placed.slot
            asked = self._slots.resources(Need(slot.devices, slot.share))
            words = ", ".join(f"{amount:g} {key}" for key, amount in asked.items())
            view.waiting(f"Ray has found no node yet for a cell that needs {words}")

    @contextlib.contextmanager
    def _token(self) -> Iterator[None]:
        path = Path(self._output_dir) / self._home.token
        path.write_text(self._home.token)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _tell_end(cell_id: str, result: Result, view: View) -> None:
    error = result["error"] if result["state"] not in record.FINAL_STATES else None
    view.ended(cell_id, result["state"], result["metrics"], result["wall_time_s"] or 0.0, last_line(error) or None)
