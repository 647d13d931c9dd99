"""A data set whose images say which they are, and what tests of loaders do with them."""

import numpy as np
import torch

from sweeplab.data import Arrays, Source
from sweeplab.data.augment import RandomCrop, RandomFlip

BATCHING = {"batch_size": 4, "eval_batch_size": 7, "seed": 0, "device": "cpu", "workers": 0, "steps_per_call": 3}
BATCHING |= {"limit_batches": None, "overfit_batches": 0, "drop_last": False, "select_data": "held_out"}
AUGMENT = [RandomCrop(padding=2), RandomFlip(probability=0.5)]
NUM_TRAIN, NUM_TEST, VAL_SIZE = 50, 23, 10


class Numbered(Source):
    """Images whose first pixel is their number: train from 0, test from 100."""

    def read(self):
        rng = np.random.default_rng(0)
        x = rng.integers(0, 256, (NUM_TRAIN + NUM_TEST, 2, 6, 5), dtype=np.uint8)
        x[:, 0, 0, 0] = [*range(NUM_TRAIN), *range(100, 100 + NUM_TEST)]
        y = np.arange(len(x)) % 5
        return Arrays(train_x=x[:NUM_TRAIN], train_y=y[:NUM_TRAIN], test_x=x[NUM_TRAIN:], test_y=y[NUM_TRAIN:])


def load(source, **changes):
    return source.loaders(**BATCHING | changes)


def flat(train):
    """The minibatches of one epoch."""
    return [batch for call in train for batch in call]


def numbers(batches):
    """Which images these are, from their first pixel undone by hand."""
    return [round(float(v)) for x, _ in batches for v in (x[:, 0, 0, 0] * 0.5 + 0.25) * 255]


def assert_same(ours, theirs):
    ours, theirs = list(ours), list(theirs)
    assert len(ours) == len(theirs)
    for (x, y), (other_x, other_y) in zip(ours, theirs, strict=True):
        assert torch.equal(x, other_x)
        assert torch.equal(y, other_y)
