import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeplab.data.split import all_but, held_out
from sweeplab.errors import ConfigFault

labels_and_size = st.lists(st.integers(0, 4), min_size=2, max_size=60).flatmap(
    lambda labels: st.tuples(st.just(np.array(labels)), st.integers(1, len(labels) - 1))
)


@given(labels_and_size)
def test_held_out_and_rest_are_a_partition(case):
    labels, size = case
    held = held_out(labels, size=size, key="val_size")
    rest = all_but(len(labels), held)
    assert len(held) == size
    assert sorted([*held, *rest]) == list(range(len(labels)))


@given(labels_and_size)
def test_every_class_has_its_share_but_for_rounding(case):
    labels, size = case
    held = held_out(labels, size=size, key="val_size")
    for c in set(labels):
        exact = size * np.sum(labels == c) / len(labels)
        assert abs(np.sum(labels[held] == c) - exact) < 1


def test_choice_is_fixed():
    """Worked out on paper: classes of 6 and 3, shares 2 and 1, picks at the middle of equal stretches."""
    labels = np.array([0, 0, 1, 0, 1, 0, 0, 1, 0])
    assert held_out(labels, size=3, key="val_size").tolist() == [1, 4, 6]


@pytest.mark.parametrize("size", [0, -1, 4, 5])
def test_size_that_leaves_nothing_is_a_fault(size):
    with pytest.raises(ConfigFault, match=rf"dataset.val_size must be in \[1, 3\], got {size} "):
        held_out(np.array([0, 1, 0, 1]), size=size, key="dataset.val_size")
