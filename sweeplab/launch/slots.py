"""Slots: the places where cells can train at the same time, each with its own devices or cores."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sweeplab.launch.lease import Lease


@dataclass(frozen=True)
class Need:
    """What a cell needs: whole devices, or a share of one (0 < share <= 1)."""

    devices: int = 1
    share: float = 1.0


@dataclass(frozen=True)
class Slot:
    """One place: environment that shows a cell its devices, and the torch threads that all its processes may use.

    `share` is how much of its device a cell has, 1 for one that has it for itself; `leases` keep other sweeps away for
    as long as the launcher or the cell lives.
    """

    index: int
    threads: int
    devices: int = 1
    share: float = 1.0
    environment: Mapping[str, str] = field(default_factory=dict)
    leases: Sequence[Lease] = ()


class Slots(Protocol):
    """The devices of one machine, given to cells and taken back."""

    @property
    def at_once(self) -> int:
        """How many cells that need one whole device, or one core's share, can train at the same time."""

    def describe(self) -> str:
        """What a cell gets, in words."""

    def take(self, need: Need) -> Slot | None:
        """A place, or None: not now.

        Until it is asked for something else, it holds back what becomes free, so that a cell that needs several
        devices gets them in the end.
        """

    def give_back(self, slot: Slot) -> None:
        """The cell that had it has ended."""

    def trouble(self) -> str:
        """Why nothing was to be had at the last `take`, in words."""


class CoreSlots:
    """Cores of this machine, divided evenly; a cell on several devices takes as many places, or all there are."""

    def __init__(self, places: int, threads: int) -> None:
        self._threads = threads
        self._free = list(reversed(range(places)))
        self._taken: dict[int, list[int]] = {}
        self.at_once = places

    def describe(self) -> str:
        """What a cell gets, in words."""
        return f"torch threads each: {self._threads}"

    def take(self, need: Need) -> Slot | None:
        """A place, or None: not now. Nothing else can take what becomes free, so that nothing need be held back."""
        wanted = min(need.devices, self.at_once)
        if len(self._free) < wanted:
            return None
        places = [self._free.pop() for _ in range(wanted)]
        self._taken[places[0]] = places
        return Slot(places[0], self._threads * wanted, devices=need.devices)

    def give_back(self, slot: Slot) -> None:
        """The cell that had it has ended."""
        self._free += reversed(self._taken.pop(slot.index))

    def trouble(self) -> str:
        """Why nothing was to be had at the last `take`, in words."""
        return "all cores are in use"


def available_cores() -> int:
    """Cores this process may use: its affinity, and the quota of its control group."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:
        cores = os.cpu_count() or 1
    return max(1, min(cores, _quota()))


def _quota() -> int:
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return math.ceil(int(quota) / int(period))
    except (OSError, ValueError):
        return 1 << 30
