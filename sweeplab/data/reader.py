"""Raw examples by index: from tensors on the device, or from the cache by worker processes. Changes no value."""

import math
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from sweeplab.data.cache import open_array
from sweeplab.data.sparse import Rows, SparseRows
from sweeplab.parent import end_with_parent

Sizes = int | list[int]  # of pieces: all alike but for the last, or each one's, which may be 0


class Reader(Protocol):
    """A split's examples."""

    def read(self, ids: Tensor, size: Sizes) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """The examples `ids` in pieces of `size`: indices `(B,)`, raw `x` `(B, D)` and `y` `(B,)`, on the device."""


class Resident:
    """Holds all examples on the device, as they are stored: a uint8 image takes a quarter of its float32 form."""

    def __init__(self, *, x: NDArray[Any], y: NDArray[np.int64], device: torch.device) -> None:
        self._x = torch.from_numpy(x.reshape(len(x), -1)).to(device)
        self._y = torch.from_numpy(y).to(device)

    def read(self, ids: Tensor, size: Sizes) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """See `Reader`."""
        # moved as a whole: a copy to a GPU waits for all work before it, once an epoch instead of once a batch
        for piece in torch.split(ids.to(self._y.device), size):
            yield piece, self._x.index_select(0, piece), self._y.index_select(0, piece)


class SparseResident:
    """Holds sparse examples on the device, as they are stored, and makes a dense piece of those asked for."""

    def __init__(self, *, x: SparseRows, y: NDArray[np.int64], device: torch.device) -> None:
        indptr = torch.from_numpy(x.indptr)
        self._counts = indptr.diff()
        self._starts, self._lengths = indptr[:-1].to(device), self._counts.to(device)
        self._indices, self._values = torch.from_numpy(x.indices).to(device), torch.from_numpy(x.values).to(device)
        self._y = torch.from_numpy(y).to(device)
        self._width = x.width

    def read(self, ids: Tensor, size: Sizes) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """See `Reader`."""
        pieces, counts = torch.split(ids.to(self._y.device), size), torch.split(self._counts[ids], size)
        for piece, count in zip(pieces, counts, strict=True):
            # added up on the CPU: a GPU that is told how many values there will be need not be waited for
            yield piece, self._dense(piece, int(count.sum())), self._y.index_select(0, piece)

    def _dense(self, ids: Tensor, num_values: int) -> Tensor:
        """As `SparseRows.__getitem__`."""
        lengths = self._lengths[ids]
        starts = torch.arange(len(ids), device=ids.device) * self._width
        moved = self._starts[ids] - (lengths.cumsum(0) - lengths)
        rows, shifts = torch.stack([starts, moved]).repeat_interleave(lengths, 1, output_size=num_values)
        places = shifts + torch.arange(num_values, device=ids.device)
        dense = torch.zeros(len(ids) * self._width, device=ids.device)
        dense[rows + self._indices[places]] = self._values[places].float()
        return dense.view(len(ids), self._width)


def resident(*, x: Rows, y: NDArray[np.int64], device: torch.device) -> Reader:
    """A reader that holds these examples on the device."""
    if isinstance(x, SparseRows):
        return SparseResident(x=x, y=y, device=device)
    return Resident(x=x, y=y, device=device)


class Streamed:
    """Reads every piece from the cache, ahead of time by `workers` processes, or here where it is 0.

    Args:
        folder: of the cache.
        x: name of the array there, dense or sparse.
        y: labels `(N,)`.
        device: where the pieces go.
        workers: number of processes, >= 0.
        keeps_workers: they live from one epoch to the next (for training) or for one pass (for evaluation).
    """

    def __init__(
        self, *, folder: Path, x: str, y: NDArray[np.int64], device: torch.device, workers: int, keeps_workers: bool
    ) -> None:
        self._y = torch.from_numpy(y).to(device)
        self._pieces = _Pieces()
        self._loader = DataLoader(
            _Rows(folder, x),
            sampler=self._pieces,
            batch_size=None,
            num_workers=workers,
            persistent_workers=keeps_workers and workers > 0,
            pin_memory=device.type == "cuda",
            worker_init_fn=_start_worker,
            # its own: otherwise it draws from the global one, and dropout would depend on how data is read
            generator=torch.Generator(),
        )

    def read(self, ids: Tensor, size: Sizes) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """See `Reader`."""
        device = self._y.device
        self._pieces.pieces = [piece.numpy() for piece in torch.split(ids, size)]
        for piece, x in zip(torch.split(ids.to(device), size), self._loader, strict=True):
            yield piece, x.to(device, non_blocking=True), self._y.index_select(0, piece)


class _Pieces(Sampler[NDArray[np.int64]]):
    """Gives the pieces last asked for, one index array per item."""

    def __init__(self) -> None:
        self.pieces: list[NDArray[np.int64]] = []

    def __len__(self) -> int:
        return len(self.pieces)

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        return iter(self.pieces)


class _Rows(Dataset[Tensor]):
    """Rows of an array, opened where it is read: a mapped array would be pickled as a whole."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._x: Rows | None = None

    def __getitem__(self, ids: NDArray[np.int64]) -> Tensor:
        if self._x is None:
            self._x = open_array(self._folder, self._name)
        return torch.from_numpy(self._x[ids].reshape(len(ids), math.prod(self._x.shape[1:])))


def _start_worker(_: int) -> None:
    # Ctrl-C is the trainer's to handle: it stops its workers itself
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # torch's workers look for their parent every few seconds; on Linux the kernel ends them with it
    end_with_parent()
