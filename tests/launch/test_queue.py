"""The order of cells: first seeds first, longest first once times are known, unknown before known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeplab.cell import Cell, setting_key
from sweeplab.estimate import kind
from sweeplab.launch.queue import Queue

ORDERS = ("breadth", "shuffle", "as_written")


def cell(lr, seed, *, width=1, epochs=1):
    config = {"model": {"width": width}, "dataset": {}, "batch_size": 1, "max_epochs": epochs}
    return Cell(f"{lr}/{seed}/{width}/{epochs}", config, {"lr": lr, "seed": seed, "model.width": width})


def drained(queue):
    return [queue.pop() for _ in range(len(queue))]


def ids(cells):
    return [one.id for one in cells]


def made(cells, order="breadth", rates=None):
    return Queue(cells, order=order, seconds_per_epoch=rates or {})


def test_the_first_seed_of_every_setting_comes_before_the_second_of_any():
    """A sweep that is stopped early has compared every setting at least once."""
    cells = [cell(lr, seed) for lr in (0.1, 0.2) for seed in (5, 6, 7)]

    found = [(one.axes["lr"], one.axes["seed"]) for one in drained(made(cells))]
    assert found == [(0.1, 5), (0.2, 5), (0.1, 6), (0.2, 6), (0.1, 7), (0.2, 7)]


def test_the_longest_comes_first_once_times_are_known():
    """Or the last cell of a sweep runs alone for hours. An epoch of width 2 takes thrice as long."""
    cells = [cell(0.1, 0, width=1, epochs=2), cell(0.1, 0, width=2, epochs=1), cell(0.2, 0, width=1, epochs=4)]
    rates = {kind(cells[0].config): 1.0, kind(cells[1].config): 3.0}

    assert ids(drained(made(cells, rates=rates))) == ids([cells[2], cells[1], cells[0]])


def test_what_is_not_known_comes_before_what_is():
    """It may be the longest, and one of them tells for all."""
    cells = [cell(0.1, 0, width=1), cell(0.1, 0, width=2)]

    assert ids(drained(made(cells, rates={kind(cells[0].config): 100.0}))) == ids(reversed(cells))


def test_the_first_of_a_kind_that_ends_tells_for_the_others():
    cells = [cell(lr, 0, width=width) for width in (1, 2) for lr in (0.1, 0.2)]
    queue = made(cells)
    first = queue.pop()
    second = queue.pop()
    assert ids([first, second]) == ids(cells[:2])
    queue.learn(first, 9.0)
    assert queue.head() is cells[2]
    queue.learn(cells[2], 1.0)
    queue.put_back(second)

    assert ids(drained(queue)) == ids([second, cells[2], cells[3]])


def test_later_seeds_wait_even_if_they_are_the_longest():
    cells = [cell(0.1, 0, width=1), cell(0.2, 0, width=2), cell(0.2, 1, width=2)]
    rates = {kind(cells[0].config): 1.0, kind(cells[1].config): 50.0}

    assert ids(drained(made(cells, rates=rates))) == ids([cells[1], cells[0], cells[2]])


def test_as_written_is_as_written():
    cells = [cell(lr, seed) for lr in (0.2, 0.1) for seed in (1, 0)]

    assert ids(drained(made(cells, "as_written"))) == ids(cells)


def test_a_shuffle_is_always_the_same_and_does_not_hang_on_what_else_there_is():
    """A sweep that goes on, or is widened, keeps its order."""
    cells = [cell(lr / 10, seed) for lr in range(10) for seed in range(3)]
    found = ids(drained(made(cells, "shuffle")))

    assert found != ids(cells)
    assert ids(drained(made(cells[::-1], "shuffle"))) == found
    some = set(ids(cells[::3]))
    assert ids(drained(made(cells[::3], "shuffle"))) == [one for one in found if one in some]


def test_what_is_put_back_is_next():
    cells = [cell(0.1, seed) for seed in range(3)]
    queue = made(cells)
    last = [queue.pop() for _ in range(3)][-1]
    queue.put_back(cells[0])
    queue.put_back(last)

    assert queue.pop() is last
    assert len(queue) == 1


POINTS = st.lists(
    st.tuples(st.sampled_from([0.1, 0.2, 0.3]), st.integers(0, 4), st.integers(1, 3), st.integers(1, 3)),
    unique=True,
    max_size=30,
)


@given(POINTS, st.sampled_from(ORDERS), st.dictionaries(st.integers(1, 3), st.floats(0.1, 100)))
def test_every_cell_comes_exactly_once(points, order, known):
    cells = [cell(lr, seed, width=width, epochs=epochs) for lr, seed, width, epochs in points]
    rates = {kind(cell(0, 0, width=width).config): rate for width, rate in known.items()}

    assert sorted(ids(drained(made(cells, order, rates)))) == sorted(ids(cells))


@given(POINTS, st.dictionaries(st.integers(1, 3), st.floats(0.1, 100)), st.lists(st.floats(0.1, 100), max_size=30))
def test_rounds_of_seeds_are_kept_whatever_is_learnt_meanwhile(points, known, learnt):
    """Each cell comes after all cells of earlier rounds: its setting's earlier cells stand before it in the plan."""
    cells = [cell(lr, seed, width=width) for lr, seed, width, _ in dict.fromkeys((*p[:3], 1) for p in points)]
    queue = made(cells, rates={kind(cell(0, 0, width=width).config): rate for width, rate in known.items()})
    rounds, seen = {}, {}
    for one in cells:
        key = setting_key(one.axes)
        rounds[one.id] = seen[key] = seen.get(key, -1) + 1
    found = []
    while len(queue):
        found.append(queue.pop())
        if learnt:
            queue.learn(found[-1], learnt.pop())

    assert [rounds[one.id] for one in found] == sorted(rounds.values())


@pytest.mark.parametrize("order", ORDERS)
def test_an_empty_queue_is_empty(order):
    assert len(made([], order)) == 0
