from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import InstantiationException
from hydra.utils import instantiate

from sweeplab.data import Source

CONF = Path(__file__).parents[2] / "conf"
CHOICES = sorted(path.stem for path in (CONF / "dataset").glob("*.yaml"))
AUGMENTS = sorted(path.stem for path in (CONF / "dataset" / "augment").glob("*.yaml"))


def build(choice, root, *overrides):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        node = compose(f"dataset/{choice}", [f"+runtime.data_dir={root}", *overrides]).dataset
    return instantiate(node)


@pytest.mark.parametrize("choice", CHOICES)
def test_first_line_says_where_the_data_come_from(choice):
    first = (CONF / "dataset" / f"{choice}.yaml").read_text().splitlines()[0]
    assert first.startswith("# ")
    assert len(first) > 20


@pytest.mark.parametrize("choice", CHOICES)
def test_builds_a_source_of_plain_values_without_augmentation(choice, tmp_path):
    source = build(choice, tmp_path)
    assert isinstance(source, Source)
    assert source.root == str(tmp_path)
    assert source.augment is None
    assert source.in_memory in (True, "auto")
    assert type(source.shape) is list
    assert source.num_classes <= source.val_size < source.num_train


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("augment", AUGMENTS)
def test_every_augmentation_can_be_chosen_for_images_and_only_there(choice, augment, tmp_path):
    if augment != "none" and len(build(choice, tmp_path).shape) != 3:
        with pytest.raises(InstantiationException, match=r"dataset\.augment needs images"):
            build(choice, tmp_path, f"dataset/augment={augment}")
        return
    source = build(choice, tmp_path, f"dataset/augment={augment}")
    assert (source.augment is None) == (augment == "none")


def test_crop_flip_is_the_usual_augmentation_of_cifar(tmp_path):
    crop, flip = build("cifar10", tmp_path, "dataset/augment=crop_flip").augment
    assert crop.padding == 4
    assert flip.probability == 0.5


@pytest.mark.parametrize("choice", ["digits", "synthetic"])
def test_works_at_once_without_a_network(choice, tmp_path):
    source = build(choice, tmp_path)
    loaders = source.loaders(
        batch_size=32,
        eval_batch_size=64,
        seed=0,
        device="cpu",
        workers=0,
        steps_per_call=4,
        limit_batches=None,
        overfit_batches=0,
        drop_last=False,
        select_data="held_out",
    )
    x, y = next(iter(loaders.train))[0]
    assert list(x.shape) == [32, *source.shape]
    assert y.max() < source.num_classes
    assert abs(x.mean()) < 0.3
    assert sum(len(y) for _, y in loaders.val) == source.val_size
