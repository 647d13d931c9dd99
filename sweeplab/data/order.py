"""Which examples come when, and how each is changed: pure functions of seed and epoch, always drawn on the CPU."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sweeplab.data.augment import Augmentation


@dataclass(frozen=True, kw_only=True, eq=False)
class Order:
    """The way through the training examples.

    Args:
        ids: the examples to go through, indices into `num_examples`.
        num_examples: parameters are drawn for all of these, so that an example's do not depend on the others.
        size: how many examples an epoch has at most.
        seed: of order and augmentation.
        shuffled: whether epochs differ in order.
        augment: what is drawn for each.
        twins: what is drawn for the copy that each has beside it; none for no copy.
    """

    ids: Tensor
    num_examples: int
    size: int
    seed: int
    shuffled: bool
    augment: Sequence[Augmentation]
    twins: Sequence[Augmentation]

    @property
    def copies(self) -> int:
        """How often an example stands in its batch."""
        return 2 if self.twins else 1

    def epoch(self, epoch: int) -> Tensor:
        """Indices in the order of this epoch, `(min(size, len(ids)),)`."""
        if not self.shuffled:
            return self.ids[: self.size]
        generator = torch.Generator().manual_seed(stable_seed(self.seed, "order", epoch))
        return self.ids[torch.randperm(len(self.ids), generator=generator)[: self.size]]

    def draws(self, epoch: int) -> list[Tensor]:
        """Parameters of this epoch for all `num_examples`: one tensor per augmentation, those of the twins last."""
        augment = [*self.augment, *self.twins]
        return draw_all(augment, num_examples=self.num_examples, seed=self.seed, purpose="augment", epoch=epoch)


def draw_all(
    augment: Sequence[Augmentation], *, num_examples: int, seed: int, purpose: str, epoch: int
) -> list[Tensor]:
    """Parameters of every augmentation for `num_examples`."""
    generator = torch.Generator().manual_seed(stable_seed(seed, purpose, epoch))
    return [augmentation.draw(num_examples, generator) for augmentation in augment]


def stable_seed(seed: int, purpose: str, epoch: int) -> int:
    """A generator's seed in [0, 2**63), the same on every machine and for ever."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{epoch}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def order_hash(order: Order, *, val_ids: Tensor, batch_size: int, evaluation_draws: Sequence[Tensor]) -> str:
    """sha256 of the validation split, the first epoch's batches and all draws: equal for paired cells only."""
    batches = torch.split(order.epoch(0).repeat_interleave(order.copies), batch_size)
    digest = hashlib.sha256()
    for tensor in (val_ids, *batches, *order.draws(0), *evaluation_draws):
        digest.update(f"{tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()
