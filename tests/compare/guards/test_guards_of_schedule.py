"""Guard G9: schedules that decide the comparison."""

import numpy as np
from by_hand import evidence, grid, said

EPOCHS = np.arange(1, 76)
CONSTANT = np.full(75, 1e-3)


def radam(steps_per_epoch=390, total=5000, warm=500):
    """The published RAdam: 5,000 of 29,250 steps of warm-up and decay, then 1e-5."""
    step = EPOCHS * steps_per_epoch
    decay = 1e-3 + (1e-5 - 1e-3) / (total - warm) * np.minimum(step - warm, total - warm)
    return np.where(step <= warm, 1e-3 * step / warm, decay)


def arms(**rates):
    rows = grid(optimizer=list(rates))
    curves = {number: {"lr": values} for number, values in enumerate(rates.values())}
    planned = [len(values) for values in rates.values()]
    return evidence(rows, ["optimizer"], origins={"max_epochs": planned}, curves=curves)


def test_published_radam_reaches_its_floor_in_epoch_13_of_75_and_has_a_tenth_of_adams_rate():
    floor, means = said("G9", arms(keras_adam=CONSTANT, keras_radam=radam()))
    assert floor.startswith(
        "keras_radam (lr=1e-05 from epoch 13 of 75 on, for the last 83%): the schedule reaches its floor"
    )
    assert "keras_radam and 1.00 with keras_adam" in means
    ratio = CONSTANT.mean() / (radam().mean() / radam().max() * 1e-3)
    assert 9 < ratio < 11
    assert f"{ratio:.1f} times as much" in means


def test_constant_and_cosine_are_silent():
    cosine = 0.1 * (1 + np.cos(np.pi * EPOCHS / 75)) / 2
    assert said("G9", arms(adam=CONSTANT, sgd=cosine)) == []


def test_rates_tuned_apart_are_no_fault():
    assert said("G9", arms(adam=CONSTANT, sgd=100 * CONSTANT)) == []


def test_step_schedule_with_late_milestones_is_silent():
    steps = np.where(EPOCHS <= 38, 0.1, np.where(EPOCHS <= 57, 0.01, 0.001))
    assert said("G9", arms(adam=steps, sgd=steps)) == []


def test_long_warm_up_is_told():
    cycle = np.interp(EPOCHS, [0, 0.3 * 75, 75], [0.0, 0.1, 0.0])
    [words] = said("G9", arms(sgd=cycle, adam=cycle))
    assert "the warm-up lasts longer than 20%" in words
    assert "about 30% of 75 epochs" in words


def test_short_warm_up_is_silent():
    short = np.interp(EPOCHS, [0, 5, 75], [0.0, 0.1, 0.0])
    assert said("G9", arms(sgd=short)) == []


def test_training_that_ended_early_by_itself_tells_nothing_of_its_schedule():
    decayed = np.geomspace(0.1, 0.001, 20)
    found = evidence(grid(optimizer=["adam"]), ["optimizer"], origins={"max_epochs": [75]}, curves={0: {"lr": decayed}})
    assert said("G9", found) == []


def test_schedules_are_compared_within_a_workload():
    rows = grid(model=["lenet", "alexnet"], optimizer=["keras_adam"])
    curves = {0: {"lr": CONSTANT}, 1: {"lr": radam()}}
    words = said("G9", evidence(rows, ["model", "optimizer"], origins={"max_epochs": [75, 75]}, curves=curves))
    assert len(words) == 1
    assert "floor" in words[0]


def test_silent_without_curves():
    assert said("G9", evidence(grid(optimizer=["adam", "sgd"]), ["optimizer"])) == []
