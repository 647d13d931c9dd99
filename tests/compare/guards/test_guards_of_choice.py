"""Guards G1, G3 and G13: what stands against a choice."""

from dataclasses import replace

import pytest
from by_hand import evidence, grid, said

from sweeplab.compare.guards import look
from sweeplab.compare.guards.guard import TABLES


def tuned(rates, accuracies, **known):
    rows = [{"lr": lr, "val/accuracy": value} for lr, value in zip(rates, accuracies, strict=True)]
    return evidence(rows, ["lr", "seed"], **known)


def test_what_was_selected_on_test_data_is_stamped_on_every_table():
    found = [remark for remark in look(tuned([0.1, 0.01], [0.5, 0.6], select={"data": "test"})) if remark.guard == "G1"]
    assert [remark.table for remark in found] == list(TABLES)
    assert {remark.level for remark in found} == {"error"}
    assert all(remark.words.startswith("SELECTED ON TEST") for remark in found)
    assert "it chose the epoch of every cell and lr" in found[0].words


def test_last_epoch_without_tuning_is_no_choice_yet_invites_one():
    rows = grid(optimizer=["adam", "sgd"])
    words = said("G1", evidence(rows, ["optimizer"], select={"data": "test", "epoch": "last"}))
    assert "whatever is best by these figures is chosen on it" in words[0]


def test_choice_on_held_out_data_is_silent():
    assert said("G1", tuned([0.1, 0.01], [0.5, 0.6])) == []


@pytest.mark.parametrize(
    ("accuracies", "words"),
    [
        ([0.4899, 0.6, 0.8], "lr=0.001: EDGE: lr at the edge: the lowest of 3; go on with lr=0.0001,1e-05"),
        ([0.8, 0.6, 0.4899], "lr=0.1: EDGE: lr at the edge: the highest of 3; go on with lr=1,10"),
    ],
)
def test_choice_at_the_edge_names_how_the_grid_goes_on(accuracies, words):
    assert said("G3", tuned([0.1, 0.01, 0.001], accuracies)) == [words]


@pytest.mark.parametrize(
    ("rates", "words"),
    [
        ([8e-5, 4e-5, 2e-5, 1e-5], "go on with lr=5e-06,2.5e-06"),
        ([1, 10, 100, 1000][::-1], "the grid should go on there"),
        ([1, 4, 16], "go on with lr=64,256"),
        ([1e12, 0.1, 0.01], "go on with lr=0.001,0.0001"),
        ([0.1, 0.2, 0.3], "the grid should go on there"),
        ([0.0, 0.1, 1.0], "the grid should go on there"),
    ],
)
def test_grid_goes_on_at_its_own_spacing_if_that_is_logarithmic(rates, words):
    [found] = said("G3", tuned(rates, [0.1 * place for place in range(len(rates))]))
    assert found.endswith(words)


def test_choice_inside_its_grid_is_silent():
    assert said("G3", tuned([0.1, 0.01, 0.001], [0.4899, 0.7997, 0.6858])) == []


def test_of_two_values_each_is_an_edge():
    rows = [{**row, "val/accuracy": row["lr"]} for row in grid(optimizer=["adam", "rmsprop"], lr=[1e-3, 1e-5])]
    [words] = said("G3", evidence(rows, ["optimizer", "lr"]))
    assert words.startswith("adam lr=0.001, rmsprop lr=0.001: lr has two values")


def test_grid_whose_every_cell_is_lost_has_no_edge():
    rows = [{"lr": lr, "state": "diverged", "val/accuracy": None} for lr in (0.1, 1.0, 10.0)]
    assert said("G3", evidence(rows, ["lr"])) == []
    assert said("G13", evidence(rows, ["lr"])) == []


def test_best_of_many_is_flattered_and_can_be_confirmed():
    [words] = said("G13", tuned([0.1, 0.01, 0.001], [0.5, 0.6, 0.5]))
    assert "the best of 3 settings is flattered" in words
    assert words.endswith("python -m sweeplab confirm FOLDER trains the chosen ones on fresh seeds")


def test_the_command_that_confirms_can_be_typed():
    found = replace(tuned([0.1, 0.01], [0.5, 0.6]), folder="out puts/sweeps/a")
    assert "python -m sweeplab confirm 'out puts/sweeps/a' trains" in said("G13", found)[0]


def test_one_setting_each_is_no_choice():
    assert said("G13", evidence(grid(optimizer=["adam", "sgd"]), ["optimizer"])) == []
    assert said("G3", evidence(grid(optimizer=["adam", "sgd"]), ["optimizer"])) == []
