"""Sweeps, settings and their runs by names that W&B takes."""

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sweeplab.tracking import CellIdentity

_LONGEST_SWEEP_NAME = 48  # W&B refuses run ids of more than 128 characters
_LONGEST_GROUP = 128


def group(cell: "CellIdentity") -> str:
    """One group per setting, its runs the seeds: W&B shows mean and spread of a group by itself."""
    name = f"{cell.sweep}: {cell.setting}"
    if len(name) <= _LONGEST_GROUP:
        return name
    end = f"-{mark(name)}"
    return f"{name[: _LONGEST_GROUP - len(end)]}{end}"


def mark(name: str) -> str:
    """Eight characters that tell names apart where they are cut short."""
    return hashlib.sha256(name.encode()).hexdigest()[:8]


def short(sweep: str) -> str:
    """A sweep's name with only what a run id may contain."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", sweep)[:_LONGEST_SWEEP_NAME]
