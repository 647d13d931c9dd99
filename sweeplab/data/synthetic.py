"""Made-up data of any size and shape, whose difficulty is known: for tests and trials."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweeplab.data.arrays import Arrays
from sweeplab.data.source import Source


@dataclass(kw_only=True, eq=False)
class Synthetic(Source):
    """Gaussian classes of unit variance, equally many of each, their centres in random directions.

    Args:
        num_train: training examples, >= 1; validation is taken from these.
        num_test: test examples, >= 1.
        separation: distance of every centre from the origin, in standard deviations, >= 0.
        data_seed: of centres and examples; the data's own, apart from the cell's seed.
    """

    num_train: int
    num_test: int
    separation: float
    data_seed: int

    def read(self) -> Arrays:
        """Centres, then training examples, then test examples."""
        random = np.random.default_rng(self.data_seed)
        centres = random.standard_normal((self.num_classes, *self.shape))
        norms = np.linalg.norm(centres.reshape(self.num_classes, -1), axis=1)
        centres *= self.separation / norms.reshape(-1, *[1] * len(self.shape))
        train_x, train_y = _examples(centres, self.num_train, random)
        test_x, test_y = _examples(centres, self.num_test, random)
        return Arrays(train_x=train_x, train_y=train_y, test_x=test_x, test_y=test_y)


def _examples(
    centres: NDArray[np.float64], num: int, random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    y = np.arange(num) % len(centres)
    return (centres[y] + random.standard_normal((num, *centres.shape[1:]))).astype(np.float32), y
