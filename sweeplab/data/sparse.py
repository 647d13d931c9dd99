"""Examples that are mostly zeros, such as bags of words: only the other values are kept."""

from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class SparseRows:
    """Stands for a dense float32 array (N, width), of which rows can be taken; in compressed sparse rows (CSR).

    Args:
        indptr: row i is stored from indptr[i] to indptr[i + 1], `(N + 1,)`.
        indices: column of each stored value, ascending in a row, `(num_values,)`.
        values: uint8 or floating, `(num_values,)`; taken as the numbers that they are, never as pixels.
        width: number of columns.
    """

    indptr: NDArray[Any]
    indices: NDArray[Any]
    values: NDArray[Any]
    width: int

    @classmethod
    def from_scipy(cls, matrix: Any) -> "SparseRows":
        """The same as a sparse matrix of scipy's, such as one of scikit-learn's vectorisers gives."""
        csr = matrix.tocsr(copy=True)
        csr.sum_duplicates()  # sorts the indices too
        return cls(indptr=csr.indptr, indices=csr.indices, values=csr.data, width=csr.shape[1])

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def __getitem__(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """The rows `ids`, dense `(len(ids), width)`."""
        starts = self.indptr[ids]
        lengths = self.indptr[ids + 1] - starts
        rows = np.repeat(np.arange(len(ids)), lengths)
        # where each value is stored: its place among those taken, moved by how far its row has moved
        places = np.arange(len(rows)) + np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
        dense = np.zeros((len(ids), self.width), np.float32)
        dense[rows, self.indices[places]] = self.values[places]
        return dense

    @property
    def shape(self) -> tuple[int, int]:
        """Of the dense array."""
        return len(self), self.width

    @property
    def dtype(self) -> np.dtype[np.float32]:
        """Of the dense array."""
        return np.dtype(np.float32)

    @property
    def nbytes(self) -> int:
        """As stored, in bytes."""
        return self.indptr.nbytes + self.indices.nbytes + self.values.nbytes

    def find_fault(self) -> str | None:
        """What is wrong with the three arrays, if anything."""
        indptr, indices, values, width = astuple(self)
        if len(indices) != len(values) or indptr[0] != 0 or indptr[-1] != len(values) or (np.diff(indptr) < 0).any():
            return "row pointers do not fit the stored values"
        if len(indices) and not 0 <= indices.min() <= indices.max() < width:
            return f"columns lie in [{indices.min()}, {indices.max()}], expected [0, {width - 1}]"
        row_of = np.repeat(np.arange(len(self)), np.diff(indptr))
        if ((np.diff(indices) <= 0) & (np.diff(row_of) == 0)).any():
            return "columns of a row are not in ascending order"
        return None


Rows = NDArray[Any] | SparseRows
