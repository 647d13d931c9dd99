"""CIFAR-10 and CIFAR-100: pickled batches of 32x32 colour images."""

import io
import math
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sweeplab.data.arrays import Arrays
from sweeplab.data.download import Downloaded


class CIFAR10(Downloaded):
    """Small photographs of ten kinds of things.

    Source:
        Krizhevsky 2009, "Learning multiple layers of features from tiny images".
    """

    folder = "cifar-10-batches-py"
    expected: ClassVar[tuple[str, ...]] = (
        "data_batch_1",
        "data_batch_2",
        "data_batch_3",
        "data_batch_4",
        "data_batch_5",
        "test_batch",
    )
    label_key: ClassVar[bytes] = b"labels"

    @property
    def archive_folder(self) -> Path:
        """The archive lies beside the folder that it becomes."""
        return self.raw_folder.parent

    def parse(self) -> Arrays:
        """All examples, from the batches; the last one is the test set."""
        *train, (test_x, test_y) = (self._read_batch(path) for path in self.files())
        train_x, train_y = (np.concatenate(parts) for parts in zip(*train, strict=True))
        return Arrays(train_x=train_x, train_y=train_y, test_x=test_x, test_y=test_y)

    def _read_batch(self, path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        try:
            batch = _ArraysOnly(io.BytesIO(path.read_bytes()), encoding="bytes").load()
            return _images_and_labels(batch, label_key=self.label_key, shape=self.shape)
        except Exception as error:  # bytes that are no pickle can raise anything
            raise self.corrupt(path, f"{type(error).__name__}: {error}") from error


class CIFAR100(CIFAR10):
    """Small photographs of a hundred kinds of things.

    Source:
        Krizhevsky 2009, "Learning multiple layers of features from tiny images".
    """

    folder = "cifar-100-python"
    expected = ("train", "test")
    label_key = b"fine_labels"


def _images_and_labels(
    batch: dict[Any, Any], *, label_key: bytes, shape: Sequence[int]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    x, y = _field(batch, b"data"), np.asarray(_field(batch, label_key), dtype=np.int64)
    if x.dtype != np.uint8 or x.shape != (len(y), math.prod(shape)):
        raise ValueError(f"images are {list(x.shape)} of {x.dtype}, for {len(y)} labels and shape={list(shape)}")
    return x.reshape(-1, *shape), y


def _field(batch: dict[Any, Any], key: bytes) -> Any:
    """An entry under its name as bytes (the published files) or text (the same, pickled again by Python 3)."""
    return batch[key] if key in batch else batch[key.decode()]


class _ArraysOnly(pickle.Unpickler):
    """Reads numpy arrays and plain values; a file that asks for any other code is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if name == "_reconstruct" and module in {"numpy.core.multiarray", "numpy._core.multiarray"}:
            return _reconstruct
        allowed = {("numpy", "ndarray"): np.ndarray, ("numpy", "dtype"): np.dtype, ("_codecs", "encode"): _encode}
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which a batch of images does not need")
        return allowed[module, name]


def _reconstruct(_: type, shape: tuple[int, ...], kind: bytes) -> NDArray[Any]:
    """What numpy's private function of this name does: an empty array, which the next instruction fills."""
    return np.ndarray(shape, np.dtype(kind.decode()))


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """How Python 3 writes bytes in an old pickle."""
    return text.encode(encoding)
