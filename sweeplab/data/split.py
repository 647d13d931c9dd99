"""Which examples are held out: a fixed function of the labels, of no seed and no library's random numbers."""

import numpy as np
from numpy.typing import NDArray

from sweeplab.errors import ConfigFault


def held_out(labels: NDArray[np.int64], *, size: int, key: str) -> NDArray[np.int64]:
    """Sorted indices of `size` examples, each class in its share, evenly spaced through the class in file order.

    Args:
        labels: class of each example, shape `(N,)`.
        size: how many to hold out, in [1, N - 1].
        key: the configuration key that said so, for the message.
    Raises:
        ConfigFault: `size` out of range.
    """
    if not 0 < size < len(labels):
        raise ConfigFault(
            f"{key} must be in [1, {len(labels) - 1}], got {size} (it is taken from {len(labels)} examples)"
        )
    classes, counts = np.unique(labels, return_counts=True)
    picks = [
        np.flatnonzero(labels == c)[_evenly_spaced(n, k)]
        for c, n, k in zip(classes, counts, _shares(counts, size), strict=True)
    ]
    return np.sort(np.concatenate(picks))


def all_but(num_examples: int, held: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sorted indices below `num_examples` that are not in `held`."""
    return np.setdiff1d(np.arange(num_examples), held, assume_unique=True)


def _shares(counts: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """`size` divided in proportion to `counts` by largest remainders: off by less than one from the exact share."""
    shares, remainders = np.divmod(counts * size, counts.sum())
    largest = np.argsort(-remainders, kind="stable")[: size - shares.sum()]
    shares[largest] += 1
    return shares


def _evenly_spaced(n: int, k: int) -> NDArray[np.int64]:
    return (2 * np.arange(k) + 1) * n // (2 * k) if k else np.arange(0)
