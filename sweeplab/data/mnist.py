"""MNIST and data sets in its form: four IDX files, plain or gzipped."""

import gzip
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeplab.data.arrays import Arrays
from sweeplab.data.download import Downloaded


class MNIST(Downloaded):
    """Handwritten digits, 28x28 grey.

    Source:
        LeCun et al. 1998, "Gradient-based learning applied to document recognition".
    """

    folder = "MNIST/raw"
    expected = (
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    )
    hint = "plain or as .gz"

    def locate(self, name: str) -> Path:
        """The plain file if it is there, else the gzipped one if that is."""
        plain, zipped = self.raw_folder / name, self.raw_folder / f"{name}.gz"
        return zipped if zipped.is_file() and not plain.is_file() else plain

    def parse(self) -> Arrays:
        """All examples, from the four files."""
        train_x, train_y, test_x, test_y = (self._read_idx(path) for path in self.files())
        return Arrays(train_x=train_x[:, None], train_y=train_y, test_x=test_x[:, None], test_y=test_y)

    def _read_idx(self, path: Path) -> NDArray[Any]:
        try:
            content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        except (OSError, EOFError, zlib.error) as error:
            raise self.corrupt(path, str(error)) from error
        # two zeros, 8 for unsigned bytes, number of axes; then each axis as big-endian int32
        if len(content) < 4 or content[:3] != b"\0\0\x08" or len(content) < 4 + 4 * content[3]:
            raise self.corrupt(path, f"it begins with {content[:4].hex() or 'nothing'}, not as an idx file of bytes")
        start = 4 + 4 * content[3]
        sizes = [int(size) for size in np.frombuffer(content[4:start], dtype=">i4")]
        if math.prod(sizes) != len(content) - start:
            raise self.corrupt(path, f"{len(content) - start} bytes of data, its header says {sizes}")
        return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(sizes)


class FashionMNIST(MNIST):
    """Photographs of clothing, 28x28 grey, ten classes.

    Source:
        Xiao et al. 2017, arXiv:1708.07747.
    """

    folder = "FashionMNIST/raw"
    hint = (
        "plain or as .gz; Debian's package dataset-fashion-mnist has them, `dpkg -L dataset-fashion-mnist` says where"
    )
