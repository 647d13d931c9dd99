"""All guards at once."""

import numpy as np
import pandas as pd
import pytest
from by_hand import evidence, grid

from sweeplab.compare import compare
from sweeplab.compare.guards import GUARDS, Evidence, look
from sweeplab.compare.guards.guard import Remark, listed, said_once


def test_every_guard_has_its_place():
    assert list(GUARDS) == [*(f"G{number}" for number in range(1, 19)), "provenance"]


def test_each_guard_says_only_what_is_its_own():
    rows = grid(model=["lenet", "vgg"], optimizer=["adam", "sgd"], lr=[0.1, 0.01, 0.001])
    found = evidence(rows, ["model", "optimizer", "lr"], select={"data": "test"}, verdicts=["indistinguishable"] * 2)
    for name, guard in GUARDS.items():
        assert {remark.guard for remark in guard(found)} <= {name}


def test_what_is_repeated_is_said_once_with_the_first_few_named():
    remarks = [Remark("G2", "warning", "settings", "n=1", (f"c{number}",), f"s{number}") for number in range(12)]
    assert said_once([*remarks, Remark("G4", "info", "settings", "n=1")]) == [
        Remark("G2", "warning", "settings", "s0, s1, s2 and 9 more: n=1", tuple(f"c{number}" for number in range(12))),
        Remark("G4", "info", "settings", "n=1"),
    ]


def test_names_are_told_once_each():
    assert listed(["a", "b", "a"]) == "a, b"
    assert listed("abcde", 2) == "a, b and 3 more"


def test_sweep_with_nothing_amiss_only_says_what_was_searched():
    rows = [
        {**row, "val/accuracy": accuracy, "test/accuracy": accuracy}
        for row, accuracy in zip(grid(optimizer=["adam", "rmsprop"], seed=range(6)), [0.9] * 6 + [0.7] * 6, strict=True)
    ]
    matrix = [[4500, 500], [500, 4500]]
    found = evidence(rows, ["optimizer", "seed"], confusions=dict.fromkeys(range(12), matrix), verdicts=["better"])
    assert [(remark.guard, remark.level) for remark in look(found)] == [("G12", "info")]


@pytest.mark.parametrize("state", ["pending", "running", "diverged"])
def test_sweep_without_any_result_can_be_looked_at(state):
    cells = pd.DataFrame([{"cell_id": f"c{row['lr']}", **row, "state": state} for row in grid(lr=[0.1, 0.01, 0.001])])
    found = Evidence(
        cells=cells.assign(steps=None),
        axes=["lr"],
        comparison=compare(cells, ["lr"], select={"monitor": "val/accuracy", "mode": "max"}),
        origins=pd.DataFrame(columns=["cell_id", "optimizer", "initial_weights_hash"]),
        confusions={},
        curves=pd.DataFrame(columns=["cell_id", "epoch"]),
        pairs=None,
    )
    assert {remark.guard for remark in look(found)} == {"G4", "G12"}


def test_order_of_cells_changes_nothing_that_is_said():
    rows = grid(optimizer=["adam", "sgd"], lr=[0.1, 0.01, 0.001], seed=[0, 1])
    rates = np.random.default_rng(0).uniform(size=len(rows))
    rows = [{**row, "val/accuracy": rate, "test/accuracy": rate} for row, rate in zip(rows, rates, strict=True)]
    axes = ["optimizer", "lr", "seed"]

    matrix = [[50, 0], [0, 50]]

    def guards(rows):
        found = look(evidence(rows, axes, confusions=dict.fromkeys(range(12), matrix)))
        return sorted((remark.guard, remark.level, remark.table) for remark in found)

    assert guards(rows) == guards(rows[::-1])
