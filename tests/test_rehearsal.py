"""Optimizers and schedules are built for nothing, once for each kind, before anything is trained."""

import pytest

from sweeplab.rehearsal import parts_of, rehearse

BASE = ("dataset=digits", "model=logistic")


def refused(plan, *words):
    return rehearse(parts_of(plan(*BASE, *words).cells), trusted=[])


@pytest.mark.parametrize("group", ["optimizer", "scheduler"])
def test_all_that_is_shipped_is_accepted(plan, group):
    """With its defaults: whatever is refused is a person's own value."""
    parts = parts_of(plan(*BASE, f"{group}=glob(*)", "max_epochs=40").cells)

    assert len(parts) >= 8
    assert rehearse(parts, trusted=[]) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("optimizer=adam", "optimizer.betas=[2,0.9]"), "optimizer: torch.optim.Adam refuses its arguments: "),
        (("optimizer=sgdm", "optimizer.momentum=-1"), "optimizer: torch.optim.SGD refuses its arguments: "),
        (("scheduler=reduce_on_plateau", "scheduler.factor=3"), "scheduler.factor must be in (0, 1), got 3"),
        (("scheduler=reduce_on_plateau", "scheduler.monitor=test/loss"), "a metric of the validation split"),
    ],
)
def test_what_a_constructor_refuses_is_said_in_its_words_and_once(plan, words, said):
    """Not once for each of the cells that have it."""
    [line] = refused(plan, *words, "lr=1e-2,1e-3", "seed=range(0,3)")

    assert said in line
    assert line.endswith("(in 6 cells, first: lr=0.01 seed=0)")


def test_each_value_that_is_refused_is_named_and_no_other(plan):
    lines = refused(plan, "optimizer=sgdm", "optimizer.momentum=-1,0.5,-2")

    assert [line.rpartition(" (in ")[2] for line in lines] == ["momentum=-1)", "momentum=-2)"]


def test_a_schedule_is_built_even_if_the_optimizer_cannot_be(plan):
    """Both are said at once."""
    lines = refused(
        plan, "optimizer=sgdm", "optimizer.momentum=-1", "scheduler=reduce_on_plateau", "scheduler.factor=3"
    )

    assert [line.partition(":")[0] for line in lines] == ["optimizer", "scheduler"]


def test_ones_own_classes_are_left_to_their_cells(make_cell):
    """They may want what only a real model has."""
    own = {"_target_": "builtins.int", "_partial_": True, "x": "no number"}
    cell = make_cell(optimizer=own, scheduler=own, drop_last=False, overfit_batches=0, limit_batches=None)

    assert rehearse(parts_of([cell]), trusted=["builtins."]) == []
