"""Doors into `sweeplab.launch.child` that the launcher can name without importing torch itself."""

from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

from sweeplab.cell import Cell
from sweeplab.launch.slots import Slot
from sweeplab.rehearsal import Part

# Environment variables that tell the fork server which modules to import and which targets to read.
MODULES_AHEAD = "SWEEPLAB_MODULES_AHEAD"
TARGETS_AHEAD = "SWEEPLAB_TARGETS_AHEAD"


def wake() -> None:
    """Do nothing: that a process could be forked is the answer."""


def train(cell: Cell, output_dir: str, slot: Slot, events: Connection, around: Mapping[str, Any]) -> None:
    """Train a cell, in its own process."""
    from sweeplab.launch import child

    child.train(cell, output_dir, slot, events, around)


def rehearse(parts: Sequence[Part], trusted: list[str], events: Connection) -> None:
    """Build what cells will build, in a process of its own."""
    from sweeplab.launch import child

    child.rehearse(parts, trusted, events)


def prepare(dataset: Mapping[str, Any], trusted: list[str], events: Connection) -> None:
    """Make a data set ready, in a process of its own."""
    from sweeplab.launch import child

    child.prepare(dataset, trusted, events)
