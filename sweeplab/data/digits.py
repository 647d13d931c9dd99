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
        test_size: examples of the test set, always the same ones, stratified by class.
    Source:
        UCI "Optical Recognition of Handwritten Digits" (test part), Alpaydin and Kaynak 1998, as in scikit-learn.
    """

    test_size: int

    full_scale: ClassVar[float] = 16.0

    def files(self) -> list[Path]:
        """The table in scikit-learn's folder, found without importing it: that takes seconds."""
        package = importlib.util.find_spec("sklearn")
        folders = package.submodule_search_locations if package else None
        return [Path(folder) / "datasets" / "data" / "digits.csv.gz" for folder in folders or ()]

    def read(self) -> Arrays:
        """All examples; a row of the table is 64 pixels and the digit."""
        try:
            table = np.loadtxt(self.files()[0], delimiter=",").astype(np.uint8)
        except IndexError:
            raise DataFault(
                "Digits: scikit-learn is not installed, its digits.csv.gz is needed · install scikit-learn"
            ) from None
        except (OSError, EOFError, ValueError) as error:
            raise DataFault(f"Digits: cannot read {self.files()[0]}: {error} · reinstall scikit-learn") from error
        x, y = table[:, :-1].reshape(-1, 1, 8, 8), table[:, -1].astype(np.int64)
        test = held_out(y, size=self.test_size, key="dataset.test_size")
        train = all_but(len(y), test)
        return Arrays(train_x=x[train], train_y=y[train], test_x=x[test], test_y=y[test])
