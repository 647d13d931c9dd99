"""Batches of one split, ready for the model: read, changed at random where that is asked for, normalised."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sweeplab.data.augment import Augmentation, changed
from sweeplab.data.normalisation import Normalisation
from sweeplab.data.order import Order
from sweeplab.data.reader import Reader
from sweeplab.data.shard import Shard

Batch = tuple[Tensor, Tensor]

# Of float32 examples made in one go: more falls out of a CPU's caches, and takes memory that a model could use.
MOST_BYTES = 16 * 2**20


@dataclass(kw_only=True, eq=False)
class Training:
    """Training batches: each pass over it is the next epoch, and gives lists of up to `steps_per_call` batches.

    Batches of large examples come in shorter lists.

    `x` is float32 `(B, *shape)`, augmented and normalised, `y` int64 `(B,)`, both on the device. With twins, half of
    the `batch_size` are fresh examples. Of every batch come the examples of `shard`: B is then less, and may be 0.
    """

    reader: Reader
    normalise: Normalisation
    order: Order
    batch_size: int
    steps_per_call: int
    shard: Shard
    next_epoch: int = 0

    @property
    def num_steps(self) -> int:
        """Batches in an epoch; the last may be smaller."""
        return -(-self._num_examples // self._num_fresh)

    @property
    def batch_sizes(self) -> list[int]:
        """Examples of each batch of an epoch, those of all shards together."""
        rest = self._num_examples - (self.num_steps - 1) * self._num_fresh
        return [self.batch_size] * (self.num_steps - 1) + [rest * self.order.copies]

    def set_epoch(self, epoch: int) -> None:
        """Make `epoch` (from 0) the next one."""
        self.next_epoch = epoch

    def __len__(self) -> int:
        return -(-self.num_steps // self._steps_at_once)

    def __iter__(self) -> Iterator[list[Batch]]:
        # an epoch counts when its first batch is asked for: Lightning asks for iterators that it never uses
        epoch = self.next_epoch
        self.next_epoch += 1
        draws = [draw.to(self.normalise.scale.device) for draw in self.order.draws(epoch)]
        ids, shares = self.shard.share(self.order.epoch(epoch), self._num_fresh)
        # all minibatches of a call are gathered and changed at once: fewer, larger operations
        calls = [shares[i : i + self._steps_at_once] for i in range(0, len(shares), self._steps_at_once)]
        pieces = self.reader.read(ids, [sum(call) for call in calls])
        for call, (ids, raw, y) in zip(calls, pieces, strict=True):
            x = self.normalise(self._augmented(self.normalise.shaped(raw), ids, draws))
            y = y.repeat_interleave(self.order.copies)
            sizes = [share * self.order.copies for share in call]
            yield list(zip(torch.split(x, sizes), torch.split(y, sizes), strict=True))

    @property
    def _num_examples(self) -> int:
        """Fresh examples of an epoch."""
        return min(self.order.size, len(self.order.ids))

    @property
    def _steps_at_once(self) -> int:
        bytes_per_batch = 4 * self.batch_size * math.prod(self.normalise.shape)
        return min(self.steps_per_call, max(1, MOST_BYTES // bytes_per_batch))

    @property
    def _num_fresh(self) -> int:
        return self.batch_size // self.order.copies

    def _augmented(self, x: Tensor, ids: Tensor, draws: Sequence[Tensor]) -> Tensor:
        """The examples, each followed by its twin where there are any."""
        num = len(self.order.augment)
        x = changed(x, ids, self.order.augment, draws[:num])
        if not self.order.twins:
            return x
        twins = changed(x, ids, self.order.twins, draws[num:])
        return torch.stack([x.float(), twins.float()], dim=1).flatten(0, 1)


@dataclass(kw_only=True, eq=False)
class Evaluation:
    """Batches of a fixed list of examples, always in the same order.

    Args:
        ids: which examples.
        shard: whose examples of each batch come; there may be none.
        augment: what every pass changes them by, alike.
        draws: what was drawn for that, a row for each example of the data set.
    """

    reader: Reader
    normalise: Normalisation
    ids: Tensor
    batch_size: int
    shard: Shard
    augment: Sequence[Augmentation]
    draws: Sequence[Tensor]

    def __len__(self) -> int:
        return -(-len(self.ids) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        draws = [draw.to(self.normalise.scale.device) for draw in self.draws]
        for ids, raw, y in self.reader.read(*self.shard.share(self.ids, self.batch_size)):
            yield self.normalise(changed(self.normalise.shaped(raw), ids, self.augment, draws)), y
