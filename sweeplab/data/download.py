"""Data sets that torchvision can fetch: it downloads, verifies and unpacks; their files are read here, checked again.

torchvision takes seconds to import: it is, only when something must be fetched.
"""

import http.client
import importlib
import io
import socket
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sweeplab.data.arrays import Arrays
from sweeplab.data.progress import showing
from sweeplab.data.source import Source
from sweeplab.errors import DataFault

STALL_S = 30.0


class UnusableFiles(DataFault):
    """Files are missing, or those in `corrupt` are not what they should be; fetching them again may help."""

    def __init__(self, *, name: str, problem: str, remedy: str, corrupt: list[Path]) -> None:
        super().__init__(f"{name}: {problem} · {remedy}")
        self.problem = problem
        self.corrupt = corrupt


@dataclass(kw_only=True, eq=False)
class Downloaded(Source):
    """A source whose raw files torchvision knows.

    Args:
        download: fetch what is missing or corrupt; false: use what lies under `root`.
        num_train: training examples in the whole set; fewer in the files is a fault.
        num_test: test examples likewise.
    """

    download: bool
    num_train: int
    num_test: int

    folder: ClassVar[str]  # of the raw files, under root
    expected: ClassVar[tuple[str, ...]]
    hint: ClassVar[str] = ""
    parts: ClassVar[tuple[dict[str, str], ...]] = ({},)  # arguments of each call of torchvision's class that fetches

    @property
    def raw_folder(self) -> Path:
        """Where the raw files lie."""
        return Path(self.root).expanduser().absolute() / self.folder

    @property
    def archive_folder(self) -> Path:
        """Where torchvision puts what it downloads, before it unpacks."""
        return self.raw_folder

    def files(self) -> list[Path]:
        """The expected files, as they are named on this disk."""
        return [self.locate(name) for name in self.expected]

    def locate(self, name: str) -> Path:
        """Path of an expected file."""
        return self.raw_folder / name

    def parse(self) -> Arrays:
        """All examples, from files that are there.

        Raises:
            DataFault: a file is not what its name says.
        """
        raise NotImplementedError

    def read(self) -> Arrays:
        """All examples, and no fewer than there should be."""
        missing = [path.name for path in self.files() if not path.is_file()]
        if missing:
            raise self._unusable(f"no {', '.join(missing)} in {self.raw_folder}", corrupt=[])
        arrays = self.parse()
        found, expected = [len(arrays.train_y), len(arrays.test_y)], [self.num_train, self.num_test]
        if found != expected:
            raise DataFault(
                f"{self.name}: {self.raw_folder} holds {found[0]} training and {found[1]} test examples, "
                f"expected {expected[0]} and {expected[1]} (dataset.num_train, dataset.num_test) · {self._remedy()}"
            )
        return arrays

    def corrupt(self, path: Path, why: str) -> UnusableFiles:
        """The fault of one file."""
        return self._unusable(f"{path} is corrupt or cut short: {why}", corrupt=[path])

    def _unusable(self, problem: str, *, corrupt: list[Path]) -> UnusableFiles:
        return UnusableFiles(name=self.name, problem=problem, remedy=self._remedy(), corrupt=corrupt)

    def _make_cache(self) -> None:
        try:
            return super()._make_cache()
        except UnusableFiles as fault:
            if not self.download:
                raise
            self._fetch(fault)
        return super()._make_cache()

    def _fetch(self, fault: UnusableFiles) -> None:
        try:
            self.raw_folder.mkdir(parents=True, exist_ok=True)
            # torchvision trusts what it has unpacked before: a corrupt file would stay
            for path in fault.corrupt:
                path.replace(path.with_name(f"{path.name}.corrupt"))
            with showing(f"downloading {self.name} to {self.raw_folder}", folder=self.archive_folder), _quietly():
                torchvision_class = getattr(importlib.import_module("torchvision.datasets"), self.name)
                for part in self.parts:
                    torchvision_class(Path(self.root).expanduser(), download=True, **part)
        except (OSError, RuntimeError, EOFError, http.client.HTTPException, tarfile.TarError, zlib.error) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise DataFault(
                f"{self.name}: {fault.problem}; the download failed: {reason} · {self._remedy()}"
            ) from error

    def _remedy(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return (
            f"set dataset.download=true with a network, or copy the published files to {self.raw_folder}{hint}"
            " · dataset=digits works at once"
        )


@contextmanager
def _quietly() -> Iterator[None]:
    """No bars and prints of torchvision's own, and an end to a connection that stalls."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL_S)
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    finally:
        socket.setdefaulttimeout(before)
