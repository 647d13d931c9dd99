"""The order in which cells train. Pure: it knows neither processes nor devices."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence

from sweeplab.cell import Cell, setting_key
from sweeplab.estimate import kind


class Queue:
    """Cells in the order in which they should start.

    Args:
        cells: in the order of the plan.
        order: `breadth` (the first seed of every setting before the second of any, and among those the longest first,
            as far as times are known), `shuffle` (always the same shuffle) or `as_written`.
        seconds_per_epoch: of cells of a kind, where some are known.
    """

    def __init__(self, cells: Sequence[Cell], *, order: str, seconds_per_epoch: Mapping[str, float]) -> None:
        self._order = order
        self._rates = dict(seconds_per_epoch)
        self._round = _rounds(cells)
        self._kinds = {cell.id: kind(cell.config) for cell in cells}
        self._place = {cell.id: place for place, cell in enumerate(cells)}
        self._waiting = sorted(cells, key=self._rank, reverse=True)

    def __len__(self) -> int:
        return len(self._waiting)

    def head(self) -> Cell:
        """The cell whose turn it is."""
        return self._waiting[-1]

    def pop(self) -> Cell:
        """Take out the cell whose turn it is."""
        return self._waiting.pop()

    def put_back(self, cell: Cell) -> None:
        """The cell is to train next."""
        self._waiting.append(cell)

    def learn(self, cell: Cell, seconds_per_epoch: float) -> None:
        """A cell has ended: the first of its kind tells how long the others will take."""
        if self._kinds[cell.id] not in self._rates:
            self._rates[self._kinds[cell.id]] = seconds_per_epoch
            self._waiting.sort(key=self._rank, reverse=True)

    def _rank(self, cell: Cell) -> tuple[object, ...]:
        if self._order == "shuffle":
            return (hashlib.sha256(cell.id.encode()).digest(),)
        if self._order == "as_written":
            return (self._place[cell.id],)
        rate = self._rates.get(self._kinds[cell.id])
        # what is not known yet goes first: it may be the longest, and one of them tells for all
        seconds = float("inf") if rate is None else rate * cell.config["max_epochs"]
        return self._round[cell.id], -seconds, self._place[cell.id]


def _rounds(cells: Sequence[Cell]) -> dict[str, int]:
    """How many cells of the same setting stand before each."""
    seen: dict[str, int] = defaultdict(int)
    rounds = {}
    for cell in cells:
        key = setting_key(cell.axes)
        rounds[cell.id] = seen[key]
        seen[key] += 1
    return rounds
