"""The slots of this machine: its GPUs, or where there are none or none are wanted its cores."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from sweeplab.cell import Cell
from sweeplab.errors import ConfigFault
from sweeplab.launch.gpu_slots import GpuSlots, Threads, check_width
from sweeplab.launch.inventory import GIB, Inventory, find_inventory, has_driver, torch_is_for_cpu
from sweeplab.launch.lease import machine_leases
from sweeplab.launch.slots import CoreSlots, Slots, available_cores


def make_slots(runtime: Mapping[str, Any], num_cells: int) -> Slots:
    """Divide the machine among cells.

    Args:
        runtime: the `runtime` node of the configuration.
        num_cells: cells of the whole plan, finished ones too, so that a resumed sweep gives each the same threads.

    Raises:
        ConfigFault: GPUs are asked for where none can be used.
    """
    inventory = _usable_gpus(runtime["accelerator"])
    return _core_slots(runtime, num_cells) if inventory is None else _gpu_slots(runtime, inventory, num_cells)


def check_devices(runtime: Mapping[str, Any], cells: Sequence[Cell]) -> None:
    """Refuse what this machine can never train.

    Raises:
        ConfigFault: GPUs are asked for where none can be used, or a cell needs more than there are.
    """
    inventory = _usable_gpus(runtime["accelerator"])
    if inventory is not None:
        check_width(max((cell.config["runtime"]["devices"] for cell in cells), default=0), inventory.devices())


def _usable_gpus(accelerator: str) -> Inventory | None:
    if accelerator not in ("auto", "gpu"):
        return None
    inventory = find_inventory()
    if accelerator == "gpu" and not inventory.is_real:
        raise ConfigFault("runtime.accelerator must be auto or cpu where GPUs are only pretended, got gpu")
    if inventory.devices() and not (inventory.is_real and torch_is_for_cpu()):
        return inventory
    if accelerator == "gpu" and has_driver():
        outer = os.environ.get("CUDA_VISIBLE_DEVICES")
        words = "is not set" if outer is None else f"is '{outer}'"
        raise ConfigFault(
            f"runtime.accelerator is gpu, and none can be used (CUDA_VISIBLE_DEVICES {words}; see doctor)"
        )
    return None


def _core_slots(runtime: Mapping[str, Any], num_cells: int) -> CoreSlots:
    # a GPU that is not NVIDIA's is one device, of which the driver tells us nothing
    places = 1 if runtime["accelerator"] in ("mps", "gpu") else available_cores()
    asked, threads = runtime["cells_at_once"], runtime["threads_per_cell"]
    if asked == "auto":
        asked = max(1, min(places, num_cells))
    return CoreSlots(asked, max(1, available_cores() // asked) if threads == "auto" else threads)


def _gpu_slots(runtime: Mapping[str, Any], inventory: Inventory, num_cells: int) -> GpuSlots:
    num_devices = len(inventory.devices())
    per_device = None if runtime["cells_per_device"] == "auto" else runtime["cells_per_device"]
    most = None if runtime["cells_at_once"] == "auto" else runtime["cells_at_once"]
    return GpuSlots(
        inventory,
        machine_leases(),
        cells_per_device=per_device,
        most=most,
        threads=_threads(runtime["threads_per_cell"], num_devices, per_device, min(most or num_cells, num_cells)),
        min_free_bytes=int(runtime["min_free_memory"] * GIB),
    )


def _threads(asked: int | str, num_devices: int, per_device: int | None, most: int) -> Threads:
    """Where shares are measured, nobody knows yet how many cells there will be: each has its share of the cores."""
    cores = available_cores()
    if isinstance(asked, int) or per_device is None:
        return Threads(asked if isinstance(asked, int) else None, cores / num_devices)
    return Threads(max(1, cores // max(1, min(num_devices * per_device, most))), cores / num_devices)
