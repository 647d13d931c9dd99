import numpy as np
import pytest
import torch
from numbered import AUGMENT, NUM_TEST, NUM_TRAIN, VAL_SIZE, assert_same, flat, load, numbers

from sweeplab.errors import ConfigFault


def test_pixels_are_normalised_per_channel(numbered):
    source = numbered()
    loaders = load(source)
    raw = source.open().test_x.astype(np.float64) / 255
    expected = (raw - np.array([0.25, 0.5])[:, None, None]) / np.array([0.5, 0.125])[:, None, None]
    x, y = (torch.cat(parts) for parts in zip(*loaders.test, strict=True))
    assert x.dtype == torch.float32
    assert y.dtype == torch.int64
    np.testing.assert_allclose(x.numpy(), expected, atol=2e-6)
    assert y.tolist() == source.open().test_y.tolist()


def test_features_pass_as_they_are_without_constants(synthetic):
    source = synthetic(shape=[3])
    x = torch.cat([x for x, _ in load(source).test])
    np.testing.assert_array_equal(x.numpy(), source.open().test_x)


def test_features_are_normalised_with_constants(synthetic):
    source = synthetic(shape=[2], mean=[1.0, -2.0], std=[2.0, 4.0])
    x = torch.cat([x for x, _ in load(source).test])
    np.testing.assert_allclose(x.numpy(), (source.open().test_x - [1, -2]) / [2, 4], atol=1e-6)


def test_preparing_twice_does_not_normalise_twice(synthetic):
    """Batches are written over while they are made; the data must not be."""
    source = synthetic(shape=[2], mean=[1.0, -2.0], std=[2.0, 4.0])
    loaders = load(source)
    assert_same(list(loaders.val), list(loaders.val))


def test_batches_come_in_lists_and_the_last_may_be_short(numbered):
    """40 examples in batches of 4 are 10 steps, in lists of 3, 3, 3 and 1."""
    loaders = load(numbered())
    calls = list(loaders.train)
    assert loaders.steps_per_epoch == 10
    assert [len(call) for call in calls] == [3, 3, 3, 1]
    assert len(loaders.train) == 4
    short = load(numbered(), batch_size=9)
    assert [len(x) for x, _ in flat(short.train)] == [9, 9, 9, 9, 4]
    assert short.steps_per_epoch == 5


def test_splits_are_disjoint_and_complete(numbered):
    loaders = load(numbered())
    train, val, test = (numbers(batches) for batches in (flat(loaders.train), loaders.val, loaders.test))
    assert len(val) == VAL_SIZE
    assert sorted(train + val) == list(range(NUM_TRAIN))
    assert test == list(range(100, 100 + NUM_TEST))
    assert [len(loaders.val), len(loaders.test)] == [2, 4]


def test_validation_split_has_no_seed(numbered):
    assert_same(load(numbered(), seed=0).val, load(numbered(), seed=1).val)


def test_labels_stay_with_their_images(numbered):
    for split in (flat(load(numbered()).train), load(numbered()).val):
        labels = [int(label) for _, y in split for label in y]
        assert labels == [n % 5 for n in numbers(split)]


def test_epochs_follow_each_other_and_can_be_set(numbered):
    source = numbered(augment=AUGMENT)
    train, other = load(source).train, load(source).train
    first, second = flat(train), flat(train)
    assert not torch.equal(first[0][0], second[0][0])
    other.set_epoch(1)
    assert_same(flat(other), second)
    other.set_epoch(0)
    assert_same(flat(other), first)


@pytest.mark.parametrize("steps_per_call", [1, 2, 100])
def test_lists_do_not_change_what_is_in_them(numbered, steps_per_call):
    source = numbered(augment=AUGMENT)
    assert_same(flat(load(source, steps_per_call=steps_per_call).train), flat(load(source).train))


