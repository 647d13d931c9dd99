"""A folder of labelled images as a data set: as many as there should be, decoded once and split in a fixed way.

A file's class is the beginning of its name (`cat.0.jpg`) or the folder it lies in (`cat/`, `Cats/`); both may occur.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sweeplab.data import images
from sweeplab.data.arrays import Arrays
from sweeplab.data.cache import Cache
from sweeplab.data.progress import counting
from sweeplab.data.source import Source
from sweeplab.data.split import all_but, held_out
from sweeplab.errors import DataFault

SPLITS = ("stratified", "tail")


@dataclass(kw_only=True, eq=False)
class ImageFolder(Source):
    """Images of any size and colour, as RGB of one size; neither aspect ratio nor EXIF orientation is kept.

    The order of the files is that of sha256 of "class/file name": the same on every disk, and as good as shuffled.

    Args:
        folder: where the images lie, below `root` or absolute.
        classes: their names, in the order of the labels; a file or folder may be called so in any case, or in plural.
        size: height and width to which every image is resized, as Pillow does; `shape` is [3, size, size].
        resample: Pillow's filter: nearest, box, bilinear, hamming, bicubic or lanczos.
        num_train: images left for training, validation included; another number in the folder is a fault.
        test_size: images of the test set, always the same ones.
        test_split: stratified (each class in its share) or tail (the last ones in the order of the files).
        skip: images to leave out, as paths below the folder; one that is not there is a fault.
    """

    folder: str
    classes: Sequence[str]
    size: int
    resample: str
    num_train: int
    test_size: int
    test_split: str
    skip: Sequence[str]

    inside: ClassVar[tuple[str, ...]] = (".",)  # below the folder, where images or class folders may lie
    hint: ClassVar[str] = "set dataset.folder, dataset.classes, dataset.num_classes and the numbers to your own"

    @property
    def raw_folder(self) -> Path:
        """Where the images lie."""
        return (Path(self.root).expanduser() / Path(self.folder).expanduser()).absolute()

    def files(self) -> list[Path]:
        """The images that are there, in their order; where there are none, one that could be."""
        return [path for path, _ in self._images()] or [self.raw_folder / f"{self.classes[0]}.0.jpg"]

    def read(self) -> Arrays:
        """All examples; their pixels are mapped from a file that goes when the cache is made."""
        wanted = self._wanted()
        labels = np.array([label for _, label in wanted])
        test = self._test_rows(labels)
        train = all_but(len(labels), test)
        rows = np.concatenate([train, test])
        x, y, n = self._decode([wanted[row][0] for row in rows]), labels[rows], len(train)
        return Arrays(train_x=x[:n], train_y=y[:n], test_x=x[n:], test_y=y[n:])

    def _test_rows(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        if self.test_split == "tail":
            return np.arange(len(labels) - self.test_size, len(labels))
        return held_out(labels, size=self.test_size, key="dataset.test_size")

    def _decode(self, paths: list[Path]) -> NDArray[np.uint8]:
        unreadable = []
        decoded = images.decoded(paths, size=self.size, resample=self.resample, threads=images.num_cores())
        try:
            with self._pixels_file.open("wb") as file, counting(len(paths), "images") as count:
                for path, pixels in zip(paths, decoded, strict=True):
                    if isinstance(pixels, str):
                        unreadable.append(f"{self._name(path)} ({pixels})")
                    else:
                        file.write(pixels.data)
                    count()
        except OSError as error:
            raise self._unwritable(error) from error
        if unreadable:
            raise DataFault(
                f"{self.name}: {len(unreadable)} of {len(paths)} images in {self.raw_folder} cannot be read: "
                f"{_first(unreadable)} · replace them, or leave them out: list them in dataset.skip and lower "
                "dataset.num_train by as many"
            )
        return np.memmap(self._pixels_file, np.uint8, "r", shape=(len(paths), 3, self.size, self.size))

    def _wanted(self) -> list[images.Labelled]:
        """The images but for those to skip, as many as there should be."""
        found = {self._name(path): (path, label) for path, label in self._images()}
        if not found:
            files = ", ".join(f"{name}.0.jpg …" for name in self.classes)
            raise DataFault(
                f"{self.name}: no images in {self.raw_folder}, expected {self.num_train + self.test_size} there: "
                f"{files} or a folder for each class · {self._remedy()}"
            )
        if strange := [name for name in self.skip if name not in found]:
            raise DataFault(f"{self.name}: no image in {self.raw_folder} is called {_first(strange)} (dataset.skip)")
        wanted = [image for name, image in found.items() if name not in self.skip]
        if len(wanted) != self.num_train + self.test_size:
            labels = [label for _, label in wanted]
            counts = ", ".join(f"{name} {labels.count(label)}" for label, name in enumerate(self.classes))
            besides = " besides those in dataset.skip" if self.skip else ""
            raise DataFault(
                f"{self.name}: {self.raw_folder} holds {len(wanted)} images{besides} ({counts}), expected "
                f"{self.num_train} and {self.test_size} (dataset.num_train, dataset.test_size) · {self._remedy()}"
            )
        return wanted

    def _images(self) -> list[images.Labelled]:
        return images.find_images(self._parents, self.classes)

    @property
    def _parents(self) -> list[Path]:
        return [self.raw_folder / name for name in self.inside]

    def _name(self, path: Path) -> str:
        return path.relative_to(self.raw_folder).as_posix()

    def _remedy(self) -> str:
        shape = str(list(self.shape)).replace(" ", "")
        return f"{self.hint} · dataset=digits works at once, dataset=synthetic dataset.shape={shape} too"

    @property
    def _pixels_file(self) -> Path:
        return self.array_folder.with_suffix(".tmp")

    def _make_cache(self) -> None:
        try:
            super()._make_cache()
        finally:
            self._pixels_file.unlink(missing_ok=True)

    def _cache(self) -> Cache:
        cache = super()._cache()
        return replace(cache, code=(*cache.code, Path(images.__file__)))

    def _stamped(self) -> list[Path]:
        # not every file: looking at 25,000 would delay the start of every cell
        return images.find_folders(self._parents, self.classes)

    def _find_faults(self) -> Iterator[str]:
        yield from super()._find_faults()
        if list(self.shape) != [3, self.size, self.size]:
            yield f"dataset.shape must be [3, {self.size}, {self.size}] from dataset.size, got {list(self.shape)}"
        names = list(self.classes)
        if len(set(names)) != len(names) or len(names) != self.num_classes:
            yield f"dataset.classes must be {self.num_classes} different names (dataset.num_classes), got {names}"
        for key, allowed in (("resample", images.RESAMPLES), ("test_split", SPLITS)):
            if getattr(self, key) not in allowed:
                yield f"dataset.{key} must be one of {', '.join(allowed)}, got {getattr(self, key)!r}"
        for key in ("num_train", "test_size"):
            if getattr(self, key) < 1:
                yield f"dataset.{key} must be >= 1, got {getattr(self, key)}"


def _first(names: Sequence[str], num: int = 5) -> str:
    more = f" and {len(names) - num} more" if len(names) > num else ""
    return ", ".join(names[:num]) + more
