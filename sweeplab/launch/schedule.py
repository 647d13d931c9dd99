"""Which cell trains when and where: a queue of cells meets the slots of a machine. It starts no process.

Cells start strictly in the order of the queue: a cell that needs several devices waits at its head until they are
free, so that it never starves. Other processes may work on the same cells: each is claimed before it starts.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sweeplab import record
from sweeplab.cell import Cell
from sweeplab.launch.queue import Queue
from sweeplab.launch.slots import Need, Slot, Slots

Result = Mapping[str, Any]


class Needs(Protocol):
    """What cells need of a machine."""

    def need(self, cell: Cell) -> Need:
        """Devices, or a share of one."""

    def learn(self, cell: Cell, slot: Slot, result: Result) -> None:
        """A cell has ended, and its record tells what it took."""


class Claims(Protocol):
    """Who trains what, among all that work on the same folder."""

    def take(self, cell: Cell) -> bool:
        """Whether the cell is ours now."""

    def give_back(self, cell: Cell) -> None:
        """We have done with it."""

    def is_lost(self, cell: Cell) -> bool:
        """Whether another has taken over a cell of ours."""

    def finished(self, cell: Cell) -> Result | None:
        """The result of a cell that another has finished, or None."""


@dataclass(frozen=True)
class Placed:
    """A cell and its place."""

    cell: Cell
    slot: Slot


class Schedule:
    """Cells of a sweep on the slots of a machine.

    Args:
        queue: the cells.
        slots: where they can train.
        needs: what each takes.
        claims: of all who work on the same cells.
        stays: wait for the end of cells that others train, and train them if those others should die.
        limit: cells to start at most; None for no limit.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        queue: Queue,
        *,
        slots: Slots,
        needs: Needs,
        claims: Claims,
        stays: bool = True,
        limit: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._slots = slots
        self._needs = needs
        self._claims = claims
        self._stays = stays
        self._left = math.inf if limit is None else limit
        self._clock = clock
        self._elsewhere: dict[str, Cell] = {}
        self._look_again_s = -1.0
        self._alone: set[str] = set()
        self.states: dict[str, str] = {}  # of cells that ended here
        self.is_blocked = False

    def start(self) -> Placed | None:
        """The next cell with its place; None when there is no cell or no place for it now."""
        self.is_blocked = False
        while len(self._queue) and self._left:
            cell = self._queue.head()
            slot = self._slots.take(self._need(cell))
            if slot is None:
                self.is_blocked = True
                return None
            self._queue.pop()
            if self._claims.take(cell):
                self._left -= 1
                return Placed(cell, slot)
            self._slots.give_back(slot)
            self._elsewhere[cell.id] = cell
        return None

    def ended(self, placed: Placed, result: Result) -> bool:
        """Take the place back, and learn; True when the cell will train again, with its device for itself."""
        cell = placed.cell
        self._slots.give_back(placed.slot)
        self._needs.learn(cell, placed.slot, result)
        if result["state"] == record.COMPLETED and result["epochs"]:
            self._queue.learn(cell, result["wall_time_s"] / result["epochs"])
        if result["state"] == record.OUT_OF_MEMORY and placed.slot.share < 1 and cell.id not in self._alone:
            self._alone.add(cell.id)
            self._queue.put_back(cell)
            self._claims.give_back(cell)
            self._left += 1
            return True
        self._claims.give_back(cell)
        self.states[cell.id] = result["state"]
        return False

    def is_lost(self, placed: Placed) -> bool:
        """Whether another has taken the cell over: what it does here must end, and leave no record."""
        return self._claims.is_lost(placed.cell)

    def lost(self, placed: Placed) -> None:
        """Such a cell has ended here; its place is free."""
        self._slots.give_back(placed.slot)
        self._claims.give_back(placed.cell)
        self._elsewhere[placed.cell.id] = placed.cell

    def finished_elsewhere(self) -> list[tuple[Cell, Result]]:
        """Cells that others have finished since the last time; what nobody holds any more goes back into the queue."""
        if not self._elsewhere or self._clock() < self._look_again_s:
            return []
        self._look_again_s = self._clock() + LOOK_AGAIN_S
        found = [(cell, self._claims.finished(cell)) for cell in self._elsewhere.values()]
        done = [(cell, result) for cell, result in found if result is not None]
        for cell, _ in done:
            del self._elsewhere[cell.id]
        if not len(self._queue):
            for cell in self._elsewhere.values():
                self._queue.put_back(cell)
            self._elsewhere.clear()
        return done

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to start, here or, if we stay for that, after others."""
        return not self._left or (not len(self._queue) and not (self._stays and self._elsewhere))

    @property
    def held_elsewhere(self) -> int:
        """How many cells others hold."""
        return len(self._elsewhere)

    def trouble(self) -> str:
        """Why the cell whose turn it is has no place, in words."""
        return self._slots.trouble()

    def _need(self, cell: Cell) -> Need:
        need = self._needs.need(cell)
        return Need(need.devices) if cell.id in self._alone else need


# How long a cell that another holds is left alone before one looks again.
LOOK_AGAIN_S = 5.0
