"""No tracker: what is measured stays in the cell's own files."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sweeplab.tracking import CellIdentity


class NoTracker:
    """Takes everything and does nothing."""

    def __init__(self, cell: "CellIdentity") -> None:
        """The cell is not needed."""

    def log(self, metrics: Mapping[str, float], *, epoch: int, step: int) -> None:
        """Do nothing."""

    def finish(self, *, state: str, summary: Mapping[str, Any]) -> None:
        """Do nothing."""
