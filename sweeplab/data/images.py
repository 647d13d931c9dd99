"""Labelled image files: found in a fixed order, and decoded to one size on all cores. Judges no number of them."""

import hashlib
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

EXTENSIONS = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
RESAMPLES = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")

Labelled = tuple[Path, int]


def find_images(parents: Sequence[Path], classes: Sequence[str]) -> list[Labelled]:
    """The images in `parents` and in the class folders there, in the order of sha256 of "class/file name"."""
    labels = _labels_by_word(classes)
    found = [image for place in _places(parents, labels) for image in _images_in(*place, labels)]
    return sorted(found, key=lambda image: (_rank(image, classes), image))


def find_folders(parents: Sequence[Path], classes: Sequence[str]) -> list[Path]:
    """The folders in which those images lie."""
    labels = _labels_by_word(classes)
    return [place[0] for place in _places(parents, labels) if next(_images_in(*place, labels), None)]


def decoded(paths: Sequence[Path], *, size: int, resample: str, threads: int) -> Iterator[NDArray[np.uint8] | str]:
    """Each image as RGB `(3, size, size)`, or in words why it cannot be read; in the order of `paths`.

    Threads are enough: Pillow lets the others run while it decodes and resizes.
    """
    read = partial(_read_image, size=size, resample=resample)
    piece = 32 * threads  # no more than these wait to be taken
    with warnings.catch_warnings(), ThreadPoolExecutor(threads) as pool:
        warnings.simplefilter("ignore")  # about EXIF notes and palettes, which nobody asked for
        for start in range(0, len(paths), piece):
            yield from pool.map(read, paths[start : start + piece])


def num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _read_image(path: Path, *, size: int, resample: str) -> NDArray[np.uint8] | str:
    from PIL import Image, UnidentifiedImageError

    try:
        if not path.stat().st_size:
            return "empty"
        with Image.open(path) as image:
            resized = image.convert("RGB").resize((size, size), Image.Resampling[resample.upper()])
        return np.ascontiguousarray(np.asarray(resized).transpose(2, 0, 1))
    except UnidentifiedImageError:
        return "not an image"
    except Exception as error:  # a decoder can raise anything
        return str(error) or type(error).__name__


def _places(parents: Sequence[Path], labels: Mapping[str, int]) -> Iterator[tuple[Path, int | None]]:
    """Folders that may hold images, those of one class with its label."""
    for parent in parents:
        if parent.is_dir():
            yield parent, None
            for name in sorted(os.listdir(parent)):  # noqa: PTH208 (paths of 25,000 files take a tenth of a second)
                label = _label(name, labels)
                if label is not None and (parent / name).is_dir():
                    yield parent / name, label


def _images_in(folder: Path, label: int | None, labels: Mapping[str, int]) -> Iterator[Labelled]:
    with os.scandir(folder) as entries:
        for entry in entries:
            own = _label(entry.name.partition(".")[0], labels) if label is None else label
            # hidden files are an operating system's notes on the others
            is_image = entry.name.lower().endswith(EXTENSIONS) and not entry.name.startswith(".")
            if own is not None and is_image and entry.is_file():
                yield Path(entry.path), own


def _label(word: str, labels: Mapping[str, int]) -> int | None:
    return labels.get(word, labels.get(word.lower()))


def _labels_by_word(classes: Sequence[str]) -> dict[str, int]:
    """Classes as they are spelt; else in lower case, singular or plural."""
    exact = {name: label for label, name in enumerate(classes)}
    stems = {name.lower().removesuffix("s"): label for name, label in exact.items()}
    return stems | {f"{stem}s": label for stem, label in stems.items()} | exact


def _rank(image: Labelled, classes: Sequence[str]) -> bytes:
    path, label = image
    return hashlib.sha256(f"{classes[label]}/{path.name}".encode()).digest()
