"""Texts as bags of words: which words occur in each, or how often, in no order."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sweeplab.data.arrays import Arrays
from sweeplab.data.source import Source
from sweeplab.data.sparse import SparseRows
from sweeplab.errors import ConfigFault, DataFault

VALUES = ("binary", "count")

# letters and digits of any script; an apostrophe only within: "don't" is one word, "'so'" is so
WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


@dataclass(frozen=True, kw_only=True)
class Texts:
    """Texts and their classes, one for each."""

    texts: Sequence[str]
    labels: Sequence[int]


@dataclass(kw_only=True, eq=False)
class BagOfWords(Source):
    """Texts as sparse rows, one column for each of the words most frequent in the training texts; see `vocabulary`.

    Args:
        num_words: columns, in [1, number of distinct words in the training texts].
        values: binary (1 where the word occurs) or count (how often).
        num_train: training texts in the whole set; another number in the files is a fault.
        num_test: test texts likewise.
    """

    num_words: int
    values: str
    num_train: int
    num_test: int

    def read_texts(self, split: Literal["train", "test"]) -> Texts:
        """The texts of one split, in a fixed order."""
        raise NotImplementedError(f"{type(self).__name__} must define read_texts(split) -> Texts")

    def read(self) -> Arrays:
        """All examples, and no fewer than there should be."""
        train, test = self.read_texts("train"), self.read_texts("test")
        found, expected = [len(train.texts), len(test.texts)], [self.num_train, self.num_test]
        if found != expected:
            raise DataFault(
                f"{self.name}: the files hold {found[0]} training and {found[1]} test texts, expected {expected[0]} "
                f"and {expected[1]} (dataset.num_train, dataset.num_test) · {self.remedy()}"
            )
        columns = vocabulary(train.texts, size=self.num_words)
        is_binary = self.values == "binary"
        return Arrays(
            train_x=bags(train.texts, columns, is_binary=is_binary),
            train_y=np.array(train.labels),
            test_x=bags(test.texts, columns, is_binary=is_binary),
            test_y=np.array(test.labels),
        )

    def remedy(self) -> str:
        """How to get the files, for messages."""
        raise NotImplementedError(f"{type(self).__name__} must define remedy() -> str")

    def _find_faults(self) -> Iterator[str]:
        yield from super()._find_faults()
        if list(self.shape) != [self.num_words]:
            yield f"dataset.shape must be [dataset.num_words] = [{self.num_words}], got {list(self.shape)}"
        if self.values not in VALUES:
            yield f"dataset.values must be one of {', '.join(VALUES)}, got {self.values!r}"


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, in order."""
    return WORD.findall(text.lower())


def vocabulary(texts: Sequence[str], *, size: int) -> dict[str, int]:
    """The `size` words that occur most often, each with its column: the most frequent has 0, ties go by alphabet.

    Raises:
        ConfigFault: fewer than `size` distinct words.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(words_of(text))
    if not 0 < size <= len(counts):
        raise ConfigFault(f"dataset.num_words must be in [1, {len(counts)}], the distinct words there are, got {size}")
    by_frequency = sorted(counts, key=lambda word: (-counts[word], word))
    return {word: column for column, word in enumerate(by_frequency[:size])}


def bags(texts: Sequence[str], columns: Mapping[str, int], *, is_binary: bool) -> SparseRows:
    """One row for each text: its words' flags (uint8) or counts (float32); words without a column are left out."""
    rows = [
        np.unique(np.array([columns[w] for w in words_of(text) if w in columns], np.int32), return_counts=True)
        for text in texts
    ]
    counts = np.concatenate([count for _, count in rows])
    return SparseRows(
        indptr=np.cumsum([0, *(len(column) for column, _ in rows)]),
        indices=np.concatenate([column for column, _ in rows]),
        values=np.ones(len(counts), np.uint8) if is_binary else counts.astype(np.float32),
        width=len(columns),
    )
