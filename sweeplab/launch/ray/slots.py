"""What a Ray cluster can hold; where in it a cell trains, Ray decides. Imports no Ray."""

import time
from collections.abc import Callable, Mapping, Sequence

from sweeplab.launch.slots import Need, Slot
from sweeplab.report.words import numbered

Node = Mapping[str, float]  # resources of a living node, such as {"CPU": 8, "GPU": 2}

_LOOK_AGAIN_S = 1.0
_ROUNDING = 1e-6


class RaySlots:
    """Places in a cluster whose nodes may come and go.

    Args:
        nodes: tells the nodes that are there now.
        gpus: cells need GPUs, not CPUs alone.
        num_cpus: of each device of a cell.
        most: never more cells at once than this.
    """

    def __init__(
        self,
        nodes: Callable[[], Sequence[Node]],
        *,
        gpus: bool,
        num_cpus: float,
        most: int | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = nodes
        self._gpus = gpus
        self._num_cpus = num_cpus
        self._most = most
        self._clock = clock
        self._known: Sequence[Node] = ()
        self._known_s = -_LOOK_AGAIN_S
        self._taken: dict[int, Need] = {}
        self._not_yet: set[int] = set()
        self._trouble = ""

    @property
    def at_once(self) -> int:
        """How many cells of one device the cluster holds now."""
        nodes = self._nodes()
        fitting = sum(int(min(node.get(key, 0) // amount for key, amount in self._per_device())) for node in nodes)
        return max(1, fitting if self._most is None else min(fitting, self._most))

    def describe(self) -> str:
        """What a cell gets, in words."""
        nodes = self._nodes()
        words = [f"{sum(node.get(key, 0) for node in nodes):g} {key}s" for key, _ in self._per_device()]
        return f"on {len(nodes)} Ray nodes ({', '.join(words)})"

    def take(self, need: Need) -> Slot | None:
        """A place, or None: not now.

        One cell is always handed to Ray, so that a cluster that grows by demand sees some; and while a cell of
        several devices waits there for a node, nothing else is.
        """
        if self._taken and not self._fits(need):
            return None
        index = next(number for number in range(len(self._taken) + 1) if number not in self._taken)
        self._taken[index] = need
        if need.devices > 1:
            self._not_yet.add(index)
        return Slot(index, max(1, int(self._num_cpus)) * need.devices, devices=need.devices, share=need.share)

    def give_back(self, slot: Slot) -> None:
        """The cell that had it has ended."""
        self._not_yet.discard(slot.index)
        del self._taken[slot.index]

    def started(self, slot: Slot) -> None:
        """Ray has found a node for the cell."""
        self._not_yet.discard(slot.index)

    def trouble(self) -> str:
        """Why nothing was to be had at the last `take`, in words."""
        return self._trouble

    def resources(self, need: Need) -> dict[str, float]:
        """What Ray is asked for."""
        return {"CPU": self._num_cpus * need.devices} | ({"GPU": need.devices * need.share} if self._gpus else {})

    def _fits(self, need: Need) -> bool:
        if self._not_yet:
            self._trouble = "a cell of several devices waits for a node of the Ray cluster"
            return False
        if self._most is not None and len(self._taken) >= self._most:
            self._trouble = f"{numbered(self._most, 'cell trains', 'cells train')} at once, as asked for"
            return False
        for key, wanted in self.resources(need).items():
            there = [node.get(key, 0) for node in self._nodes()]
            used = sum(self.resources(taken)[key] for taken in self._taken.values())
            if used + wanted > sum(there) + _ROUNDING:
                self._trouble = f"all {key}s of the Ray cluster are in use"
                return False
            if wanted > max(there, default=0) + _ROUNDING:
                self._trouble = f"no node of the Ray cluster has {wanted:g} {key}s now"
                return False
        return True

    def _per_device(self) -> list[tuple[str, float]]:
        return list(self.resources(Need()).items())

    def _nodes(self) -> Sequence[Node]:
        if self._clock() - self._known_s >= _LOOK_AGAIN_S:
            self._known, self._known_s = self._ask(), self._clock()
        return self._known
