"""Data sets: raw files → a cache of arrays → ready batches on a device.

Importing a data set needs no torch; only `Source.loaders` does. One's own data set is a class with `read`:

    class Wine(Source):
        def read(self) -> Arrays:
            table = np.loadtxt(Path(self.root) / "wine.csv", delimiter=",")
            x, y = table[:, 1:].astype(np.float32), table[:, 0].astype(int)
            test = np.arange(len(y)) % 4 == 0
            return Arrays(train_x=x[~test], train_y=y[~test], test_x=x[test], test_y=y[test])

and a file conf/dataset/wine.yaml with `_target_: my_package.Wine` and the keys of the other files there. Images are
uint8 arrays (N, C, H, W), brought to [0, 1] and normalised by `mean` and `std`; features are float32, normalised only
if these are given. Fields of one's own are declared as in `sweeplab/data/synthetic.py`; a method `files` that names the
raw files makes a change of them be noticed. Folders of labelled pictures need no class: dataset=image_folder. Texts as
bags of words are a `BagOfWords` (`sweeplab/data/bags.py`), wide and mostly empty rows are `SparseRows`.
"""

from sweeplab.data.arrays import Arrays
from sweeplab.data.source import Source

__all__ = ["Arrays", "Source"]
