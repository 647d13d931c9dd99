"""Guards G5 and G12: what each optimizer was given."""

from by_hand import evidence, grid, said

AXES = ["model", "optimizer", "lr", "seed"]
RATES = [0.1, 0.01, 0.001]


def test_more_rates_for_one_optimizer_are_an_unequal_budget():
    rows = [*grid(optimizer=["adam"], lr=RATES), *grid(optimizer=["sgd"], lr=[0.1])]
    [words] = said("G5", evidence(rows, ["optimizer", "lr"]))
    assert words == "unequal budget, settings tried: adam 3, sgd 1; compare at the smallest"


def test_an_axis_of_its_own_gives_an_optimizer_more_tries():
    momenta = grid(optimizer=["sgdm"], lr=RATES, **{"optimizer.momentum": [0.5, 0.9]})
    rows = [*grid(optimizer=["adam"], lr=RATES, **{"optimizer.momentum": [None]}), *momenta]
    [words] = said("G5", evidence(rows, ["optimizer", "lr", "optimizer.momentum"]))
    assert "settings tried: adam 3, sgdm 6" in words


def test_more_seeds_for_one_optimizer_are_an_unequal_budget():
    rows = [*grid(optimizer=["adam"], seed=range(5)), *grid(optimizer=["sgd"], seed=range(3))]
    assert "cells per setting: adam 5, sgd 3" in said("G5", evidence(rows, ["optimizer", "seed"]))[0]


def test_epochs_differ_as_in_the_published_adam_of_31_epochs():
    rows = grid(optimizer=["sgd", "adam"])
    found = evidence(rows, ["optimizer"], origins={"max_epochs": [21, 31]})
    assert said("G5", found) == ["unequal budget, max_epochs: sgd 21, adam 31"]


def test_an_early_stop_makes_steps_unequal():
    rows = [{"optimizer": "adam", "steps": 29_250}, {"optimizer": "sgd", "steps": 3_900}]
    assert said("G5", evidence(rows, ["optimizer"])) == [
        "unequal budget, steps of a cell (median): adam 29,250, sgd 3,900"
    ]


def test_each_workload_is_looked_at_by_itself():
    rows = [
        *grid(model=["lenet"], optimizer=["adam", "sgd"], lr=RATES),
        *grid(model=["alexnet"], optimizer=["adam"], lr=RATES),
        *grid(model=["alexnet"], optimizer=["sgd"], lr=RATES[:2]),
    ]
    assert said("G5", evidence(rows, AXES[:3])) == [
        "alexnet: unequal budget, settings tried: adam 3, sgd 2; compare at the smallest"
    ]


def test_equal_budgets_are_silent():
    rows = grid(model=["lenet", "alexnet"], optimizer=["adam", "sgd"], lr=RATES, seed=[0, 1])
    # a lost cell was given its budget all the same
    rows[0] |= {"state": "diverged", "steps": 3}
    assert said("G5", evidence(rows, AXES)) == []


def test_epochs_that_are_compared_are_no_fault():
    assert said("G5", evidence(grid(max_epochs=[5, 10]), ["max_epochs"])) == []


def test_search_space_says_what_was_tried_and_what_was_fixed():
    rows = [*grid(optimizer=["adam", "radam"], lr=[0.01, 0.001]), *grid(optimizer=["rmsprop"], lr=[0.1])]
    [words] = said("G12", evidence(rows, ["optimizer", "lr"]))
    assert "tried lr: {0.01, 0.001} with adam, radam, {0.1} with rmsprop" in words
    assert "fixed: batch_size=32, max_epochs=50, weight_decay=0, l2=0, precision=32-true, scheduler=constant" in words


def test_long_grid_is_told_by_its_ends():
    rows = [{"lr": 10.0**-power} for power in range(9)]
    assert "tried lr: 9 values from 1 to 1e-08" in said("G12", evidence(rows, ["lr"]))[0]


def test_only_the_rate_tuned_for_adaptive_against_sgd():
    rows = grid(optimizer=["sgdm", "keras_adam", "rmsprop"], lr=RATES)
    [_, words] = said("G12", evidence(rows, ["optimizer", "lr"]))
    assert words.startswith("only lr was tuned, while adaptive (keras_adam, rmsprop) and SGD-type (sgdm) optimizers")


def test_one_kind_of_optimizer_or_more_tuned_is_not_warned_of():
    alike = evidence(grid(optimizer=["adam", "rmsprop"], lr=RATES), ["optimizer", "lr"])
    decayed = grid(optimizer=["adam", "sgd"], lr=RATES, weight_decay=[0.0, 1e-4])
    assert len(said("G12", alike)) == 1
    assert len(said("G12", evidence(decayed, ["optimizer", "lr", "weight_decay"]))) == 1


def test_a_lone_setting_was_searched_for_in_no_space():
    assert said("G12", evidence(grid(seed=[0, 1, 2]), ["seed"])) == []
