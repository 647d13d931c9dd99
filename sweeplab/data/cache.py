"""A data set's arrays on disk: .npy files and cache.json, which is written last and says what they must be."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sweeplab.data.arrays import Arrays
from sweeplab.data.sparse import SparseRows

INDEX = "cache.json"


@dataclass(frozen=True, kw_only=True)
class Cache:
    """Where the arrays lie and what they were made from.

    Args:
        folder: holds the files of this cache and no others.
        raw: the raw files, or the folders of many; a change of size or time of one makes the cache stale, their
            removal does not.
        code: the modules that read them; a change of one makes the cache stale.
    """

    folder: Path
    raw: tuple[Path, ...]
    code: tuple[Path, ...]

    def is_fresh(self) -> bool:
        """Whether whole arrays lie there, made from the raw files and the code of today."""
        try:
            index = json.loads((self.folder / INDEX).read_text(encoding="utf-8"))
            origin_is_same = index["code"] == self._code_hash() and self._stamps().items() <= index["raw"].items()
            return origin_is_same and all(_is_intact(self.folder / n, about) for n, about in index["arrays"].items())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return False  # missing, cut short or not ours: made anew

    def write(self, arrays: Arrays) -> None:
        """Write all arrays, then the index; interrupted anywhere, the cache is stale and not wrong."""
        self.folder.mkdir(parents=True, exist_ok=True)
        origin = {"code": self._code_hash(), "raw": self._stamps()}
        parts = {self.folder / f"{name}.npy": array for name, array in _parts(arrays)}
        for path, array in parts.items():
            _replace(path, lambda file, array=array: np.save(file, array))  # type: ignore[misc]
        for path in set(self.folder.glob("*.npy")) - set(parts):
            path.unlink()  # of examples that were dense and are sparse now, or the other way round
        index = origin | {"arrays": {path.name: _describe(path) for path in parts}}
        text = json.dumps(index, indent=2)
        _replace(self.folder / INDEX, lambda file: file.write(text.encode()))

    def open(self) -> Arrays:
        """The arrays, mapped copy-on-write: cells that train at once share the pages."""
        return Arrays(**{name: open_array(self.folder, name) for name in Arrays.__dataclass_fields__})

    def _stamps(self) -> dict[str, list[int]]:
        # numbered: train/pos and test/pos have one name
        stats = {f"{i} {path.name}": path.stat() for i, path in enumerate(self.raw) if path.exists()}
        return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()}

    def _code_hash(self) -> str:
        return hashlib.sha256(b"".join(path.read_bytes() for path in self.code if path.is_file())).hexdigest()


def open_array(folder: Path, name: str) -> Any:
    """One of a cache's arrays (`train_x`, ...), dense or sparse, mapped copy-on-write."""
    if (folder / f"{name}.npy").is_file():
        return np.load(folder / f"{name}.npy", mmap_mode="c")
    parts = {key: np.load(folder / f"{name}.{key}.npy", mmap_mode="c") for key in SparseRows.__dataclass_fields__}
    return SparseRows(**parts | {"width": int(parts["width"])})


def _parts(arrays: Arrays) -> Iterator[tuple[str, NDArray[Any]]]:
    """What gets a file of its own, by name."""
    for name, x in arrays.items():
        if isinstance(x, SparseRows):
            yield from ((f"{name}.{key}", np.asarray(part)) for key, part in vars(x).items())
        else:
            yield name, x


def _replace(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _describe(path: Path) -> dict[str, Any]:
    stat = path.stat()
    return {"num_bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns, "sha256": _sha256(path)}


def _is_intact(path: Path, about: dict[str, Any]) -> bool:
    stat = path.stat()
    if stat.st_size != about["num_bytes"]:
        return False
    # hashing takes a second for the larger sets: only when the file was touched, or came from elsewhere
    return bool(stat.st_mtime_ns == about["mtime_ns"] or _sha256(path) == about["sha256"])


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