def test_augmentation_is_one_image_at_a_time_by_its_own_number(numbered):
    """The k-th augmented image is its original, cropped and mirrored by the parameters drawn for its number."""
    plain, augmented = load(numbered()).train, load(numbered(augment=AUGMENT)).train
    order = augmented.order
    corners, flips = order.draws(0)
    pixels = numbered().open().train_x
    x = torch.cat([x for x, _ in flat(augmented)])
    for image, i in zip(x, numbers(flat(plain)), strict=True):
        canvas = np.pad(pixels[i], ((0, 0), (2, 2), (2, 2)))
        top, left = corners[i].tolist()
        expected = canvas[:, top : top + 6, left : left + 5][:, :, :: -1 if flips[i] else 1]
        restored = (image.numpy() * [[[0.5]], [[0.125]]] + [[[0.25]], [[0.5]]]) * 255
        np.testing.assert_allclose(restored, expected, atol=1e-3)


def test_evaluation_is_not_augmented(numbered):
    assert_same(load(numbered(augment=AUGMENT)).val, load(numbered()).val)
    assert_same(load(numbered(augment=AUGMENT)).test, load(numbered()).test)


def test_limit_shortens_every_split(numbered):
    limited, whole = load(numbered(), limit_batches=2), load(numbered())
    assert limited.steps_per_epoch == 2
    assert_same(flat(limited.train), flat(whole.train)[:2])
    assert_same(limited.val, list(whole.val)[:2])
    assert_same(limited.test, list(whole.test)[:2])


def test_limit_beyond_the_data_changes_nothing(numbered):
    limited, whole = load(numbered(), limit_batches=1000), load(numbered())
    assert limited.steps_per_epoch == 10
    assert_same(flat(limited.train), flat(whole.train))
    assert limited.order_hash == whole.order_hash


def test_overfitting_trains_and_validates_on_the_same_few_batches(numbered):
    source = numbered(augment=AUGMENT)
    loaders = load(source, overfit_batches=2)
    first, again = flat(loaders.train), flat(loaders.train)
    assert loaders.steps_per_epoch == 2
    assert_same(first, again)
    assert_same(first, flat(load(numbered()).train)[:2])
    assert numbers(loaders.val) == numbers(first)
    assert len(numbers(loaders.test)) == NUM_TEST


def test_hash_pairs_cells(numbered):
    source = numbered(augment=AUGMENT)
    same = {load(source, **c).order_hash for c in ({}, {"steps_per_call": 1}, {"eval_batch_size": 3}, {"workers": 2})}
    streamed = load(numbered(augment=AUGMENT, in_memory=False)).order_hash
    other = {load(source, **c).order_hash for c in ({"seed": 1}, {"batch_size": 5}, {"limit_batches": 1})}
    other |= {load(s).order_hash for s in (numbered(), numbered(val_size=5))}
    assert same == {streamed}
    assert len(other - same) == 5


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("changes", [{}, {"overfit_batches": 3}, {"limit_batches": 2}], ids=["all", "overfit", "limit"])
def test_streamed_equals_held_in_memory(numbered, workers, changes):
    held = load(numbered(augment=AUGMENT), **changes)
    streamed = load(numbered(augment=AUGMENT, in_memory=False), workers=workers, **changes)
    for _ in range(2):
        ours, theirs = list(streamed.train), list(held.train)
        assert [len(call) for call in ours] == [len(call) for call in theirs]
        assert_same([b for call in ours for b in call], [b for call in theirs for b in call])
        assert_same(streamed.val, held.val)
    assert_same(streamed.test, held.test)


@pytest.mark.parametrize("in_memory", [True, False])
def test_reading_leaves_the_global_generator_alone(numbered, in_memory):
    """Otherwise dropout would depend on how data are read."""
    loaders = load(numbered(augment=AUGMENT, in_memory=in_memory))
    before = torch.get_rng_state()
    assert flat(loaders.train)
    assert list(loaders.val)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.gpu
