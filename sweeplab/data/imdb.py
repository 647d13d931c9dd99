"""IMDB's film reviews, good or bad: a folder of text files, or the archive that it is published as."""

import re
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sweeplab.data.bags import BagOfWords, Texts
from sweeplab.data.reuters import package_folder
from sweeplab.errors import DataFault

CLASSES = ("neg", "pos")
PAGE = "https://ai.stanford.edu/~amaas/data/sentiment/"


@dataclass(kw_only=True, eq=False)
class IMDB(BagOfWords):
    """50,000 reviews: `aclImdb/{train,test}/{neg,pos}/*.txt` under `root`, or `aclImdb_v1.tar.gz` there as it is.

    Source:
        Maas et al. 2011, "Learning word vectors for sentiment analysis". As bags of words: Wang and Manning 2013,
        "Fast dropout training", and Kingma and Ba 2015, arXiv:1412.6980, section 6.1.
    """

    @property
    def folder(self) -> Path:
        """Of the unpacked reviews."""
        return Path(self.root).expanduser().absolute() / "aclImdb"

    @property
    def archive(self) -> Path:
        """The reviews as they are published."""
        return self.folder.with_name("aclImdb_v1.tar.gz")

    def files(self) -> list[Path]:
        """The archive; or of the folder, the four that hold reviews: they change when a file comes or goes."""
        if not self.folder.is_dir():
            return [self.archive]
        return [self.folder / split / label for split in ("train", "test") for label in CLASSES]

    def read_texts(self, split: Literal["train", "test"]) -> Texts:
        """One split: the negative reviews (0), then the positive ones (1), by file name."""
        reviews = sorted(self._in_folder(split) if self.folder.is_dir() else self._in_archive(split))
        texts = [self._text(self.folder / split / label / name, content) for label, name, content in reviews]
        return Texts(texts=texts, labels=[CLASSES.index(label) for label, _, _ in reviews])

    def remedy(self) -> str:
        """See `BagOfWords`."""
        has_reuters = (package_folder() / "reuters-r8-train.tab").is_file()
        return (
            f"get {self.archive.name} from {PAGE} and put it, packed or unpacked, into {self.folder.parent} · "
            f"dataset={'reuters_r8' if has_reuters else 'digits'} works at once"
        )

    def _in_folder(self, split: str) -> Iterator[tuple[str, str, bytes]]:
        """Class, file name and content of each review."""
        for label in CLASSES:
            paths = list((self.folder / split / label).glob("*.txt"))
            if not paths:
                raise DataFault(f"{self.name}: no *.txt in {self.folder / split / label} · {self.remedy()}")
            for path in paths:
                try:
                    yield label, path.name, path.read_bytes()
                except OSError as error:
                    raise DataFault(f"{self.name}: cannot read {path}: {error.strerror} · {self.remedy()}") from error

    def _in_archive(self, split: str) -> Iterator[tuple[str, str, bytes]]:
        try:
            with tarfile.open(self.archive, "r:gz") as archive:
                for member in archive:
                    review = re.fullmatch(rf"aclImdb/{split}/(neg|pos)/([^/]+\.txt)", member.name)
                    file = archive.extractfile(member) if review and member.isfile() else None
                    if review and file:
                        yield review[1], review[2], file.read()
        except FileNotFoundError:
            raise DataFault(
                f"{self.name}: neither {self.folder} nor {self.archive} is there · {self.remedy()}"
            ) from None
        except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
            reason = f"{self.archive} is corrupt or cut short: {error}"
            raise DataFault(f"{self.name}: {reason} · {self.remedy()}") from error

    def _text(self, path: Path, content: bytes) -> str:
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataFault(f"{self.name}: {path} is not UTF-8 text: {error} · {self.remedy()}") from error
        if not text.strip():
            raise DataFault(f"{self.name}: {path} is empty · {self.remedy()}")
        return text.replace("<br />", " ")
