"""Guard G15: workloads have no common scale."""

from by_hand import evidence, grid, said


def test_several_workloads_are_counted_and_never_averaged():
    [words] = said("G15", evidence(grid(model=["lenet", "vgg"], dataset=["mnist", "cifar10"]), ["model", "dataset"]))
    assert words.startswith("N=4 workloads (lenet mnist, lenet cifar10, vgg mnist and 1 more)")
    assert "no raw metric is averaged" in words
    assert "below 5 workloads no critical difference" in words


def test_five_workloads_may_have_a_critical_difference():
    [words] = said("G15", evidence(grid(dataset=list("abcde")), ["dataset"]))
    assert "critical difference" not in words


def test_one_workload_is_silent():
    assert said("G15", evidence(grid(model=["lenet"], optimizer=["adam", "sgd"]), ["model", "optimizer"])) == []
