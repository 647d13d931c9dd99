"""A data set's arrays on disk: .npy files and cache.json, which is written last and says what they must be."""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from sweeplab.data.arrays import Arrays

INDEX = "cache.json"


@dataclass(frozen=True, kw_only=True)
class Cache:
    """Where the arrays lie and what they were made from.

    Args:
        folder: holds the files of this cache and no others.
        raw: the raw files; a change of size or time of one makes the cache stale, their removal does not.
        code: the module that reads them; a change of it makes the cache stale.
    """

    folder: Path
    raw: tuple[Path, ...]
    code: Path | None

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
        for name, array in arrays.items():
            _replace(self.folder / f"{name}.npy", lambda file, array=array: np.save(file, array))  # type: ignore[misc]
        index = origin | {"arrays": {f"{n}.npy": _describe(self.folder / f"{n}.npy") for n, _ in arrays.items()}}
        text = json.dumps(index, indent=2)
        _replace(self.folder / INDEX, lambda file: file.write(text.encode()))

    def open(self) -> Arrays:
        """The arrays, mapped copy-on-write: cells that train at once share the pages."""
        return Arrays(**{n: np.load(self.folder / f"{n}.npy", mmap_mode="c") for n in Arrays.__dataclass_fields__})

    def _stamps(self) -> dict[str, list[int]]:
        stats = {path.name: path.stat() for path in self.raw if path.is_file()}
        return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()}

    def _code_hash(self) -> str | None:
        return hashlib.sha256(self.code.read_bytes()).hexdigest() if self.code and self.code.is_file() else None


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
