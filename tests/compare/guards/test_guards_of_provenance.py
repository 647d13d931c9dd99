"""Guards G14, G16, G18 and of provenance: what differs between cells that stand in one table."""

import pytest
from by_hand import evidence, grid, said

from sweeplab.compare.guards import look

ROWS = grid(optimizer=["adam", "adamw"], seed=[0, 1])
AXES = ["optimizer", "seed"]


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("git_commit", ["0123456789"] * 3 + ["fedcba9876"], "code commit: 0123456 (3 cells), fedcba9 (1 cell)"),
        ("git_dirty", [False, False, False, True], "uncommitted changes: without (3 cells), with (1 cell)"),
        ("torch", ["2.15", "2.15", "2.15", "2.10"], "torch: 2.15 (3 cells), 2.10 (1 cell)"),
        ("lightning", ["2.6", "2.6", "2.6", None], "lightning: 2.6 (3 cells), not known (1 cell)"),
        ("device", ["H200", "H200", "H200", "A100"], "device: H200 (3 cells), A100 (1 cell)"),
        ("precision", ["32-true"] * 3 + ["bf16-mixed"], "precision: 32-true (3 cells), bf16-mixed (1 cell)"),
    ],
)
def test_cells_of_another_origin_are_named(column, values, words):
    [remark] = [
        remark for remark in look(evidence(ROWS, AXES, origins={column: values})) if remark.guard == "provenance"
    ]
    assert remark.words == f"cells of this table differ in {words}; not as most: adamw"
    assert remark.cells == ("c3",)


def test_cells_of_one_origin_are_silent():
    assert said("provenance", evidence(ROWS, AXES)) == []


def test_precisions_that_are_compared_are_no_fault():
    assert said("provenance", evidence(grid(precision=["32-true", "bf16-mixed"]), ["precision"])) == []


@pytest.mark.parametrize(
    ("column", "values", "words", "level"),
    [
        ("device", ["H200", "A100"] * 2, "device, H200 (2 cells), A100 (2 cells)", "error"),
        ("threads", [1, 1, 2, 2], "torch threads, 1 (2 cells), 2 (2 cells)", "error"),
        ("host", ["a", "a", "a", "b"], "host, a (3 cells), b (1 cell)", "warning"),
    ],
)
def test_times_of_unlike_machines_do_not_compare(column, values, words, level):
    found = [remark for remark in look(evidence(ROWS, AXES, origins={column: values})) if remark.guard == "G16"]
    assert [remark.table for remark in found] == ["time", "workloads"]
    assert {remark.words for remark in found} == {
        f"wall-clock times do not compare: cells differ in {words}; compare steps"
    }
    assert {remark.level for remark in found} == {level}


def test_times_of_one_machine_are_silent():
    assert said("G16", evidence(ROWS, AXES)) == []
    assert said("G16", evidence(ROWS, AXES, origins={"device_share": [None, None, 1.0, 1.0]})) == []


def test_times_of_cells_that_shared_their_device_are_named():
    found = look(evidence(ROWS, AXES, origins={"device_share": [None, 0.5, 0.33, 1.0]}))
    remarks = [remark for remark in found if remark.guard == "G16"]
    assert [remark.table for remark in remarks] == ["time", "workloads"]
    assert {remark.words for remark in remarks} == {
        "2 cells shared their device with others: their times are left out; compare steps"
    }
    assert {remark.cells for remark in remarks} == {("c1", "c2")}


def test_a_cell_that_died_before_it_could_tell_does_not_differ():
    nothing = {column: ["known"] * 3 + [None] for column in ("torch", "lightning", "device", "host", "git_commit")}
    found = evidence(ROWS, AXES, origins=nothing)
    assert said("G16", found) == []
    assert said("provenance", found) == []


def test_both_penalties_are_told_apart():
    [words] = said("G14", evidence(ROWS[:2], AXES, origins={"weight_decay": [1e-4] * 2, "l2": [1e-4] * 2}))
    assert words.startswith("weight_decay and l2 are both used")


def test_decoupled_and_coupled_decay_are_told_apart():
    [words] = said("G14", evidence(ROWS, AXES, origins={"weight_decay": [1e-2] * 4}))
    assert words.startswith("weight_decay is decoupled with adamw and not with adam")


def test_one_kind_of_penalty_is_silent():
    assert said("G14", evidence(ROWS, AXES)) == []
    assert said("G14", evidence(ROWS[:2], AXES, origins={"weight_decay": [1e-2] * 2})) == []
    assert said("G14", evidence(ROWS[2:], AXES, origins={"l2": [1e-2] * 2})) == []


def test_augmented_evaluation_is_told():
    [words] = said("G18", evidence(ROWS, AXES, origins={"augmented_evaluation": [True] * 4}))
    assert words.startswith("validation and test examples are augmented (EverySplit)")
    [partly] = said("G18", evidence(ROWS, AXES, origins={"augmented_evaluation": [True, False, False, False]}))
    assert "augmented in 1 of 4 cells" in partly


def test_plain_evaluation_is_silent():
    assert said("G18", evidence(ROWS, AXES)) == []
