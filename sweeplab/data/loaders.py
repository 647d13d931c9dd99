"""Batches ready for the model: a prepared source → three splits of normalised tensors on the device.

Order, augmentation and values are the same on every device, held in memory or streamed, for any number of workers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sweeplab.data.arrays import Arrays
from sweeplab.data.augment import Augmentation
from sweeplab.data.order import Order, order_hash
from sweeplab.data.reader import Reader, Resident, Streamed
from sweeplab.data.source import Source
from sweeplab.data.split import all_but, held_out

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Batching:
    """How examples are grouped; names as in the root configuration, `steps_per_call` minibatches come as one list."""

    batch_size: int
    eval_batch_size: int
    seed: int
    steps_per_call: int
    limit_batches: int | None
    overfit_batches: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Normalisation:
    """Stored rows `(B, D)` → float32 `(B, *shape)`, as `x * scale + shift` per channel."""

    shape: tuple[int, ...]
    scale: Tensor
    shift: Tensor

    @classmethod
    def of(cls, source: Source, *, is_image: bool, device: torch.device) -> "Normalisation":
        """What the source's constants say; images (uint8) are brought to [0, 1] first."""
        channels = source.shape[0]
        mean = torch.tensor(source.mean or [0.0] * channels, dtype=torch.float64)
        std = torch.tensor(source.std or [1.0] * channels, dtype=torch.float64)
        per_channel = (channels, *[1] * (len(source.shape) - 1))
        scale = 1 / (std * source.full_scale) if is_image else 1 / std
        return cls(
            shape=tuple(source.shape),
            scale=scale.float().view(per_channel).to(device),
            shift=(-mean / std).float().view(per_channel).to(device),
        )

    def shaped(self, raw: Tensor) -> Tensor:
        """Rows as examples, values untouched."""
        return raw.view(-1, *self.shape)

    def __call__(self, x: Tensor) -> Tensor:
        """Examples with scaled values; `x` is written over where it is float32 already."""
        return x.float().mul_(self.scale).add_(self.shift)


@dataclass(kw_only=True, eq=False)
class Training:
    """Training batches: each pass over it is the next epoch, and gives lists of up to `steps_per_call` batches.

    `x` is float32 `(B, *shape)`, augmented and normalised, `y` int64 `(B,)`, both on the device.
    """

    reader: Reader
    normalise: Normalisation
    order: Order
    batch_size: int
    steps_per_call: int
    next_epoch: int = 0

    @property
    def num_steps(self) -> int:
        """Batches in an epoch; the last may be smaller."""
        return -(-min(self.order.size, len(self.order.ids)) // self.batch_size)

    def set_epoch(self, epoch: int) -> None:
        """Make `epoch` (from 0) the next one."""
        self.next_epoch = epoch

    def __len__(self) -> int:
        return -(-self.num_steps // self.steps_per_call)

    def __iter__(self) -> Iterator[list[Batch]]:
        # an epoch counts when its first batch is asked for: Lightning asks for iterators that it never uses
        epoch = self.next_epoch
        self.next_epoch += 1
        draws = [draw.to(self.normalise.scale.device) for draw in self.order.draws(epoch)]
        # all minibatches of a call are gathered and changed at once: fewer, larger operations
        for ids, raw, y in self.reader.read(self.order.epoch(epoch), self.batch_size * self.steps_per_call):
            x = self.normalise.shaped(raw)
            for augmentation, draw in zip(self.order.augment, draws, strict=True):
                x = augmentation.apply(x, draw.index_select(0, ids))
            batches = torch.split(self.normalise(x), self.batch_size), torch.split(y, self.batch_size)
            yield list(zip(*batches, strict=True))


@dataclass(kw_only=True, eq=False)
class Evaluation:
    """Batches of a fixed list of examples, never augmented, always in the same order."""

    reader: Reader
    normalise: Normalisation
    ids: Tensor
    batch_size: int

    def __len__(self) -> int:
        return -(-len(self.ids) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        for _, raw, y in self.reader.read(self.ids, self.batch_size):
            yield self.normalise(self.normalise.shaped(raw)), y


@dataclass(frozen=True)
class Loaders:
    """The three splits, the number of optimizer steps in an epoch, and the fingerprint by which cells are paired."""

    train: Training
    val: Evaluation
    test: Evaluation
    steps_per_epoch: int
    order_hash: str


def make_loaders(source: Source, *, batching: Batching, device: torch.device | str, workers: int) -> Loaders:
    """Loaders over a prepared source.

    Raises:
        ConfigFault: `val_size` leaves nothing to train on.
    """
    arrays, device = source.open(), torch.device(device)
    val_ids = held_out(arrays.train_y, size=source.val_size, key="dataset.val_size")
    train_ids = all_but(len(arrays.train_y), val_ids)
    order = _order(batching, torch.from_numpy(train_ids), len(arrays.train_y), _as_list(source.augment))
    limit, size = batching.limit_batches, batching.eval_batch_size
    val = order.ids if batching.overfit_batches else torch.from_numpy(val_ids)[: limit and limit * size]
    test = torch.arange(len(arrays.test_y))[: limit and limit * size]
    normalise = Normalisation.of(source, is_image=arrays.train_x.dtype.name == "uint8", device=device)
    train_reader, val_reader, test_reader = _readers(source, arrays, device=device, workers=workers)
    train = Training(
        reader=train_reader,
        normalise=normalise,
        order=order,
        batch_size=batching.batch_size,
        steps_per_call=batching.steps_per_call,
    )
    return Loaders(
        train=train,
        val=Evaluation(reader=val_reader, normalise=normalise, ids=val, batch_size=size),
        test=Evaluation(reader=test_reader, normalise=normalise, ids=test, batch_size=size),
        steps_per_epoch=train.num_steps,
        order_hash=order_hash(order, val_ids=torch.from_numpy(val_ids), batch_size=batching.batch_size),
    )


def _order(batching: Batching, ids: Tensor, num_examples: int, augment: list[Augmentation]) -> Order:
    limit = batching.overfit_batches or batching.limit_batches
    size = limit * batching.batch_size if limit else len(ids)
    order = Order(ids=ids, num_examples=num_examples, size=size, seed=batching.seed, shuffled=True, augment=augment)
    if not batching.overfit_batches:
        return order
    fixed = order.epoch(0)
    return Order(ids=fixed, num_examples=num_examples, size=len(fixed), seed=batching.seed, shuffled=False, augment=[])


def _readers(source: Source, arrays: Arrays, *, device: torch.device, workers: int) -> tuple[Reader, Reader, Reader]:
    """For training, validation and test; the first two read the same array."""
    if source.in_memory:
        train = Resident(x=arrays.train_x, y=arrays.train_y, device=device)
        return train, train, Resident(x=arrays.test_x, y=arrays.test_y, device=device)
    train_x, test_x = source.array_folder / "train_x.npy", source.array_folder / "test_x.npy"
    return (
        Streamed(x_path=train_x, y=arrays.train_y, device=device, workers=workers, keeps_workers=True),
        Streamed(x_path=train_x, y=arrays.train_y, device=device, workers=workers, keeps_workers=False),
        Streamed(x_path=test_x, y=arrays.test_y, device=device, workers=workers, keeps_workers=False),
    )


def _as_list(augment: Augmentation | Sequence[Augmentation] | None) -> list[Augmentation]:
    if augment is None:
        return []
    return list(augment) if isinstance(augment, Sequence) else [augment]