@pytest.mark.parametrize("in_memory", [True, False])
def test_gpu_equals_cpu(numbered, in_memory):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    source = numbered(augment=AUGMENT, in_memory=in_memory)
    gpu, cpu = load(source, device="cuda"), load(source)
    assert gpu.order_hash == cpu.order_hash
    for ours, theirs in ((flat(gpu.train), flat(cpu.train)), (gpu.val, cpu.val), (gpu.test, cpu.test)):
        ours = list(ours)
        assert {t.device.type for batch in ours for t in batch} == {"cuda"}
        assert_same([(x.cpu(), y.cpu()) for x, y in ours], theirs)


def test_the_smaller_last_batch_can_be_left_out(numbered):
    """40 examples in batches of 9 leave out four, others in every epoch; of 8, none."""
    loaders = load(numbered(), batch_size=9, drop_last=True)
    epochs = [flat(loaders.train), flat(loaders.train)]
    assert [[len(x) for x, _ in epoch] for epoch in epochs] == [[9] * 4] * 2
    assert loaders.steps_per_epoch == 4
    assert set(numbers(epochs[0])) != set(numbers(epochs[1]))
    assert_same(epochs[0], flat(load(numbered(), batch_size=9).train)[:4])
    assert_same(flat(load(numbered(), batch_size=8, drop_last=True).train), flat(load(numbered(), batch_size=8).train))


@pytest.mark.parametrize(("batch_size", "drop_last", "steps"), [(128, True, 390), (128, False, 391), (32, False, 1563)])
def test_cifar_has_the_published_numbers_of_steps(synthetic, batch_size, drop_last, steps):
    """50,000 examples: 390 with the partial batch dropped, 1,563 with it kept."""
    source = synthetic(shape=[1], num_train=50_000)
    loaders = load(source, batch_size=batch_size, drop_last=drop_last, select_data="test")
    assert loaders.steps_per_epoch == sum(len(call) for call in loaders.train) == steps


def test_dropping_the_only_batch_is_a_fault(numbered):
    with pytest.raises(ConfigFault, match=r"drop_last leaves no batch: 40 training examples are fewer than the 41"):
        load(numbered(), batch_size=41, drop_last=True)


def test_drop_last_goes_with_limits(numbered):
    assert load(numbered(), batch_size=9, drop_last=True, limit_batches=2).steps_per_epoch == 2
    assert load(numbered(), batch_size=9, drop_last=True, limit_batches=9).steps_per_epoch == 4
    overfitted = load(numbered(), batch_size=9, drop_last=True, overfit_batches=9)
    assert [len(x) for x, _ in flat(overfitted.train)] == [9] * 4


@pytest.mark.parametrize("in_memory", [True, False])
def test_validation_can_be_the_test_split(numbered, in_memory):
    """Then all training examples are trained on, and val_size does not matter."""
    loaders = load(numbered(val_size=10**6, in_memory=in_memory), select_data="test")
    assert_same(loaders.val, loaders.test)
    assert_same(loaders.test, load(numbered()).test)
    assert sorted(numbers(flat(loaders.train))) == sorted(numbers(loaders.examples)) == list(range(NUM_TRAIN))
    limited = load(numbered(), select_data="test", limit_batches=2)
    assert_same(limited.val, list(loaders.test)[:2])


def test_hash_tells_validation_on_test_data_apart(numbered):
    assert load(numbered(), select_data="test").order_hash != load(numbered()).order_hash


@pytest.mark.parametrize("in_memory", [True, False])
def test_examples_are_those_trained_on_sorted_and_unchanged(numbered, in_memory):
    loaders = load(numbered(augment=AUGMENT, in_memory=in_memory))
    ids = loaders.examples.ids.tolist()
    assert ids == sorted(numbers(flat(load(numbered()).train))) == numbers(loaders.examples)
    raw = numbered().open().train_x[ids] / 255
    expected = (raw - np.array([0.25, 0.5])[:, None, None]) / np.array([0.5, 0.125])[:, None, None]
    np.testing.assert_allclose(torch.cat([x for x, _ in loaders.examples]).numpy(), expected, atol=2e-6)


def test_examples_of_overfitting_are_the_few_it_trains_on(numbered):
    loaders = load(numbered(), overfit_batches=2)
    assert numbers(loaders.examples) == sorted(numbers(flat(loaders.train)))
