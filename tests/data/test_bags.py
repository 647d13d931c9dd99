import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeplab.data.bags import BagOfWords, Texts, bags, vocabulary, words_of
from sweeplab.errors import ConfigFault, DataFault

RHYME = ["The cat, the hat and the cat's mat.", "A hat! A hat?", "Nothing here."]
SETTINGS = {"num_classes": 2, "mean": None, "std": None, "val_size": 1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The cat, the CAT.", ["the", "cat", "the", "cat"]),
        ("don't 'quote' rock 'n' roll's", ["don't", "quote", "rock", "n", "roll's"]),
        ("10/10 in 1984, well-made", ["10", "10", "in", "1984", "well", "made"]),
        ("naïve Ärger_été", ["naïve", "ärger", "été"]),
        ("... !?", []),
    ],
)
def test_words_are_letters_digits_and_inner_apostrophes(text, words):
    assert words_of(text) == words


def test_vocabulary_is_the_most_frequent_words_and_ties_go_by_alphabet():
    """the 3, a 2, hat 3; and, cat, cat's, here, mat, nothing once."""
    assert vocabulary(RHYME, size=6) == {"hat": 0, "the": 1, "a": 2, "and": 3, "cat": 4, "cat's": 5}


def test_bags_by_hand():
    columns = {"hat": 0, "the": 1, "cat's": 2, "unused": 3}
    ids = np.arange(3)
    assert bags(RHYME, columns, is_binary=True)[ids].tolist() == [[1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert bags(RHYME, columns, is_binary=False)[ids].tolist() == [[1, 3, 1, 0], [2, 0, 0, 0], [0, 0, 0, 0]]


texts = st.lists(st.lists(st.sampled_from(["ab", "c1", "don't", "Über", "x"]), max_size=300).map(" ".join), min_size=1)


@given(texts.filter(lambda texts: any(texts)), st.data())
def test_bags_are_what_counting_and_scikit_learn_say(texts, data):
    from sklearn.feature_extraction.text import CountVectorizer

    total = Counter(word for text in texts for word in text.lower().split())
    size = data.draw(st.integers(1, len(total)))
    columns = vocabulary(texts, size=size)
    assert list(columns) == sorted(sorted(total), key=lambda word: -total[word])[:size]
    theirs = CountVectorizer(vocabulary=columns, token_pattern=r"\S+").fit_transform(texts).toarray()
    ours = bags(texts, columns, is_binary=False)
    assert ours.find_fault() is None
    np.testing.assert_array_equal(ours[np.arange(len(texts))], theirs)
    np.testing.assert_array_equal(bags(texts, columns, is_binary=True)[np.arange(len(texts))], theirs > 0)


@dataclass(kw_only=True, eq=False)
class Rhymes(BagOfWords):
    def read_texts(self, split):
        return Texts(
            texts=RHYME if split == "train" else ["hat zebra zebra zebra"], labels=[0, 1, 1][: 3 ** (split == "train")]
        )

    def remedy(self):
        return "ask a child"


@pytest.fixture
def rhymes(common):
    def make(num_words=2, **changes):
        settings = SETTINGS | {"shape": [num_words], "values": "count", "num_train": 3, "num_test": 1}
        return Rhymes(**common | settings | {"num_words": num_words} | changes)

    return make


def test_test_texts_have_no_say_in_the_vocabulary(rhymes):
    source = rhymes()
    source.prepare()
    arrays = source.open()
    assert arrays.train_x[np.arange(3)].tolist() == [[1, 3], [2, 0], [0, 0]]
    assert arrays.test_x[np.arange(1)].tolist() == [[1, 0]]
    assert [arrays.train_y.tolist(), arrays.test_y.tolist()] == [[0, 1, 1], [0]]


@pytest.mark.parametrize("change", [{"values": "binary"}, {"num_words": 3}])
def test_what_changes_the_bags_has_a_cache_of_its_own(rhymes, change):
    assert rhymes().array_folder != rhymes(**change).array_folder


def test_all_words_may_be_asked_for_and_no_more(rhymes):
    rhymes(9).prepare()
    with pytest.raises(ConfigFault, match=r"dataset.num_words must be in \[1, 9\], .* got 10"):
        rhymes(10).prepare()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": [3]}, "dataset.shape must be [dataset.num_words] = [2], got [3]"),
        ({"values": "tfidf"}, "dataset.values must be one of binary, count, got 'tfidf'"),
    ],
)
def test_arguments_that_do_not_fit_are_a_fault(rhymes, changes, message):
    with pytest.raises(ConfigFault, match=re.escape(message)):
        rhymes(**changes)


@pytest.mark.parametrize("changes", [{"num_train": 4}, {"num_test": 2}])
def test_another_number_of_texts_is_a_fault(rhymes, changes):
    with pytest.raises(
        DataFault, match=r"Rhymes: the files hold 3 training and 1 test texts, expected .* · ask a child"
    ):
        rhymes(**changes).prepare()
