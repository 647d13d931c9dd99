"""Where files lie: the only module that knows their names."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CellFolder:
    """Paths of one cell's files."""

    path: Path

    @property
    def asked(self) -> Path:
        """What was asked, written first."""
        return self.path / "cell.json"

    @property
    def status(self) -> Path:
        """State, attempt, host and pid of the latest attempt."""
        return self.path / "status.json"

    @property
    def metrics(self) -> Path:
        """One line per evaluation."""
        return self.path / "metrics.jsonl"

    @property
    def result(self) -> Path:
        """What came out, written last."""
        return self.path / "result.json"

    @property
    def log(self) -> Path:
        """Everything the cell printed."""
        return self.path / "log.txt"

    @property
    def checkpoints(self) -> Path:
        """Weights, while training or when asked to keep them."""
        return self.path / "checkpoints"

    @property
    def lock(self) -> Path:
        """Held by the process that trains the cell."""
        return self.path / ".lock"

    def claim(self, number: int) -> Path:
        """Made by whoever is to train the cell, on whichever machine."""
        return self.path / f"claim.{number}.json"

    def claims(self) -> list[Path]:
        """Every claim that there is."""
        return [path for path in self.path.glob("claim.*.json") if path.name.split(".")[1].isdecimal()]


@dataclass(frozen=True)
class SweepFolder:
    """Paths of one sweep's files."""

    path: Path

    @property
    def plan(self) -> Path:
        """The command, the axes and the cells in order."""
        return self.path / "sweep.json"

    @property
    def outputs(self) -> Path:
        """The folder that holds `cells/` and `sweeps/`."""
        return self.path.parent.parent


def cell_folder(output_dir: str | Path, cell_id: str) -> CellFolder:
    """Where a cell's files lie."""
    return CellFolder(Path(output_dir) / "cells" / cell_id)


def sweep_folder(output_dir: str | Path, name: str) -> SweepFolder:
    """Where a sweep's files lie."""
    return SweepFolder(Path(output_dir) / "sweeps" / name)
