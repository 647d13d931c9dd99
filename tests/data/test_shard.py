"""Parts of batches: put together, those of all ranks are the batches of one device."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numbered import AUGMENT, flat, load

from sweeplab.data.augment import EverySplit, RandomFlip, Twins
from sweeplab.data.shard import Shard
from sweeplab.errors import ConfigFault


@given(size=st.integers(0, 60), batch_size=st.integers(1, 20), world=st.integers(1, 7))
def test_parts_of_all_ranks_are_the_batches(size, batch_size, world):
    """As `torch.tensor_split` cuts each of them."""
    ids = torch.randperm(size)
    shares = [Shard(rank, world).share(ids, batch_size) for rank in range(world)]
    parts = [part.split(sizes) for part, sizes in shares]

    for i, batch in enumerate(ids.split(batch_size)):
        ours = [part[i] for part in parts]
        assert all(torch.equal(a, b) for a, b in zip(ours, batch.tensor_split(world), strict=True))
        assert torch.equal(torch.cat(ours), batch)


def joined(loaders, split):
    """Batches of all ranks, those of each step put together."""
    of_ranks = [flat(one.train) if split == "train" else list(getattr(one, split)) for one in loaders]
    return [(torch.cat([x for x, _ in step]), torch.cat([y for _, y in step])) for step in zip(*of_ranks, strict=True)]


@pytest.mark.parametrize("world", [2, 3])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"augment": AUGMENT},
        {"augment": [*AUGMENT, Twins(change=RandomFlip(probability=0.5))]},
        {"augment": [EverySplit(change=AUGMENT)], "in_memory": False},
    ],
    ids=["plain", "augmented", "twins", "streamed"],
)
def test_every_split_in_the_same_order_with_the_same_draws(numbered, changes, world):
    """Two epochs; the last batch, of one example (or one with its twin), leaves ranks without any."""
    batching = {"batch_size": 26 if "Twins" in repr(changes) else 13, "eval_batch_size": 11}
    source = numbered(**changes)
    one = load(source, **batching)
    ranks = [load(source, **batching, shard=Shard(rank, world)) for rank in range(world)]

    for split in ("train", "train", "val", "test"):
        expected = flat(one.train) if split == "train" else list(getattr(one, split))
        for (x, y), (other_x, other_y) in zip(joined(ranks, split), expected, strict=True):
            assert torch.equal(x, other_x)
            assert torch.equal(y, other_y)
    assert {loaders.order_hash for loaders in ranks} == {one.order_hash}
    assert [loaders.batch_sizes for loaders in ranks] == [one.batch_sizes] * world
    assert one.batch_sizes == [len(y) for _, y in flat(one.train)]


def test_what_is_fitted_before_training_sees_all_examples(numbered):
    """On every rank alike."""
    source = numbered()
    [whole], [part] = (list(load(source, eval_batch_size=99, **more).examples) for more in ({}, {"shard": Shard(1, 2)}))

    assert torch.equal(whole[0], part[0])


def test_a_first_batch_too_small_for_all_is_refused(numbered):
    """Some rank would have nothing to learn from."""
    with pytest.raises(ConfigFault, match=r"runtime\.devices must be at most the 4 examples of the first batch, got 5"):
        load(numbered(), batch_size=4, shard=Shard(0, 5))
