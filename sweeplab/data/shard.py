"""What one of several processes takes of each batch. Importing it needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Shard:
    """The part of process `rank` of `world`: contiguous, as `torch.tensor_split` cuts; parts may differ in size by one.

    A batch of fewer examples than processes leaves some of them an empty part.
    """

    rank: int = 0
    world: int = 1

    def part(self, size: int) -> tuple[int, int]:
        """First and last + 1 of a batch of `size`."""
        each, more = divmod(size, self.world)
        start = self.rank * each + min(self.rank, more)
        return start, start + each + (self.rank < more)

    def share(self, ids: Tensor, batch_size: int) -> tuple[Tensor, list[int]]:
        """Its part of every batch of `ids`, one after the other, and how many examples of each batch it has."""
        import torch

        parts = [batch[slice(*self.part(len(batch)))] for batch in torch.split(ids, batch_size)]
        return torch.cat(parts), [len(part) for part in parts]


WHOLE = Shard()
