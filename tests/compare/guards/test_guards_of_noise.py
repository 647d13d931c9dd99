"""Guard G8: the test set is a sample too."""

import pytest
from by_hand import evidence, said

ROWS = [{"optimizer": "sgdm", "test/accuracy": 0.8375}, {"optimizer": "adagrad", "test/accuracy": 0.8279}]


def matrix(total):
    return [[total // 2, 0], [0, total - total // 2]]


def measured(total, *rows):
    return evidence(rows or ROWS, ["optimizer"], confusions={0: matrix(total), 1: matrix(total)})


def test_published_alexnets_lie_within_the_noise_of_10_000_test_images():
    # 1.96 * sqrt(2 * .8375 * .1625 / 10,000) = .01023, and .8375 - .8279 = .0096
    assert said("G8", measured(10_000)) == [
        "adagrad below sgdm by less than 0.0102 on 10,000 test examples: differences from the highest test/accuracy"
        " that are below test-sampling noise, however many seeds"
    ]


def test_more_test_images_tell_them_apart():
    assert said("G8", measured(20_000)) == []


@pytest.mark.parametrize("far", [0.6176, 0.8])
def test_large_differences_are_silent(far):
    assert said("G8", measured(10_000, ROWS[0], {"optimizer": "sgd", "test/accuracy": far})) == []


def test_only_the_chosen_of_each_workload_are_compared():
    rows = [
        {"model": model, "optimizer": optimizer, "lr": lr, "test/accuracy": accuracy, "val/accuracy": lr}
        for model, optimizer, lr, accuracy in [
            ("lenet", "adam", 0.1, 0.6761),
            ("lenet", "adam", 0.01, 0.6760),
            ("lenet", "sgd", 0.1, 0.5403),
            ("vgg", "adam", 0.1, 0.6760),
        ]
    ]
    found = evidence(rows, ["model", "optimizer", "lr"], confusions={number: matrix(10_000) for number in range(4)})
    assert said("G8", found) == []


def test_unknown_test_set_is_silent():
    assert said("G8", evidence(ROWS, ["optimizer"])) == []
    assert said("G8", evidence([{"optimizer": "adam"}], ["optimizer"])) == []
