"""Guards G6, G7 and G17: whether cells are paired, and what verdicts allow to say."""

import pytest
from by_hand import evidence, grid, said

from sweeplab.compare.guards import look

AXES = ["optimizer", "lr", "seed"]
ROWS = grid(optimizer=["adam", "sgd"], lr=[0.1, 0.01], seed=[0, 1])
PAIRED = ["zero", "one"] * 4


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("initial_weights_hash", "the initial weights differ; they are hashed before any optimizer exists"),
        ("data_order_hash", "the batches of the first epoch differ"),
    ],
)
def test_cells_of_one_seed_that_start_or_go_on_differently_are_not_paired(column, words):
    found = evidence(ROWS, AXES, origins={column: [*PAIRED[:6], "other", "one"]})
    [remark] = [remark for remark in look(found) if remark.guard == "G6"]
    assert (remark.level, remark.table) == ("error", "pairs")
    assert remark.words.startswith("seed=0: NOT PAIRED: with the same seed, model and data set")
    assert words in remark.words
    assert remark.cells == ("c0", "c2", "c4", "c6")


def test_paired_cells_are_silent():
    found = evidence(ROWS, AXES, origins={"initial_weights_hash": PAIRED, "data_order_hash": PAIRED})
    assert said("G6", found) == []


def test_other_models_and_batches_start_and_go_on_differently_by_right():
    rows = grid(model=["lenet", "vgg"], batch_size=[32, 64], optimizer=["adam", "sgd"])
    hashes = [f"{row['model']}{row['batch_size']}" for row in rows]
    found = evidence(rows, ["model", "batch_size", "optimizer"], origins={"data_order_hash": hashes})
    assert said("G6", found) == []


def test_records_without_hashes_are_not_taken_for_paired():
    found = evidence(ROWS, AXES, origins={"initial_weights_hash": [None, None, *PAIRED[2:]], "data_order_hash": PAIRED})
    assert said("G6", found) == [
        "2 completed cells recorded no hash of their weights: whether they are paired is not known"
    ]


def test_verdicts_say_what_a_difference_is_worth():
    verdicts = ["better", "indistinguishable", "indistinguishable", "not enough seeds"]
    assert said("G7", evidence(ROWS, AXES, verdicts=verdicts)) == [
        "2 of 4 pairs are indistinguishable: their differences are within noise",
        "1 of 4 pairs have too few seeds: fewer than 6 can never be significant",
    ]


def test_when_none_wins_it_is_said():
    words = said("G7", evidence(ROWS, AXES, verdicts=["indistinguishable"]))
    assert words[-1] == "no setting is shown to be better than another"


@pytest.mark.parametrize("verdicts", [None, [], ["better", "worse"]])
def test_verdicts_that_tell_all_apart_are_silent(verdicts):
    assert said("G7", evidence(ROWS, AXES, verdicts=verdicts)) == []


def test_number_of_comparisons_is_said():
    assert said("G17", evidence(ROWS, AXES, verdicts=["better"] * 6)) == [
        "6 pairwise comparisons: p-values are adjusted for all of them (Holm)"
    ]


@pytest.mark.parametrize("verdicts", [None, [], ["better"]])
def test_one_comparison_is_not_many(verdicts):
    assert said("G17", evidence(ROWS, AXES, verdicts=verdicts)) == []
