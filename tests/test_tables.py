"""What a preset or a line declares as a table: checked at plan time, matched to cells, kept with the sweep."""

import pytest

from sweeplab.cell import Cell
from sweeplab.errors import ConfigFault
from sweeplab.sweep import read_sweep, write_sweep
from sweeplab.tables import declared, find_layout_faults, find_table_faults
from sweeplab.verbs.plan import plan_of

TABLE = {"rows": "optimizer", "value": "test/accuracy"}


def make_cells():
    return [
        Cell(
            f"{optimizer}-{lr}-{seed}",
            {"lr": lr, "seed": seed, "model": {"width": 3}},
            {"optimizer": optimizer, "lr": lr, "seed": seed},
            {"optimizer": optimizer, "model": "lenet"},
        )
        for optimizer in ("adam", "sgd")
        for lr in (0.1, 0.01)
        for seed in (0, 1)
    ]


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ("x", "tables must be a list of mappings, got 'x' (such as {rows: optimizer, columns: dataset, "),
        ([1], "tables must be a list of mappings, got [1]"),
        ([TABLE, {"rows": "lr"}], "tables[1] lacks value (such as "),
        ([{"value": "val/loss"}], "tables[0] lacks rows"),
        (
            [TABLE | {"cols": "lr"}],
            "tables[0] has no key cols · allowed: title, rows, columns, over, select_over",
        ),
        ([TABLE | {"value": "accuracy"}], "tables[0].value cannot be 'accuracy'"),
        ([TABLE | {"columns": 3}], "tables[0].columns cannot be 3"),
        ([TABLE | {"where": ["lr"]}], "tables[0].where cannot be ['lr']"),
        ([TABLE | {"columns": "optimizer"}], "tables[0] names optimizer more than once in rows, columns, over"),
        ([TABLE | {"columns": "seed"}], "tables[0].columns cannot be seed: a table averages over it (over: seed)"),
    ],
)
def test_every_fault_is_said(tables, words):
    faults = list(find_table_faults(tables))
    assert any(words in fault for fault in faults), faults


@pytest.mark.parametrize(
    "tables",
    [None, [], [TABLE], [TABLE | {"columns": None, "title": None, "over": ["seed"], "select_over": [], "where": {}}]],
)
def test_nothing_and_whole_have_no_fault(tables):
    assert list(find_table_faults(tables)) == []


def test_a_declaration_is_filled_in_and_knows_its_cells():
    [table] = declared([TABLE | {"columns": ["model", "model.width"], "where": {"lr": 0.1}}], make_cells())

    assert (table["rows"], table["value"], table["over"], table["select_over"]) == (
        ["optimizer"],
        ["test/accuracy"],
        ["seed"],
        [],
    )
    assert table["cells"] == ["adam-0.1-0", "adam-0.1-1", "sgd-0.1-0", "sgd-0.1-1"]
    assert table["values"] == {
        "model": dict.fromkeys(table["cells"], "lenet"),
        "model.width": dict.fromkeys(table["cells"], 3),
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {},
            "tables[0] puts several settings into one place: lr varies there · allowed: name it in rows",
        ),
        ({"over": "lr", "where": {"optimizer": "adam"}}, "tables[0] puts several settings into one place: seed varies"),
        ({"where": {"lr": 7}}, "tables[0].where fits no cell of this sweep, got {'lr': 7}"),
        ({"columns": "lrr", "select_over": "lr"}, "tables[0].columns names lrr, which none of its cells has"),
    ],
)
def test_what_does_not_fit_the_cells_is_said(change, words):
    cells = make_cells()
    faults = list(find_layout_faults(declared([TABLE | change], cells), cells))
    assert any(words in fault for fault in faults), faults


@pytest.mark.parametrize(
    "change", [{"select_over": "lr"}, {"columns": "lr"}, {"over": ["seed", "lr"]}, {"where": {"lr": 0.1}}]
)
def test_each_way_to_place_an_axis_has_no_fault(change):
    cells = make_cells()
    assert list(find_layout_faults(declared([TABLE | change], cells), cells)) == []


def test_an_axis_that_the_rows_decide_needs_no_place():
    """A list of cases: each optimizer at a rate of its own."""
    cells = [cell for cell in make_cells() if (cell.axes["optimizer"] == "adam") == (cell.axes["lr"] == 0.1)]
    assert list(find_layout_faults(declared([TABLE], cells), cells)) == []


def test_a_line_declares_a_table_and_faults_come_before_training():
    words = ["optimizer=adam,sgd", "tables=[{rows:optimizer,value:test/accuracy,columns:dataset}]"]
    assert plan_of(words).config["tables"] == [TABLE | {"columns": "dataset"}]
    with pytest.raises(ConfigFault, match=r"tables\[0\] has no key row · allowed: title, rows"):
        plan_of(["optimizer=adam,sgd", "tables=[{row:optimizer,value:test/accuracy}]"])


def test_tables_are_written_down_with_the_sweep_and_read_back(hand_plan):
    asked = [{"rows": "lr", "value": "val/loss"}]
    plan = hand_plan(*({"lr": lr, "seed": seed, "tables": asked} for lr in (1, 2) for seed in (0, 1)))
    sweep = write_sweep(plan, command=[], code={})

    assert sweep.tables == read_sweep(sweep.folder.path).tables
    assert sweep.tables[0]["cells"] == [cell.id for cell in plan.cells]


def test_a_table_that_does_not_fit_writes_nothing(hand_plan, tmp_path):
    plan = hand_plan(*({"lr": lr, "tables": [{"rows": "seed_", "value": "val/loss"}]} for lr in (1, 2)))
    with pytest.raises(ConfigFault, match="names seed_, which none of its cells has"):
        write_sweep(plan, command=[], code={})
    assert list(tmp_path.iterdir()) == []
