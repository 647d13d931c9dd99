"""Small data sets, and raw files as their publishers wrote them."""

import gzip
import pickle
import struct
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from numbered import VAL_SIZE, Numbered

from sweeplab.data.cifar import CIFAR10, CIFAR100
from sweeplab.data.mnist import MNIST, FashionMNIST
from sweeplab.data.synthetic import Synthetic

NUM_TRAIN, NUM_TEST = 60, 20


@pytest.fixture
def common(tmp_path):
    """Arguments that every source takes."""
    return {"root": str(tmp_path / "root"), "val_size": 10, "augment": None, "in_memory": True}


@pytest.fixture
def synthetic(common):
    def make(**changes):
        settings = common | {"shape": [3, 6, 5], "num_classes": 4, "mean": None, "std": None}
        settings |= {"num_train": 50, "num_test": 23, "separation": 3.0, "data_seed": 0}
        return Synthetic(**settings | changes)

    return make


@pytest.fixture
def numbered(common):
    def make(**changes):
        constants = {"shape": [2, 6, 5], "num_classes": 5, "mean": [0.25, 0.5], "std": [0.5, 0.125]}
        return Numbered(**common | constants | {"val_size": VAL_SIZE} | changes)

    return make


@pytest.fixture
def downloaded(common):
    """A source of one of torchvision's sets, of the tiny size that the writers below write."""

    def make(cls, **changes):
        grey = {MNIST: [1, 28, 28], FashionMNIST: [1, 28, 28]}
        shape = grey.get(cls, [3, 32, 32])
        settings = common | {"shape": shape, "num_classes": 100 if cls is CIFAR100 else 10, "download": False}
        settings |= {"mean": [0.5] * shape[0], "std": [0.25] * shape[0], "num_train": NUM_TRAIN, "num_test": NUM_TEST}
        return cls(**settings | changes)

    return make


@pytest.fixture
def write_idx():
    """Write the four IDX files of random images into a folder; returns what was written, by name."""

    def write(folder: Path, *, zipped: bool = False):
        rng = np.random.default_rng(0)
        arrays = {
            "train-images-idx3-ubyte": rng.integers(0, 256, (NUM_TRAIN, 28, 28), dtype=np.uint8),
            "train-labels-idx1-ubyte": np.arange(NUM_TRAIN, dtype=np.uint8) % 10,
            "t10k-images-idx3-ubyte": rng.integers(0, 256, (NUM_TEST, 28, 28), dtype=np.uint8),
            "t10k-labels-idx1-ubyte": np.arange(NUM_TEST, dtype=np.uint8) % 10,
        }
        folder.mkdir(parents=True)
        for name, array in arrays.items():
            content = struct.pack(f">I{array.ndim}I", 0x0800 + array.ndim, *array.shape) + array.tobytes()
            (folder / (name + ".gz" * zipped)).write_bytes(gzip.compress(content) if zipped else content)
        return arrays

    return write


class Python2Pickler(pickle._Pickler):
    """Writes text and bytes alike as Python 2's `str`, as in the published CIFAR files."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def _save_string(self, value):
        data = value.encode("latin1") if isinstance(value, str) else value
        self.write(pickle.BINSTRING + struct.pack("<i", len(data)) + data)
        self.memoize(value)

    dispatch[bytes] = dispatch[str] = _save_string


@pytest.fixture
def write_cifar():
    """Write CIFAR-10 or -100 batches of random images; returns (images, labels) by file name."""

    def write(folder: Path, cls=CIFAR10, *, python: int = 2):
        rng = np.random.default_rng(0)
        key = "labels" if cls is CIFAR10 else "fine_labels"
        sizes = dict.fromkeys(cls.expected, NUM_TRAIN // (len(cls.expected) - 1)) | {cls.expected[-1]: NUM_TEST}
        folder.mkdir(parents=True)
        written = {}
        for name, n in sizes.items():
            images, labels = rng.integers(0, 256, (n, 3072), dtype=np.uint8), [i % 10 for i in range(n)]
            with (folder / name).open("wb") as file:
                batch = {"batch_label": name, key: labels, "data": images}
                if python == 2:
                    Python2Pickler(file, protocol=2).dump(batch)
                else:
                    pickle.dump({k.encode(): v for k, v in batch.items()}, file, protocol=2)
            if python == 2:
                old = (folder / name).read_bytes().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
                (folder / name).write_bytes(old)
            written[name] = images.reshape(n, 3, 32, 32), np.array(labels)
        return written

    return write
