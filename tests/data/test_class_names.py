"""Names of classes are words for readers: they must fit the labels, and change no result and no cell's id."""

import pytest

from sweeplab.errors import ConfigFault

APART = "circumstance=[dataset.root,dataset.download,dataset.in_memory,dataset.class_names,trusted_targets]"
NAMED = {"cifar10": 10, "fashion_mnist": 10, "imdb": 2, "reuters_r8": 8}


def test_there_is_one_for_each_label(synthetic):
    assert synthetic(num_classes=2, class_names=["cat", "dog"]).class_names == ["cat", "dog"]
    with pytest.raises(ConfigFault, match=r"dataset.class_names must be 3 words or null, got 2 of them"):
        synthetic(num_classes=3, class_names=["cat", "dog"])


def test_the_examples_are_the_same_and_prepared_once(synthetic):
    plain, named = synthetic(num_classes=2), synthetic(num_classes=2, class_names=["cat", "dog"])
    assert plain.array_folder == named.array_folder


@pytest.mark.parametrize(("dataset", "classes"), NAMED.items())
def test_data_sets_name_their_classes_and_the_id_does_not_know(plan, dataset, classes):
    [named] = plan(APART, f"dataset={dataset}").cells
    [other] = plan(APART, f"dataset={dataset}", "dataset.class_names=null").cells

    assert len(named.config["dataset"]["class_names"]) == named.config["dataset"]["num_classes"] == classes
    assert other.config["dataset"]["class_names"] is None
    assert named.id == other.id


def test_reuters_goes_by_the_order_that_it_is_read_in(plan):
    from sweeplab.data.reuters import TOPICS

    [cell] = plan(APART, "dataset=reuters_r8").cells
    assert tuple(cell.config["dataset"]["class_names"]) == TOPICS
