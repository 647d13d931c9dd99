"""Batches in which every image stands beside a changed copy of itself."""

import numpy as np
import pytest
import torch
from numbered import AUGMENT, NUM_TEST, NUM_TRAIN, VAL_SIZE, assert_same, flat, load, numbers

from sweeplab.data.augment import RandomBlur, RandomCrop, RandomFlip, Twins
from sweeplab.errors import ConfigFault

MIRRORED = [Twins(change=RandomFlip(probability=1.0))]
CHANGED = [*AUGMENT, Twins(change=[RandomFlip(probability=0.5), RandomBlur(probability=0.5, sigma=[0.5, 1.0])])]


def test_every_image_stands_before_its_mirror_image(numbered):
    """Batches of four are two fresh images and two copies; over an epoch every fresh image comes once."""
    batches = flat(load(numbered(augment=MIRRORED)).train)
    fresh = []
    for x, y in batches:
        assert len(x) == 4
        assert torch.equal(x[1::2], x[::2].flip(-1))
        assert torch.equal(y[1::2], y[::2])
        fresh += numbers([(x[::2], y[::2])])
        assert [n % 5 for n in numbers([(x[::2], y[::2])])] == y[::2].tolist()
    assert len(set(fresh)) == len(fresh) == NUM_TRAIN - VAL_SIZE


def test_the_fresh_half_is_what_it_would_be_without_twins(numbered):
    """What stands before Twins is done to both; the order is that of batches of half the size."""
    twins, plain = load(numbered(augment=CHANGED)), load(numbered(augment=AUGMENT), batch_size=2)
    assert_same([(x[::2], y[::2]) for x, y in flat(twins.train)], flat(plain.train))


def test_copies_are_changed_by_what_is_drawn_for_their_number(numbered):
    """A copy is its image, mirrored and blurred or not; that of another epoch differs."""
    train = load(numbered(augment=[CHANGED[-1]]), batch_size=20).train
    flips = train.order.draws(0)[0]
    sigmas = train.order.draws(0)[1]
    first, second = flat(train), flat(train)
    x = torch.cat([x for x, _ in first])
    for image, copy, i in zip(x[::2], x[1::2], numbers([(x[::2], None)]), strict=True):
        turned = image.flip(-1) if flips[i] else image
        assert torch.allclose(copy, turned, atol=1e-6) == (sigmas[i] == 0)
    assert not torch.equal(torch.cat([x for x, _ in first])[1::2], torch.cat([x for x, _ in second])[1::2])


@pytest.mark.parametrize(("batch_size", "steps"), [(50, 2), (30, 3), (2, 40), (100, 1)])
def test_an_epoch_has_as_many_steps_as_fresh_halves(numbered, batch_size, steps):
    loaders = load(numbered(augment=MIRRORED), batch_size=batch_size)
    batches = flat(loaders.train)
    assert loaders.steps_per_epoch == len(batches) == steps
    assert sum(len(x) for x, _ in batches) == 2 * (NUM_TRAIN - VAL_SIZE)


def test_cifar_in_batches_of_fifty_is_two_thousand_steps(synthetic):
    """50,000 images, 25 fresh ones in a batch: as published."""
    source = synthetic(shape=[1, 1, 1], num_train=50_000, augment=MIRRORED)
    assert load(source, batch_size=50, select_data="test").steps_per_epoch == 2000


def test_an_odd_batch_size_is_a_fault(numbered):
    with pytest.raises(ConfigFault, match=r"batch_size must be even with Twins in dataset.augment, got 5 \(half"):
        load(numbered(augment=MIRRORED), batch_size=5)


@pytest.mark.parametrize("steps_per_call", [1, 2, 100])
def test_lists_do_not_change_what_is_in_them(numbered, steps_per_call):
    source = numbered(augment=CHANGED)
    assert_same(flat(load(source, steps_per_call=steps_per_call).train), flat(load(source).train))


def test_limit_counts_batches(numbered):
    source = numbered(augment=MIRRORED)
    limited = load(source, limit_batches=3)
    assert limited.steps_per_epoch == 3
    assert_same(flat(limited.train), flat(load(source).train)[:3])


def test_overfitting_is_on_fresh_images_alone(numbered):
    """No augmentation, so no twins; then an odd batch size is no fault either."""
    ours, plain = load(numbered(augment=MIRRORED), overfit_batches=2, batch_size=5), load(numbered(), batch_size=5)
    assert_same(flat(ours.train), flat(plain.train)[:2])
    assert ours.steps_per_epoch == 2


def test_drop_last_drops_a_smaller_batch_of_pairs(numbered):
    """40 fresh images, 15 in a batch of 30."""
    loaders = load(numbered(augment=MIRRORED), batch_size=30, drop_last=True)
    assert [len(x) for x, _ in flat(loaders.train)] == [30, 30]
    assert loaders.steps_per_epoch == 2


def test_evaluation_has_no_twins(numbered):
    assert_same(load(numbered(augment=MIRRORED)).val, load(numbered()).val)
    assert len(numbers(load(numbered(augment=MIRRORED)).test)) == NUM_TEST


@pytest.mark.parametrize("workers", [0, 2])
def test_streamed_equals_held_in_memory(numbered, workers):
    held, streamed = (load(numbered(augment=CHANGED, in_memory=m), workers=workers) for m in (True, False))
    for _ in range(2):
        assert_same(flat(streamed.train), flat(held.train))
    assert streamed.order_hash == held.order_hash


def test_hash_tells_twins_from_the_same_change_of_every_image(numbered):
    """Both draw the same, for the same images in batches as large."""
    flip = RandomFlip(probability=1.0)
    twins = {load(numbered(augment=[Twins(change=c)])).order_hash for c in (flip, RandomCrop(padding=1))}
    plain = {load(numbered(augment=[flip]), batch_size=size).order_hash for size in (2, 4)}
    assert len(twins | plain) == 4


@pytest.mark.gpu
def test_gpu_equals_cpu_to_rounding(numbered):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    source = numbered(augment=CHANGED)
    for (x, y), (other_x, other_y) in zip(
        flat(load(source, device="cuda").train), flat(load(source).train), strict=True
    ):
        np.testing.assert_allclose(x.cpu().numpy(), other_x.numpy(), atol=1e-4)
        assert torch.equal(y.cpu(), other_y)
