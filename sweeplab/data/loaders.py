"""Batches ready for the model: a prepared source → three splits of normalised tensors on the device.

Order, augmentation and values are the same on every device, held in memory or streamed, for any number of workers;
only what is interpolated agrees to rounding between devices.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sweeplab.data.arrays import Arrays
from sweeplab.data.augment import Changes
from sweeplab.data.batches import Evaluation, Training
from sweeplab.data.normalisation import Normalisation
from sweeplab.data.order import Order, draw_all, order_hash
from sweeplab.data.reader import Reader, Streamed, resident
from sweeplab.data.shard import WHOLE, Shard
from sweeplab.data.source import Source
from sweeplab.data.split import all_but, held_out
from sweeplab.errors import ConfigFault


@dataclass(frozen=True, kw_only=True)
class Batching:
    """How examples are grouped; names as in the root configuration, `steps_per_call` minibatches come as one list.

    `select_data` is its `select.data`: validation is held out of the training examples, or is the test split.
    """

    batch_size: int
    eval_batch_size: int
    drop_last: bool
    select_data: str
    seed: int
    steps_per_call: int
    limit_batches: int | None
    overfit_batches: int


@dataclass(frozen=True)
class Loaders:
    """The three splits, the size of each batch of an epoch, and the fingerprint by which cells are paired.

    `batch_sizes` are those of the whole batches, one for each optimizer step, whatever a shard has of them.
    `examples` are those of `train`, sorted and unchanged: for what is fitted to them before training.
    """

    train: Training
    val: Evaluation
    test: Evaluation
    examples: Evaluation
    batch_sizes: Sequence[int]
    order_hash: str

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps in an epoch."""
        return len(self.batch_sizes)


def make_loaders(
    source: Source, *, batching: Batching, device: torch.device | str, workers: int, shard: Shard
) -> Loaders:
    """Loaders over a prepared source; of each batch come the examples of `shard`.

    Raises:
        ConfigFault: `val_size`, `drop_last` or `dataset.augment` cannot be as asked for with these examples, or an
            epoch's first batch is too small to be divided.
    """
    arrays, device = source.open(), torch.device(device)
    changes = Changes.of(None if batching.overfit_batches else source.augment)
    num_train, num_test = len(arrays.train_y), len(arrays.test_y)
    train_ids, val_ids = _split(source, arrays, batching.select_data)
    order = _order(batching, train_ids, num_train, changes)
    normalise = Normalisation.of(source, is_image=arrays.train_x.dtype.name == "uint8", device=device)
    train_reader, val_reader, test_reader = _readers(source, arrays, device=device, workers=workers)

    def drawn(num: int, purpose: str) -> list[Tensor]:
        return draw_all(changes.evaluation, num_examples=num, seed=batching.seed, purpose=purpose, epoch=0)

    def evaluation(reader: Reader, ids: Tensor, draws: list[Tensor], shard: Shard = shard) -> Evaluation:
        return Evaluation(
            reader=reader,
            normalise=normalise,
            ids=ids,
            batch_size=batching.eval_batch_size,
            shard=shard,
            augment=changes.evaluation if draws else [],
            draws=draws,
        )

    most = batching.limit_batches and batching.limit_batches * batching.eval_batch_size
    test = evaluation(test_reader, torch.arange(num_test)[:most], drawn(num_test, "augment test"))
    if batching.overfit_batches:
        val = evaluation(val_reader, order.ids, [])
    elif batching.select_data == "test":
        val = test
    else:
        val = evaluation(val_reader, val_ids[:most], drawn(num_train, "augment validation"))
    train = Training(
        reader=train_reader,
        normalise=normalise,
        order=order,
        batch_size=batching.batch_size,
        steps_per_call=batching.steps_per_call,
        shard=shard,
    )
    if train.batch_sizes[0] < shard.world * order.copies:
        raise ConfigFault(
            f"runtime.devices must be at most the {train.batch_sizes[0] // order.copies} examples of the first batch, "
            f"got {shard.world}"
        )
    return Loaders(
        train=train,
        val=val,
        test=test,
        examples=evaluation(val_reader, order.ids.sort().values, [], WHOLE),
        batch_sizes=train.batch_sizes,
        order_hash=order_hash(
            order, val_ids=val_ids, batch_size=batching.batch_size, evaluation_draws=[*val.draws, *test.draws]
        ),
    )


def _split(source: Source, arrays: Arrays, select_data: str) -> tuple[Tensor, Tensor]:
    """Training examples, and validation examples by their place in the array that they come from."""
    num_train = len(arrays.train_y)
    if select_data == "test":
        return torch.arange(num_train), torch.arange(len(arrays.test_y))
    val_ids = held_out(arrays.train_y, size=source.val_size, key="dataset.val_size")
    return torch.from_numpy(all_but(num_train, val_ids)), torch.from_numpy(val_ids)


def _order(batching: Batching, ids: Tensor, num_examples: int, changes: Changes) -> Order:
    size = _size_of_epoch(batching, len(ids), has_twins=bool(changes.twins))
    order = Order(
        ids=ids,
        num_examples=num_examples,
        size=size,
        seed=batching.seed,
        shuffled=True,
        augment=changes.training,
        twins=changes.twins,
    )
    if not batching.overfit_batches:
        return order
    return replace(order, ids=order.epoch(0), shuffled=False)


def _size_of_epoch(batching: Batching, num_examples: int, *, has_twins: bool) -> int:
    """Fresh examples of an epoch."""
    if has_twins and batching.batch_size % 2:
        raise ConfigFault(
            f"batch_size must be even with Twins in dataset.augment, got {batching.batch_size} "
            f"(half of a batch are fresh images, the other half their copies)"
        )
    num_fresh = batching.batch_size // 2 if has_twins else batching.batch_size
    size = num_examples // num_fresh * num_fresh if batching.drop_last else num_examples
    if not size:
        raise ConfigFault(
            f"drop_last leaves no batch: {num_examples} training examples are fewer than the {num_fresh} of one "
            f"(set drop_last=false or a smaller batch_size)"
        )
    limit = batching.overfit_batches or batching.limit_batches
    return min(limit * num_fresh, size) if limit else size


def _readers(source: Source, arrays: Arrays, *, device: torch.device, workers: int) -> tuple[Reader, Reader, Reader]:
    """For training, validation and test; the first two read the same array."""
    if source.is_held(device):
        train = resident(x=arrays.train_x, y=arrays.train_y, device=device)
        return train, train, resident(x=arrays.test_x, y=arrays.test_y, device=device)

    def streamed(split: str, y: NDArray[np.int64], *, keeps_workers: bool) -> Reader:
        folder, x = source.array_folder, f"{split}_x"
        return Streamed(folder=folder, x=x, y=y, device=device, workers=workers, keeps_workers=keeps_workers)

    return (
        streamed("train", arrays.train_y, keeps_workers=True),
        streamed("train", arrays.train_y, keeps_workers=False),
        streamed("test", arrays.test_y, keeps_workers=False),
    )
