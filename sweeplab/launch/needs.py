"""What cells need of a machine: devices, or a share of one."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from sweeplab import record
from sweeplab.cell import Cell
from sweeplab.estimate import kind
from sweeplab.launch.gpu_slots import GpuSlots
from sweeplab.launch.schedule import Needs, Result
from sweeplab.launch.slots import Need, Slot, Slots

FILL = 0.8  # of a device's memory that cells are to use; fragments and peaks that come together need the rest
_SPARE_COPIES = 3  # of all parameters: more than the state of nearly every optimizer takes
_RAISE = 1.5  # of what was believed of cells that ran out of memory


class FixedNeeds:
    """The same for every cell.

    Args:
        cells_per_device: cells that share a device; a cell on several devices has each for itself.
    """

    def __init__(self, cells_per_device: int) -> None:
        self._share = share_of(cells_per_device)

    def need(self, cell: Cell) -> Need:
        """Devices, or a share of one."""
        devices = _devices(cell)
        return Need(devices, self._share if devices == 1 else 1.0)

    def learn(self, cell: Cell, slot: Slot, result: Result) -> None:
        """Nothing: what is fixed cannot be learnt."""


class MeasuredNeeds:
    """Shares by memory: the first cell of a kind has its device for itself, and tells what the others take.

    A kind is what decides a cell's memory: model, data set, batch sizes and precision. An optimizer adds its state: one
    that has not been measured yet is given room for three copies of all parameters more than any that has.

    Args:
        memory_bytes: of a device.
        known: results of cells that have trained on such devices.
    """

    def __init__(self, memory_bytes: int, known: Iterable[Result] = ()) -> None:
        self._usable_bytes = FILL * memory_bytes
        self._peaks: dict[str, dict[str, float]] = {}
        for result in known:
            self._note(result)

    def need(self, cell: Cell) -> Need:
        """A share of a device, or a whole one where its kind is not known, or several."""
        devices = _devices(cell)
        peak = self._peak(cell.config)
        if devices > 1 or peak is None or peak >= self._usable_bytes:
            return Need(devices)
        return Need(1, max(1, math.ceil(100 * peak / self._usable_bytes)) / 100)

    def learn(self, cell: Cell, slot: Slot, result: Result) -> None:
        """Its peak; one that ran out of memory shows that more was needed than was believed."""
        self._note(result)
        if result["state"] == record.OUT_OF_MEMORY:
            believed = slot.share * self._usable_bytes
            self._raise(cell.config, _optimizer(cell.config), believed * _RAISE)

    def _note(self, result: Result) -> None:
        peak = result.get("peak_memory_bytes")
        if result["state"] == record.COMPLETED and peak and _is_single(result["config"]):
            self._raise(result["config"], _optimizer(result["config"]), peak)
            number_bytes = 8 if result["config"].get("precision") == "64-true" else 4
            spare = _SPARE_COPIES * number_bytes * (result.get("num_parameters") or 0)
            self._raise(result["config"], _ANY, peak + spare)

    def _raise(self, config: Mapping[str, Any], optimizer: str, peak: float) -> None:
        peaks = self._peaks.setdefault(_memory_kind(config), {})
        peaks[optimizer] = max(peak, peaks.get(optimizer, 0))

    def _peak(self, config: Mapping[str, Any]) -> float | None:
        peaks = self._peaks.get(_memory_kind(config), {})
        return peaks.get(_optimizer(config), peaks.get(_ANY))


def make_needs(runtime: Mapping[str, Any], slots: Slots | None = None, known: Iterable[Result] = ()) -> Needs:
    """As the `runtime` node of the configuration asks for it.

    Args:
        runtime: the node.
        slots: where the cells will train; only a GPU is shared by memory.
        known: results of finished cells.
    """
    if runtime["cells_per_device"] != "auto":
        return FixedNeeds(runtime["cells_per_device"])
    if not isinstance(slots, GpuSlots):
        return FixedNeeds(1)
    return MeasuredNeeds(slots.memory_bytes, [result for result in known if slots.has_measured(result)])


def share_of(cells_per_device: int) -> float:
    """The largest share in whole per cents of which at most so many fit on a device, and so many if they can."""
    even = 100 // cells_per_device
    if even and 100 // even == cells_per_device:
        return even / 100
    return (100 // (cells_per_device + 1) + 1) / 100


_ANY = "any other optimizer"


def _devices(cell: Cell) -> int:
    return int(cell.config["runtime"]["devices"])


def _is_single(config: Mapping[str, Any]) -> bool:
    return bool(config["runtime"].get("devices", 1) == 1)  # records of old have no such key


def _memory_kind(config: Mapping[str, Any]) -> str:
    return kind(config) + json.dumps([config.get("precision"), config.get("eval_batch_size")])


def _optimizer(config: Mapping[str, Any]) -> str:
    return str((config.get("optimizer") or {}).get("_target_"))
