"""Slots on GPUs: leased by UUID from all sweeps of the machine, whole or in shares."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeplab.errors import ConfigFault
from sweeplab.launch.inventory import GIB, Device, Inventory
from sweeplab.launch.lease import WHOLE, Lease, Leases
from sweeplab.launch.slots import Need, Slot
from sweeplab.report.words import numbered


@dataclass(frozen=True)
class Threads:
    """Torch threads of a cell: `each`, or where that is None its part of the machine's cores.

    Args:
        each: of a cell on one device.
        per_device: cores for each device.
    """

    each: int | None
    per_device: float

    def of(self, need: Need) -> int:
        """Of all processes of a cell."""
        each = max(1, int(self.per_device * need.share)) if self.each is None else self.each
        return each * need.devices


@dataclass(frozen=True)
class _Look:
    """A device as it was at the last `take`: per cent that is free, and whether and why one must not start there."""

    device: Device
    free: int
    is_kept: bool = False
    short_of: float | None = None  # free memory in bytes, where that is too little


class GpuSlots:
    """Places on GPUs; a cell has whole devices, or a share of one, in per cent.

    Cells spread: each starts on the emptiest device, since two that share one slow each other down while another is
    idle. What cannot be served waits in one line with all sweeps of the machine. The first in line picks the devices
    that are nearest to free, and nobody else starts anything on them from then on: so a cell that needs whole devices,
    or several, gets them after at most the longest cell that is on them, and two such cells never wait for each other.

    Args:
        inventory: the devices.
        leases: of all sweeps of the machine.
        cells_per_device: that may share a device; None where shares are measured.
        most: cells that may train at once.
        threads: of each.
        min_free_bytes: that a device on which no cell trains must have free.
    """

    def __init__(
        self,
        inventory: Inventory,
        leases: Leases,
        *,
        cells_per_device: int | None,
        most: int | None,
        threads: Threads,
        min_free_bytes: int,
    ) -> None:
        self._inventory = inventory
        self._leases = leases
        self._devices = inventory.devices()
        self._per_device = cells_per_device
        self._most = math.inf if most is None else most
        self._threads = threads
        self._min_free_bytes = min_free_bytes
        self._running: dict[int, Slot] = {}
        self._own: Counter[str] = Counter()  # our cells by device
        self._wanted: Need | None = None
        self._looks: list[_Look] = []
        self._place: tuple[Lease, int] | None = None  # in the line
        self._kept: dict[str, Lease] = {}  # devices that are kept for us
        self.at_once = int(min(len(self._devices) * (cells_per_device or 1), self._most))

    @property
    def memory_bytes(self) -> int:
        """Memory of the smallest device; 0 where not known."""
        return min(device.memory_bytes for device in self._devices)

    def has_measured(self, result: Mapping[str, Any]) -> bool:
        """Whether a cell has trained on a device such as these, so that its memory tells what another takes."""
        names = {device.name for device in self._devices}
        return not self._inventory.is_real or result["provenance"].get("device") in names

    def describe(self) -> str:
        """What a cell gets, in words."""
        names = ", ".join(dict.fromkeys(device.name for device in self._devices))
        shares = ", as many on each as fit" if self._per_device is None else ""
        threads = "" if self._threads.each is None else f", torch threads each: {self._threads.each}"
        return f"on {numbered(len(self._devices), 'GPU')} ({names}){shares}{threads}"

    def take(self, need: Need) -> Slot | None:
        """A place, or None: not now. Until something else is asked for, it stays in line for it.

        Raises:
            ConfigFault: it needs more devices than there are.
        """
        check_width(need.devices, self._devices)
        if need != self._wanted:
            self._leave_line()
            self._wanted = need
        self._looks = []
        if len(self._running) >= self._most:
            self._leave_line()
            return None
        self._looks = [self._look(device) for device in self._devices]
        per_cent = math.ceil(round(need.share * WHOLE, 6))
        free = [look.device for look in self._may_start() if look.free >= per_cent][: need.devices]
        leases = self._lease_all(free, per_cent) if len(free) == need.devices else []
        if not leases:
            self._line_up(need.devices)
            return None
        self._leave_line()
        return self._slot(need, free, leases)

    def give_back(self, slot: Slot) -> None:
        """The cell that had it has ended."""
        del self._running[slot.index]
        self._own.subtract(_uuids(slot))
        for lease in slot.leases:
            lease.release()

    def trouble(self) -> str:
        """Why nothing was to be had at the last `take`, in words."""
        if not self._looks:
            training = numbered(len(self._running), "cell trains", "cells train")
            return f"{training} already, as many as runtime.cells_at_once allows"
        wanted = self._wanted.devices if self._wanted else 1
        head = "no GPU is free" if wanted == 1 else f"no {wanted} GPUs are free at once"
        return f"{head}: {', '.join([*self._counts(), *self._short()])}"

    def _counts(self) -> list[str]:
        ours = sum(look.free < WHOLE and self._own[look.device.uuid] > 0 for look in self._looks)
        theirs = sum(look.free < WHOLE and not self._own[look.device.uuid] for look in self._looks)
        kept = sum(look.free == WHOLE and look.is_kept for look in self._looks)
        free = sum(look.free == WHOLE and not look.is_kept and look.short_of is None for look in self._looks)
        told = {
            "used by this sweep": ours,
            "leased by other sweeps": theirs,
            "kept for a cell of another sweep": kept,
            "free": free,
        }
        return [f"{number} {'is' if number == 1 else 'are'} {words}" for words, number in told.items() if number]

    def _short(self) -> list[str]:
        asked = self._min_free_bytes / GIB
        return [
            f"GPU {look.device.index} has {look.short_of / GIB:.1f} of the {asked:g} GiB asked for"
            for look in self._looks
            if look.short_of is not None
        ]

    def _look(self, device: Device) -> _Look:
        free = self._leases.free(device.uuid)
        is_kept = device.uuid not in self._kept and self._leases.is_kept(device.uuid)
        # where cells train, it is they who use the memory
        if free == WHOLE and self._min_free_bytes:
            free_bytes = self._inventory.free_bytes(device.uuid)
            return _Look(device, free, is_kept, free_bytes if free_bytes < self._min_free_bytes else None)
        return _Look(device, free, is_kept)

    def _may_start(self) -> list[_Look]:
        """Devices on which nothing forbids us to start, emptiest first."""
        allowed = [look for look in self._looks if not look.is_kept and look.short_of is None]
        return sorted(allowed, key=lambda look: (-look.free, look.device.uuid not in self._kept))

    def _lease_all(self, devices: Sequence[Device], per_cent: int) -> list[Lease]:
        """All of the leases, or none."""
        leases: list[Lease] = []
        for device in devices:
            lease = self._leases.take(device.uuid, per_cent, is_ours=device.uuid in self._kept)
            if lease is None:
                for got in leases:
                    got.release()
                return []
            leases.append(lease)
        return leases

    def _line_up(self, num_devices: int) -> None:
        """Wait with all others; whose turn it is lets nobody else start on the devices that are nearest to free.

        What such a device has free never becomes less, and it is only let go of for one that has more.
        """
        if sum(look.short_of is None for look in self._looks) < num_devices:  # no waiting in line brings them
            self._leave_line()
            return
        self._place = self._place or self._leases.line_up()
        if self._place is None or not self._leases.is_first(self._place[1]):
            return
        targets = [look.device.uuid for look in self._may_start()][:num_devices]
        for uuid in [uuid for uuid in self._kept if uuid not in targets]:
            self._kept.pop(uuid).release()
        for uuid in targets:
            if uuid not in self._kept and (lease := self._leases.keep(uuid)):
                self._kept[uuid] = lease

    def _leave_line(self) -> None:
        for lease in [*self._kept.values(), *([self._place[0]] if self._place else [])]:
            lease.release()
        self._kept.clear()
        self._place = None

    def _slot(self, need: Need, devices: Sequence[Device], leases: Sequence[Lease]) -> Slot:
        index = next(index for index in range(len(self._running) + 1) if index not in self._running)
        slot = Slot(
            index,
            self._threads.of(need),
            devices=need.devices,
            share=need.share,
            environment={_VISIBLE: ",".join(device.uuid for device in devices)},
            leases=tuple(leases),
        )
        self._running[index] = slot
        self._own.update(_uuids(slot))
        return slot


def check_width(num_devices: int, devices: Sequence[Device]) -> None:
    """Refuse a cell that needs more devices than there are.

    Raises:
        ConfigFault: names both numbers.
    """
    if num_devices > len(devices):
        raise ConfigFault(
            f"runtime.devices must be <= {len(devices)}, the number of GPUs that are visible here, got {num_devices}"
        )


_VISIBLE = "CUDA_VISIBLE_DEVICES"


def _uuids(slot: Slot) -> list[str]:
    return slot.environment[_VISIBLE].split(",")
