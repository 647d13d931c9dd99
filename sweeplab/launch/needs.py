"""What cells need of a machine: devices, or a share of one."""

from collections.abc import Mapping
from typing import Any

from sweeplab.cell import Cell
from sweeplab.launch.schedule import Needs, Result
from sweeplab.launch.slots import Need, Slot


class FixedNeeds:
    """The same for every cell.

    Args:
        cells_per_device: cells that share a device; a cell on several devices has each for itself.
    """

    def __init__(self, cells_per_device: int) -> None:
        self._share = 1 / cells_per_device

    def need(self, cell: Cell) -> Need:
        """Devices, or a share of one."""
        devices = cell.config["runtime"]["devices"]
        return Need(devices, self._share if devices == 1 else 1.0)

    def learn(self, cell: Cell, slot: Slot, result: Result) -> None:
        """Nothing: what is fixed cannot be learnt."""


def make_needs(runtime: Mapping[str, Any]) -> Needs:
    """As the `runtime` node of the configuration asks for it."""
    return FixedNeeds(runtime["cells_per_device"])
