"""Published code that changed test images as well: reproducible here, and the same at every look."""

import pytest
import torch
from numbered import NUM_TEST, assert_same, flat, load

from sweeplab.data.augment import EverySplit, RandomCrop, RandomFlip

FLIP = RandomFlip(probability=0.5)
EVERYWHERE = [EverySplit(change=FLIP)]


def whole(batches):
    return torch.cat([x for x, _ in batches])


def is_mirrored(ours, plain):
    """Which images are mirrored, by comparing with the same ones as they are; all others must be equal."""
    mirrored = (ours == plain.flip(-1)).flatten(1).all(1)
    assert ((ours == plain).flatten(1).all(1) != mirrored).all()
    return mirrored.tolist()


@pytest.mark.parametrize("split", ["val", "test"])
def test_about_half_of_the_evaluated_images_are_mirrored_alike_at_every_look(numbered, split):
    ours, plain = (getattr(load(numbered(augment=augment)), split) for augment in (EVERYWHERE, None))
    flips = is_mirrored(whole(ours), whole(plain))
    assert 0 < sum(flips) < len(flips)
    assert_same(list(ours), list(ours))
    assert [y.tolist() for _, y in ours] == [y.tolist() for _, y in plain]


def test_seed_decides_which(numbered):
    source, plain = numbered(augment=EVERYWHERE), whole(load(numbered()).test)
    flips = [is_mirrored(whole(load(source, seed=seed).test), plain) for seed in (0, 0, 1)]
    assert flips[0] == flips[1] != flips[2]


def test_it_does_not_matter_how_examples_are_batched_or_how_many_are_looked_at(numbered):
    source = numbered(augment=EVERYWHERE)
    test = whole(load(source).test)
    assert torch.equal(whole(load(source, eval_batch_size=2).test), test)
    assert torch.equal(whole(load(source, limit_batches=1).test), test[:7])


def test_training_is_as_with_the_change_itself(numbered):
    """Anew in every epoch, in its place among the others."""
    crop = RandomCrop(padding=1)
    ours = load(numbered(augment=[crop, EverySplit(change=FLIP)])).train
    plain = load(numbered(augment=[crop, FLIP])).train
    for _ in range(2):
        assert_same(flat(ours), flat(plain))


def test_only_the_wrapped_change_is_done_to_evaluated_examples(numbered):
    ours = load(numbered(augment=[RandomCrop(padding=2), *EVERYWHERE]))
    assert_same(ours.test, load(numbered(augment=EVERYWHERE)).test)


def test_validation_on_the_test_split_sees_the_very_same_images(numbered):
    loaders = load(numbered(augment=EVERYWHERE), select_data="test")
    assert_same(loaders.val, loaders.test)


def test_overfitting_changes_nothing_anywhere(numbered):
    ours, plain = (load(numbered(augment=augment), overfit_batches=2) for augment in (EVERYWHERE, None))
    assert_same(ours.val, plain.val)
    assert_same(ours.test, plain.test)


def test_examples_to_fit_on_are_unchanged(numbered):
    assert_same(load(numbered(augment=EVERYWHERE)).examples, load(numbered()).examples)


@pytest.mark.parametrize("workers", [0, 2])
def test_streamed_equals_held_in_memory(numbered, workers):
    held, streamed = (load(numbered(augment=EVERYWHERE, in_memory=m), workers=workers) for m in (True, False))
    assert_same(streamed.val, held.val)
    assert_same(streamed.test, held.test)
    assert streamed.order_hash == held.order_hash


def test_hash_covers_what_is_drawn_for_evaluation(numbered):
    everywhere, training = (load(numbered(augment=augment)).order_hash for augment in (EVERYWHERE, [FLIP]))
    assert everywhere != training
    assert len(whole(load(numbered(augment=EVERYWHERE)).test)) == NUM_TEST
