"""The choices of conf/dataset/augment are what their sources did."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from sweeplab.data.augment import Changes, EverySplit, RandomBlur, RandomFlip, RandomShift, Twins

CONF = Path(__file__).parents[2] / "conf"
CHOICES = sorted(path.stem for path in (CONF / "dataset" / "augment").glob("*.yaml"))


def build(choice):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        node = compose("dataset/cifar10", ["+runtime.data_dir=x", f"dataset/augment={choice}"]).dataset
    return instantiate(node).augment


@pytest.mark.parametrize("choice", CHOICES)
def test_second_line_says_where_it_comes_from(choice):
    """The first is Hydra's package directive."""
    first, second, *_ = (CONF / "dataset" / "augment" / f"{choice}.yaml").read_text().splitlines()
    assert first == "# @package dataset"
    assert second.startswith("# ")


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_is_something_that_loaders_understand(choice):
    changes = Changes.of(build(choice))
    assert bool([*changes.training, *changes.twins]) == (choice != "none")


def test_keras_shift_flip():
    shift, flip = build("keras_shift_flip")
    assert (type(shift), shift.max_shift) == (RandomShift, 0.1)
    assert (type(flip), flip.probability) == (RandomFlip, 0.5)


def test_twins_flip_blur():
    [twins] = build("twins_flip_blur")
    flip, blur = twins.change
    assert type(twins) is Twins
    assert (type(flip), flip.probability) == (RandomFlip, 1.0)
    assert (type(blur), blur.probability, blur.smallest, blur.largest) == (RandomBlur, 0.1, 0.0, 0.5)


def test_flip_on_training_alone_and_on_every_split():
    [flip], [every] = build("flip"), build("flip_every_split")
    assert (type(flip), flip.probability) == (RandomFlip, 0.5)
    assert (type(every), type(every.change[0]), every.change[0].probability) == (EverySplit, RandomFlip, 0.5)
