"""SVHN: two MATLAB files of 32x32 colour images."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sweeplab.data.arrays import Arrays
from sweeplab.data.download import Downloaded


class SVHN(Downloaded):
    """House numbers seen from the street, cropped to one digit.

    Source:
        Netzer et al. 2011, "Reading digits in natural images with unsupervised feature learning".
    """

    folder = "."
    expected = ("train_32x32.mat", "test_32x32.mat")
    parts: ClassVar[tuple[dict[str, str], ...]] = ({"split": "train"}, {"split": "test"})

    def parse(self) -> Arrays:
        """All examples, from the two files."""
        (train_x, train_y), (test_x, test_y) = (self._read_mat(path) for path in self.files())
        return Arrays(train_x=train_x, train_y=train_y, test_x=test_x, test_y=test_y)

    def _read_mat(self, path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
        from scipy.io import loadmat

        try:
            return _images_and_labels(loadmat(path, variable_names=["X", "y"]))
        except Exception as error:  # bytes that are no MATLAB file can raise anything
            raise self.corrupt(path, f"{type(error).__name__}: {error}") from error


def _images_and_labels(content: Mapping[str, Any]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """`X` has the images along its last axis, in `y` the digit 0 is called 10."""
    x, y = content["X"], content["y"].ravel().astype(np.int64)
    if x.dtype != np.uint8:
        raise ValueError(f"images are of type {x.dtype}, expected uint8")
    return np.ascontiguousarray(x.transpose(3, 2, 0, 1)), np.where(y == 10, 0, y)
