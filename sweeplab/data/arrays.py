"""The arrays a data set consists of, and what must be true of them before anything is trained on them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeplab.data.sparse import Rows, SparseRows
from sweeplab.errors import DataFault


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrays:
    """Training and test examples: `x` (N, *shape) uint8 or floating, or sparse rows; `y` (N,) integers from 0."""

    train_x: Rows
    train_y: NDArray[Any]
    test_x: Rows
    test_y: NDArray[Any]

    def items(self) -> list[tuple[str, Rows]]:
        """The four by name."""
        return [(field.name, getattr(self, field.name)) for field in fields(self)]


def checked(arrays: Arrays, *, name: str, shape: Sequence[int], num_classes: int) -> Arrays:
    """The same examples as uint8 or float32 with int64 labels.

    Raises:
        DataFault: a shape, type, count, label or value that cannot be; `name` is the data set's.
    """
    for split, x, y in (("train", arrays.train_x, arrays.train_y), ("test", arrays.test_x, arrays.test_y)):
        fault = _find_fault(x, y, tuple(shape), num_classes)
        if fault:
            raise DataFault(
                f"{name}: {split} {fault} (the dataset's YAML and its files disagree, or a file is corrupt)"
            )
    return Arrays(
        train_x=_stored(arrays.train_x),
        train_y=arrays.train_y.astype(np.int64),
        test_x=_stored(arrays.test_x),
        test_y=arrays.test_y.astype(np.int64),
    )


def _stored(x: Rows) -> Rows:
    if isinstance(x, SparseRows):
        return SparseRows(
            indptr=x.indptr.astype(np.int64, copy=False),
            indices=x.indices.astype(np.int32, copy=False),
            values=_small(x.values),
            width=x.width,
        )
    return _small(x)


def _small(x: NDArray[Any]) -> NDArray[Any]:
    return x if x.dtype == np.uint8 else x.astype(np.float32, copy=False)


def _find_fault(x: Rows, y: NDArray[Any], shape: tuple[int, ...], num_classes: int) -> str | None:
    if x.shape[1:] != shape:
        return f"examples have shape {list(x.shape[1:])}, expected shape={list(shape)}"
    if y.shape != x.shape[:1] or not len(y):
        return f"labels have shape {list(y.shape)}, expected one for each of {len(x)} examples, and at least one"
    if not np.issubdtype(y.dtype, np.integer):
        return f"labels have type {y.dtype}, expected integers"
    if y.min() < 0 or y.max() >= num_classes:
        return f"labels lie in [{y.min()}, {y.max()}], expected [0, {num_classes - 1}] from num_classes={num_classes}"
    if isinstance(x, SparseRows):
        return x.find_fault() or _find_fault_of_values(x.values)
    return _find_fault_of_values(x)


def _find_fault_of_values(x: NDArray[Any]) -> str | None:
    if x.dtype == np.uint8:
        return None
    if not np.issubdtype(x.dtype, np.floating):
        return f"examples have type {x.dtype}, expected uint8 or float32"
    return None if np.isfinite(x).all() else "examples hold nan or infinite values, expected finite ones"
