"""What benchmarks there are, and what each is given."""

import importlib
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import Outcome, Places, timed
from benchmarks.table import Table

# name → module, and whether it needs Fashion-MNIST; each is a function of that name
BENCHMARKS = {
    "startup": ("startup", False),
    "planning": ("planning", False),
    "scale": ("scale", False),
    "start": ("start", False),
    "loop": ("loop", True),
    "lenet": ("sweep", True),
    "mlp": ("sweep", True),
}

TIMEOUT_S = 1800.0


@dataclass(frozen=True)
class Bench:
    """Folders of one run, removed at its end.

    Args:
        scratch: an own folder for each benchmark to write to.
        data: holds Fashion-MNIST as torchvision keeps it, and sweeplab's cache of it; None where there is none.
        quick: fewer cells and repetitions, to see whether it works; the figures mean nothing then.
    """

    scratch: Path
    data: Path | None
    quick: bool

    def run(self, words: list[str], out: str = "out", env: dict[str, str] | None = None) -> Outcome:
        """Run a command to its end with DATA and OUT in their places."""
        return timed(words, self.places(out), timeout_s=TIMEOUT_S, env=env)

    def places(self, out: str = "out") -> Places:
        """What DATA and OUT stand for."""
        return {"DATA": self.data or "", "OUT": self.scratch / out}


def make_tables(name: str, bench: Bench) -> list[Table]:
    """Run one benchmark, in this process."""
    module, _ = BENCHMARKS[name]
    tables: list[Table] = getattr(importlib.import_module(f"benchmarks.{module}"), name)(bench)
    return tables
