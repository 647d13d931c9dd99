"""Scores per class against scikit-learn; pooling loses no example."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import precision_recall_fscore_support

from sweeplab.compare import Comparison, compare
from sweeplab.compare.classes import (
    class_scores,
    confused_pairs,
    matrix_difference,
    most_confused,
    normalised,
    per_class,
    pool,
)

MATRICES = st.integers(2, 5).flatmap(lambda num: arrays(np.int64, (num, num), elements=st.integers(0, 6)))


def labels(matrix: np.ndarray) -> tuple[list[int], list[int]]:
    """Every example of a confusion matrix by itself: true and predicted."""
    pairs = [(i, j) for i, row in enumerate(matrix) for j, count in enumerate(row) for _ in range(count)]
    return [i for i, _ in pairs], [j for _, j in pairs]


@given(MATRICES.filter(lambda matrix: matrix.sum() > 0), st.sampled_from([0.0, 1.0, math.nan]))
@settings(max_examples=60)
def test_equals_scikit_learn(matrix: np.ndarray, zero_division: float) -> None:
    true, predicted = labels(matrix)
    known = {"labels": range(len(matrix)), "zero_division": zero_division}
    table = class_scores(matrix, zero_division=zero_division)
    expected = np.array(precision_recall_fscore_support(true, predicted, **known))
    found = table[["precision", "recall", "f1", "support"]].to_numpy(dtype=float)
    assert np.allclose(found[: len(matrix)].T, expected, equal_nan=True)
    for row, average in zip(found[len(matrix) :], ("macro", "weighted"), strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a mean of nothing but NaN
            reference = precision_recall_fscore_support(true, predicted, average=average, **known)[:3]
        assert np.allclose(row[:3], np.array(reference, dtype=float), equal_nan=True)


def test_scores_on_paper_and_what_is_undefined_is_named() -> None:
    # class 2 has no examples and is never predicted, class 1 is never predicted
    table = class_scores([[3, 0, 0], [1, 0, 0], [0, 0, 0]]).set_index("class")
    assert table.loc["0", ["precision", "recall", "f1"]].tolist() == pytest.approx([0.75, 1, 6 / 7])
    assert table["undefined"].tolist() == ["", "precision", "precision, recall, f1", "", ""]
    assert table["support"].tolist() == [3, 1, 0, 4, 4]
    assert table.loc["macro", "recall"] == pytest.approx(1 / 3)
    assert table.loc["weighted", "recall"] == pytest.approx(3 / 4)


CELLS = pd.DataFrame(
    {
        "cell_id": list("abcd"),
        "state": ["completed", "completed", "diverged", "completed"],
        "optimizer": ["adam", "adam", "adam", "sgd"],
        "seed": [0, 1, 2, 0],
        "val/accuracy": [0.5, 0.6, math.nan, 0.7],
    }
)
CONFUSIONS = {"a": [[4, 1], [2, 3]], "b": [[5, 0], [4, 1]], "unknown": [[9, 9], [9, 9]]}


def compared() -> Comparison:
    return compare(CELLS, ["optimizer", "seed"], select={"monitor": "val/accuracy", "mode": "max"})


def test_pooled_matrix_is_the_sum_over_seeds() -> None:
    pooled = pool(compared(), CELLS, CONFUSIONS)
    assert list(pooled) == [0]
    assert pooled[0].matrix.tolist() == [[9, 1], [6, 4]]
    assert (len(pooled[0].matrices), pooled[0].cells) == (2, 3)


def test_settings_of_all_and_those_without_a_matrix_keep_a_row() -> None:
    frame = per_class(compared(), CELLS, CONFUSIONS)
    adam = frame[frame["optimizer"] == "adam"].set_index("class")
    assert adam.loc["0", ["precision", "recall"]].tolist() == pytest.approx([9 / 15, 9 / 10])
    assert adam[["cells", "n"]].drop_duplicates().to_numpy().tolist() == [[3, 2]]
    # F1 of class 0: 8/11 of seed 0, 10/14 of seed 1
    assert adam.loc["0", "f1_std"] == pytest.approx(abs(8 / 11 - 10 / 14) / math.sqrt(2))
    sgd = frame[frame["optimizer"] == "sgd"]
    assert sgd[["cells", "n", "class", "reason"]].to_numpy().tolist() == [[1, 0, "", "no cell has a confusion matrix"]]


def test_rows_ask_for_settings_by_number() -> None:
    assert per_class(compared(), CELLS, CONFUSIONS, rows=[1])["optimizer"].unique().tolist() == ["sgd"]
    assert per_class(compared(), CELLS, CONFUSIONS, rows=[]).empty


@given(MATRICES)
def test_rows_are_shares_and_differences_cancel(matrix: np.ndarray) -> None:
    shares = normalised(matrix)
    has_examples = matrix.sum(axis=1) > 0
    assert np.allclose(shares[has_examples].sum(axis=1), 1)
    assert np.isnan(shares[~has_examples]).all()
    difference = matrix_difference(matrix, matrix.T)
    assert np.allclose(difference, -matrix_difference(matrix.T, matrix), equal_nan=True)
    both = has_examples & (matrix.T.sum(axis=1) > 0)
    assert np.allclose(difference[both].sum(axis=1), 0)
    assert np.allclose(np.nan_to_num(matrix_difference(matrix, 3 * matrix)), 0)


def test_other_classes_have_no_difference() -> None:
    assert matrix_difference(np.eye(2), np.eye(3)) is None


def test_most_confused_pairs_in_order_and_no_hit_among_them() -> None:
    pairs = most_confused([[90, 2, 8], [5, 10, 0], [8, 0, 2]], 3)
    assert pairs[["true", "predicted", "count"]].to_numpy().tolist() == [[0, 2, 8], [2, 0, 8], [1, 0, 5]]
    assert pairs["share"].tolist() == pytest.approx([0.08, 0.8, 1 / 3])
    assert most_confused(np.eye(3)).empty


def test_pairs_of_the_chosen_settings() -> None:
    frame = confused_pairs(compared(), CELLS, CONFUSIONS)
    assert frame[["optimizer", "true", "predicted", "count"]].to_numpy().tolist() == [
        ["adam", "1", "0", 6],
        ["adam", "0", "1", 1],
    ]
    assert frame["share"].tolist() == pytest.approx([0.6, 0.1])


def test_classes_go_by_their_names_where_these_are_as_many() -> None:
    origins = pd.DataFrame({"cell_id": list("ab"), "class_names": [None, ("cat", "dog")]})
    scores = per_class(compared(), CELLS, CONFUSIONS, origins=origins)
    assert scores["class"].tolist() == ["cat", "dog", "macro", "weighted", ""]
    pairs = confused_pairs(compared(), CELLS, CONFUSIONS, origins=origins)
    assert pairs[["true", "predicted"]].to_numpy().tolist() == [["dog", "cat"], ["cat", "dog"]]
    three = origins.assign(class_names=[("cat", "dog", "cow")] * 2)
    assert pool(compared(), CELLS, CONFUSIONS, three)[0].names == ("0", "1")


@given(st.lists(arrays(np.int64, (3, 3), elements=st.integers(0, 9)), min_size=1, max_size=4), st.randoms())
def test_pooling_knows_no_order_and_loses_no_example(matrices: list[np.ndarray], random) -> None:
    cells = pd.DataFrame(
        {"cell_id": range(len(matrices)), "state": "completed", "seed": range(len(matrices)), "v/a": 1.0}
    )
    comparison = compare(cells, ["seed"], select={"monitor": "v/a", "mode": "max"})
    confusions = {i: matrix.tolist() for i, matrix in enumerate(matrices)}
    pooled = pool(comparison, cells, confusions)[0].matrix
    assert pooled.sum() == sum(matrix.sum() for matrix in matrices)
    shuffled = cells.iloc[random.sample(range(len(cells)), len(cells))].reset_index(drop=True)
    assert (pool(comparison, shuffled, confusions)[0].matrix == pooled).all()
