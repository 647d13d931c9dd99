"""A process among those that train its cell, and how they meet."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeplab.cell import Cell

if TYPE_CHECKING:
    import torch

HOST = "127.0.0.1"
BEGUN = "begun"  # key of the store that holds the log's path, as soon as rank 0 has begun the attempt
FOR_EVER = timedelta(days=365)  # who waits for a process that has gone is ended from outside

# Of an outer job, such as torchrun's or Slurm's: they are about its processes, not about ours.
_OF_OUTER_JOB = ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK")


def forget_outer_job() -> None:
    """Take out of the environment what would make this process one of an outer job's."""
    for name in _OF_OUTER_JOB:
        os.environ.pop(name, None)


@dataclass(frozen=True)
class Failure:
    """How one of the others ended: `outcome` are keys of a result; an echo follows from another's end."""

    outcome: Mapping[str, Any]
    time_s: float
    is_echo: bool = False


@dataclass(frozen=True)
class Ranks:
    """This process among those of its cell; alone unless told otherwise."""

    rank: int = 0
    world: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes the record."""
        return self.rank == 0

    def begin(self, log: Path | None) -> None:
        """An attempt has begun, and its output goes to `log`."""

    def join(self, device: torch.device) -> None:
        """Meet the others."""

    @contextmanager
    def watched(self, conclude: Callable[[Mapping[str, Any]], None]) -> Iterator[None]:  # noqa: ARG002 (a leader's)
        """While the others train, too: `conclude` is called, from a thread, if this one waits for one that has gone."""
        yield

    def cause_of(self, error: BaseException) -> Mapping[str, Any] | None:  # noqa: ARG002 (a leader's)
        """What an error here follows from: the outcome of another that has ended, or None."""
        return None

    def end(self) -> None:
        """End the others."""


def init_process_group(store: Any, ranks: Ranks, device: torch.device) -> None:
    """Make the group by which all ranks exchange gradients and sums."""
    import torch

    on_gpu = device.type == "cuda"
    torch.distributed.init_process_group(
        "nccl" if on_gpu else "gloo",
        store=torch.distributed.PrefixStore("group", store),  # type: ignore[attr-defined]
        rank=ranks.rank,
        world_size=ranks.world,
        device_id=device if on_gpu else None,
    )


def has_lost_contact(error: BaseException) -> bool:
    """Whether an error says no more than that another process could not be reached."""
    from torch.distributed import DistError

    return isinstance(error, DistError) or (
        isinstance(error, RuntimeError) and any(word in str(error) for word in ("gloo", "NCCL"))
    )


def cell_of(told: Mapping[str, Any]) -> Cell:
    """A cell that has travelled as JSON."""
    return Cell(**{**told, "overrides": tuple(told["overrides"])})
