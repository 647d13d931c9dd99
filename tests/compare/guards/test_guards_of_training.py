"""Guards G10 and G11: cells that did not train, and ends that scatter."""

import math

import numpy as np
from by_hand import evidence, grid, said

from sweeplab.compare.guards import look

# cats and dogs: 3,062 of 6,250 are the class that was always answered, .4899
ONE_CLASS = [[3062, 0], [3188, 0]]
# AlexNet with RMSprop on CIFAR-10, test accuracy: about .8, then .79 .49 .22 .76 in epochs 47 to 50
ALEXNET = [*np.linspace(0.4, 0.8, 36), 0.82, *[0.79, 0.80, 0.78] * 3, 0.79, 0.49, 0.22, 0.76]


def trained(matrix, loss=0.1):
    rows = [{"optimizer": "adam", "train/loss": loss}, {"optimizer": "sgd", "train/loss": 0.1}]
    return evidence(rows, ["optimizer"], confusions={0: matrix, 1: [[40, 10], [10, 40]]})


def ended(values, select=None):
    rows = grid(optimizer=["rmsprop", "adam"])
    curves = {0: {"val/accuracy": values, "val/loss": values}, 1: {"val/accuracy": [0.5] * 50, "val/loss": [0.5] * 50}}
    rows = [{**row, "val/loss": 0.5} for row in rows]
    return evidence(rows, ["optimizer"], curves=curves, select=select)


def test_published_vgg_that_answers_one_class_did_not_train():
    assert np.trace(ONE_CLASS) / np.sum(ONE_CLASS) == 0.48992
    [words] = said("G10", trained(ONE_CLASS))
    assert words.startswith("adam (one class is answered always; the commonest makes 0.5101")
    assert words.endswith("CHANCE, did not train: no better than a guess")


def test_accuracy_within_two_standard_errors_of_the_commonest_class():
    # p = .6, n = 100: two standard errors are .098, so .69 is chance and .70 is not
    assert "no better than the commonest class alone, 0.6000" in said("G10", trained([[59, 1], [30, 10]]))[0]
    assert said("G10", trained([[59, 1], [29, 11]])) == []


def test_training_loss_as_high_as_guessings():
    good = [[45, 5], [5, 45]]
    assert "train/loss as high as guessing's, ln 2 = 0.6931" in said("G10", trained(good, loss=0.6931))[0]
    assert said("G10", trained(good, loss=0.98 * math.log(2))) == []


def test_diverged_cell_is_no_cell_that_did_not_train():
    assert said("G10", evidence([{"optimizer": "adam", "state": "diverged"}], ["optimizer"])) == []


def test_published_alexnet_depends_on_which_epoch_is_last():
    [words] = said("G11", ended(ALEXNET))
    assert words.startswith(
        "rmsprop (best 0.82, last 0.76): UNSTABLE: val/accuracy of the last epoch lies farther from the best"
    )


def test_of_a_setting_the_seed_that_differs_most_is_told():
    curves = {seed: {"val/accuracy": [*[0.8] * 20, last]} for seed, last in enumerate([0.7, 0.2, 0.8])}
    [remark] = [one for one in look(evidence(grid(seed=[0, 1, 2]), ["seed"], curves=curves)) if one.guard == "G11"]
    assert remark.words.startswith("(best 0.8, last 0.2): UNSTABLE")
    assert remark.cells == ("c0", "c1")


def test_settled_end_is_silent():
    assert said("G11", ended([*np.linspace(0.4, 0.8, 40), *[0.79, 0.80] * 5])) == []
    assert said("G11", ended(np.linspace(0.1, 0.9, 50))) == []


def test_a_last_epoch_within_the_scatter_is_silent():
    # median .75, deviations .05: two of them are .10, as far as the best lies from the last
    assert said("G11", ended([0.7, 0.8] * 20 + [0.8, 0.7])) == []


def test_a_loss_is_best_where_it_is_lowest():
    rising = [*np.linspace(2, 0.5, 25), *np.linspace(0.5, 1.5, 25)]
    select = {"monitor": "val/loss", "mode": "min"}
    found = ended(rising, select=select)
    assert "(best 0.5, last 1.5): UNSTABLE: val/loss of the last epoch" in said("G11", found)[0]


def test_cells_that_did_not_complete_have_no_end():
    curves = {0: {"val/accuracy": ALEXNET}}
    rows = [{"optimizer": "rmsprop", "state": "diverged"}, {"optimizer": "adam"}]
    assert said("G11", evidence(rows, ["optimizer"], curves=curves)) == []
    assert said("G11", evidence(rows, ["optimizer"])) == []
