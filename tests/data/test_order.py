import hashlib

import pytest
import torch

from sweeplab.data.augment import RandomCrop, RandomFlip
from sweeplab.data.order import Order, order_hash, stable_seed


def make_order(**changes):
    settings = {"ids": torch.arange(5, 25), "num_examples": 30, "size": 20, "seed": 0, "shuffled": True}
    return Order(**settings | {"augment": [RandomCrop(padding=2)], "twins": []} | changes)


def fingerprint(order, *, batch_size=8, val_ids=(0, 1), evaluation_draws=()):
    val_ids = torch.tensor(val_ids)
    return order_hash(order, val_ids=val_ids, batch_size=batch_size, evaluation_draws=evaluation_draws)


def test_seed_is_the_head_of_a_sha256():
    digest = hashlib.sha256(b"3/order/7").hexdigest()
    assert stable_seed(3, "order", 7) == int(digest[:16], 16) // 2


def test_every_epoch_holds_every_example_once_in_another_order():
    order = make_order()
    epochs = [order.epoch(e).tolist() for e in range(3)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(5, 25))] * 3
    assert epochs[0] != epochs[1] != epochs[2]


def test_epoch_depends_on_seed_alone():
    torch.manual_seed(1)
    first = make_order().epoch(4)
    torch.manual_seed(2)
    assert torch.equal(first, make_order().epoch(4))
    assert not torch.equal(first, make_order(seed=1).epoch(4))


def test_limited_epoch_is_the_head_of_the_whole_one():
    assert torch.equal(make_order(size=7).epoch(2), make_order().epoch(2)[:7])


def test_unshuffled_order_never_changes():
    order = make_order(shuffled=False)
    assert torch.equal(order.epoch(0), order.epoch(5))


def test_draws_differ_between_epochs_and_do_not_depend_on_who_is_trained_on():
    assert not torch.equal(make_order().draws(0)[0], make_order().draws(1)[0])
    assert torch.equal(make_order().draws(1)[0], make_order(ids=torch.arange(10)).draws(1)[0])


def test_drawing_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    make_order().epoch(0), make_order().draws(0)
    assert torch.equal(before, torch.get_rng_state())


def test_hash_is_the_same_for_paired_cells():
    assert fingerprint(make_order()) == fingerprint(make_order())
    assert len(bytes.fromhex(fingerprint(make_order()))) == 32


def test_twins_are_drawn_after_the_rest():
    twins = make_order(twins=[RandomFlip(probability=0.5)]).draws(3)
    assert [list(draw.shape) for draw in twins] == [[30, 2], [30]]
    assert torch.equal(twins[0], make_order().draws(3)[0])


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"augment": []},
        {"augment": [RandomCrop(padding=1)]},
        {"augment": [], "twins": [RandomCrop(padding=2)]},
        {"size": 12},
        {"shuffled": False},
    ],
)
def test_hash_tells_other_orders_and_draws_apart(changes):
    assert fingerprint(make_order()) != fingerprint(make_order(**changes))


def test_hash_tells_other_batches_and_splits_apart():
    assert fingerprint(make_order()) != fingerprint(make_order(), batch_size=4)
    assert fingerprint(make_order()) != fingerprint(make_order(), val_ids=(0, 2))
    assert fingerprint(make_order()) != fingerprint(make_order(), evaluation_draws=[torch.tensor([True])])
