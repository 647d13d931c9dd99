"""Where cells train: on this machine, or wherever else a launcher and its slots are made."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from sweeplab.launch.local import Launcher
from sweeplab.launch.machine import make_slots
from sweeplab.launch.running import Limits, View
from sweeplab.launch.schedule import Schedule
from sweeplab.launch.slots import Slots
from sweeplab.rehearsal import Part


class CellLauncher(Protocol):
    """Trains the cells of a schedule."""

    @property
    def was_interrupted(self) -> bool:
        """Whether somebody asked to stop."""

    def warm_up(self) -> None:
        """Return when cells can start at once."""

    def rehearse(self, parts: Sequence[Part], trusted: Sequence[str]) -> list[str]:
        """What constructors of optimizers and schedules refuse, in words."""

    def prepare(self, dataset: Mapping[str, Any], trusted: Sequence[str]) -> None:
        """Make a data set ready.

        Raises:
            DataFault: in the words of the data set.
        """

    def run(self, schedule: Schedule, limits: Limits, view: View) -> None:
        """Train cells as the schedule places them; every cell leaves a record."""


class Site(Protocol):
    """A launcher and its slots."""

    def launcher(
        self, runtime: Mapping[str, Any], *, modules: Iterable[str], targets: Iterable[str], around: Mapping[str, Any]
    ) -> CellLauncher:
        """What starts the cells; `modules`, `targets` and `around` as for `sweeplab.launch.local.Launcher`."""

    def slots(self, runtime: Mapping[str, Any], num_cells: int) -> Slots:
        """Where they train."""


class _Here:
    def launcher(
        self, runtime: Mapping[str, Any], *, modules: Iterable[str], targets: Iterable[str], around: Mapping[str, Any]
    ) -> CellLauncher:
        return Launcher(runtime["output_dir"], modules=modules, targets=targets, around=around)

    def slots(self, runtime: Mapping[str, Any], num_cells: int) -> Slots:
        return make_slots(runtime, num_cells)


# This machine.
HERE: Site = _Here()
