"""Tables per class."""

import math

import pandas as pd

from sweeplab.compare import compare
from sweeplab.compare.classes import confused_pairs, per_class
from sweeplab.report.classes import MAX_CLASSES, classes_table, confused_table

CELLS = pd.DataFrame(
    {
        "cell_id": list("abcd"),
        "state": ["completed", "completed", "completed", "diverged"],
        "optimizer": ["adam", "adam", "sgd", "lion"],
        "seed": [0, 1, 0, 0],
        "val/accuracy": [0.5, 0.6, 0.7, math.nan],
    }
)
CONFUSIONS = {"a": [[4, 1], [2, 3]], "b": [[5, 0], [4, 1]], "c": [[5, 0], [5, 0]]}
COMPARISON = compare(CELLS, ["optimizer", "seed"], select={"monitor": "val/accuracy", "mode": "max"})


def test_scores_of_every_class_and_the_averages() -> None:
    table = classes_table(per_class(COMPARISON, CELLS, CONFUSIONS, rows=[0, 1, 2]), ["said first"])
    assert table.header == ["optimizer", "class", "precision", "recall", "F1", "support", "n"]
    # pooled: 9 and 1, 6 and 4
    assert table.rows[0] == ["adam", "0", "0.6000", "0.9000", "0.7200 ± 0.0092", "10", "2/2"]
    assert [row[1] for row in table.rows] == ["0", "1", "macro", "weighted"] * 2
    assert table.rows[5] == ["sgd", "1", "0.0000 †", "0.0000", "0.0000", "5", "1/1"]
    assert table.notes[0] == "said first"
    assert "lion: no cell has a confusion matrix." in table.notes
    assert any(note.startswith("† 0/0") for note in table.notes)


def test_of_many_classes_the_worst_and_the_rest_is_counted() -> None:
    num = MAX_CLASSES + 5
    # class i is right i times of num
    matrix = [[i + 1 if i == j else num - i - 1 if j == (i + 1) % num else 0 for j in range(num)] for i in range(num)]
    table = classes_table(per_class(COMPARISON, CELLS, {"c": matrix}, rows=[1]))
    assert len(table.rows) == MAX_CLASSES + 2
    assert {str(num - 1), str(num - 2)}.isdisjoint({row[0] for row in table.rows})
    assert f"The {MAX_CLASSES} classes of lowest F1 are shown, 5 are not." in table.notes
    assert not [note for note in table.notes if note.startswith("†")]


def test_confused_pairs_in_words() -> None:
    table = confused_table(confused_pairs(COMPARISON, CELLS, CONFUSIONS, rows=[0, 1, 2]))
    assert table.rows == [
        ["adam", "1", "0", "6", "0.6000"],
        ["adam", "0", "1", "1", "0.1000"],
        ["sgd", "1", "0", "5", "1.0000"],
    ]


def test_nothing_to_show_is_an_empty_table() -> None:
    assert classes_table(per_class(COMPARISON, CELLS, {}, rows=[])).rows == []
    assert confused_table(confused_pairs(COMPARISON, CELLS, {})).rows == []
