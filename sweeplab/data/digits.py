"""Scikit-learn's digits: real, small and already on the disk."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from sweeplab.data.arrays import Arrays
from sweeplab.data.source import Source
from sweeplab.data.split import all_but, held_out
from sweeplab.errors import DataFault


@dataclass(kw_only=True, eq=False)
class Digits(Source):
    """1,797 handwritten digits, 8x8 grey, values 0 to 16.

    Args:
        num_train: examples left for training, validation included; another number in the file is a fault.
        test_size: examples of the test set, always the same ones, stratified by class.
    Source:
        UCI "Optical Recognition of Handwritten Digits" (test part), Alpaydin and Kaynak 1998, as in scikit-learn.
    """

    num_train: int
    test_size: int

    full_scale: ClassVar[float] = 16.0
    pixels: ClassVar[tuple[int, int, int]] = (1, 8, 8)
    package: ClassVar[str] = "sklearn"
    distribution: ClassVar[str] = "scikit-learn"
    table: ClassVar[str] = "datasets/data/digits.csv.gz"
    instead: ClassVar[str] = "synthetic"

    def files(self) -> list[Path]:
        """The table in the package's folder, found without importing it: that takes seconds."""
        package = importlib.util.find_spec(self.package)
        folders = package.submodule_search_locations if package else None
        return [Path(folder) / self.table for folder in folders or [self.package]]

    def read(self) -> Arrays:
        """All examples; a row of the table is the pixels and the digit."""
        path = self.files()[0]
        if not path.is_file():
            raise DataFault(
                f"{self.name}: {self.distribution} is not installed, its {path.name} is needed · "
                f"pip install {self.distribution} · dataset={self.instead} works at once"
            )
        try:
            table = np.loadtxt(path, delimiter=",", ndmin=2).astype(np.uint8)
            x, y = table[:, :-1].reshape(-1, *self.pixels), table[:, -1].astype(np.int64)
        except (OSError, EOFError, ValueError) as error:
            raise DataFault(f"{self.name}: cannot read {path}: {error} · reinstall {self.distribution}") from error
        test = held_out(y, size=self.test_size, key="dataset.test_size")
        if len(y) != self.num_train + self.test_size:
            raise DataFault(
                f"{self.name}: {path} holds {len(y)} examples, expected dataset.num_train={self.num_train} "
                f"and dataset.test_size={self.test_size} · let them add up to {len(y)}, or "
                f"reinstall {self.distribution} if the file was changed"
            )
        train = all_but(len(y), test)
        return Arrays(train_x=x[train], train_y=y[train], test_x=x[test], test_y=y[test])
