"""A sweep's folder: its name, the plan written down, and its cells read back as one table."""

import json
import os

import pandas as pd
import pytest

from sweeplab import record
from sweeplab.errors import ConfigFault, RecordFault
from sweeplab.plan import Plan
from sweeplab.sweep import (
    failures,
    find_sweep,
    finished_results,
    last_line,
    read_cells,
    read_curves,
    read_sweep,
    write_sweep,
)


@pytest.fixture
def make_plan(tmp_path, make_cell):
    """A plan of hand-made cells under a temporary output directory, one for each mapping of changes."""

    def make(*changes: dict, name: str = "mine") -> Plan:
        cells = [make_cell(runtime={"output_dir": str(tmp_path)}, **change) for change in changes]
        cells = [type(c)(c.id, c.config, change) for c, change in zip(cells, changes, strict=True)]
        keys = dict.fromkeys(key for change in changes for key in change)
        axes = {key: list({repr(change.get(key)): change.get(key) for change in changes}.values()) for key in keys}
        return Plan(name, cells, axes, [], cells[0].config, len(cells))

    return make


def write(plan: Plan):
    return write_sweep(plan, command=["python", "-m", "sweeplab", "-m", "name=a b"], code={"git_commit": None})


SEEDS = ({"lr": 0.1, "seed": 0}, {"lr": 0.1, "seed": 1})


# --- writing --------------------------------------------------------------------------------------------------------


def test_the_plan_is_written_down_before_anything_trains(make_plan, tmp_path):
    plan = make_plan(*SEEDS)
    sweep = write(plan)

    written = json.loads((tmp_path / "sweeps" / "mine" / "sweep.json").read_text())
    assert written["command"] == "python -m sweeplab -m 'name=a b'"
    assert written["axes"] == {"lr": [0.1], "seed": [0, 1]}
    assert [cell["cell_id"] for cell in written["cells"]] == [cell.id for cell in plan.cells]
    assert sorted(path.name for path in (tmp_path / "cells").iterdir()) == sorted(cell.id for cell in plan.cells)
    for cell in plan.cells:
        assert record.read_asked(sweep.cell_folder(cell.id)).config == cell.config


def test_a_sweep_reads_back_as_written(make_plan, tmp_path):
    plan = make_plan(*SEEDS)
    sweep = write(plan)

    assert read_sweep(tmp_path / "sweeps" / "mine") == sweep
    assert sweep.cells == [(cell.id, cell.axes) for cell in plan.cells]
    assert sweep.select == plan.config["select"]


def test_notes_say_where_it_comes_from_and_what_this_line_changed(make_plan):
    told = {"provenance": "a paper", "known_deviations": ["its seed is not known"]}
    command = (
        "python -m sweeplab -m experiment=x dataset=digits ~seed lr=1,2 tracker=none runtime.workers=2 --config-dir=c"
    )

    sweep = write_sweep(make_plan(told), command=command.split(), code={})

    assert sweep.notes == [
        "From a paper.",
        "Changed on the command line: dataset=digits lr=1,2.",
        "its seed is not known",
    ]
    assert read_sweep(sweep.folder.path).notes == sweep.notes


def test_a_sweep_of_no_experiment_has_no_notes(make_plan):
    assert write(make_plan({"lr": 1.0})).notes == []


def test_a_name_may_be_used_again_for_the_same_cells_and_for_more(make_plan):
    write(make_plan(*SEEDS))
    write(make_plan(*SEEDS))
    sweep = write(make_plan(*SEEDS, {"lr": 0.1, "seed": 2}))

    assert len(sweep.cells) == 3


@pytest.mark.parametrize("changes", [SEEDS[:1], ({"lr": 5},), (*SEEDS[:1], {"lr": 0.1, "seed": 7})])
def test_a_name_is_refused_for_other_cells(changes, make_plan, tmp_path):
    """Its folder would no longer say what it said: nothing is changed."""
    write(make_plan(*SEEDS))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    with pytest.raises(ConfigFault, match=r"the sweep name 'mine' is taken: this line lacks \d of its 2 cells"):
        write(make_plan(*changes))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


# --- finding --------------------------------------------------------------------------------------------------------


def test_a_sweep_is_found_by_folder_by_name_and_as_the_latest(make_plan, tmp_path):
    older, newer = write(make_plan(*SEEDS, name="b")), write(make_plan(*SEEDS, name="a"))
    os.utime(older.folder.plan, (1000, 1000))
    os.utime(newer.folder.plan, (2000, 2000))

    assert find_sweep("b", str(tmp_path)).name == "b"
    assert find_sweep(str(tmp_path / "sweeps" / "b"), "elsewhere").name == "b"
    assert find_sweep(None, str(tmp_path)).name == "a"


@pytest.mark.parametrize("place", ["", "sweeps", "sweeps/mine", "cells"])
def test_a_folder_knows_its_cells_wherever_one_stands(place, make_plan, tmp_path, monkeypatch, finish):
    plan = make_plan(*SEEDS)
    write(plan)
    finish(tmp_path, plan.cells[0], metrics={"val/accuracy": 0.5})
    monkeypatch.chdir(tmp_path / place)

    sweep = find_sweep(os.path.relpath(tmp_path / "sweeps" / "mine"))
    assert read_cells(sweep)["state"].tolist() == ["completed", "pending"]


def test_a_sweep_that_is_not_there_is_told_with_those_that_are(make_plan, tmp_path):
    write(make_plan(*SEEDS, name="b"))
    write(make_plan(*SEEDS, name="a"))

    with pytest.raises(RecordFault, match=r"no sweep at c \(expected a folder with sweep.json\) · sweeps in .*: a, b$"):
        find_sweep("c", str(tmp_path))


def test_no_sweep_at_all_is_told(tmp_path):
    with pytest.raises(RecordFault, match=r"no sweep in .* yet \(give a folder, or run one\)"):
        find_sweep(None, str(tmp_path))
    with pytest.raises(RecordFault, match="none yet"):
        find_sweep("mine", str(tmp_path))


@pytest.mark.parametrize("text", ["{}", '{"cells": 5}', '{"cells": [{}]}'])
def test_a_plan_that_is_not_ours_is_refused(text, tmp_path):
    (tmp_path / "sweep.json").write_text(text)

    with pytest.raises(RecordFault, match=r"sweep.json is not a sweep.json of sweeplab \(missing or wrong: "):
        read_sweep(tmp_path)


# --- reading cells --------------------------------------------------------------------------------------------------


def test_the_table_has_a_row_for_every_cell_in_the_order_of_the_plan(make_plan, tmp_path, finish):
    """Diverged, failed, running and untouched cells too: none is ever dropped."""
    changes = [{"lr": lr, "seed": seed} for lr in (0.2, 0.1) for seed in (1, 0)]
    plan = make_plan(*changes)
    sweep = write(plan)
    cells = plan.cells
    finish(tmp_path, cells[3], metrics={"val/accuracy": 0.75, "test/accuracy": 0.5}, best_epoch=2, wall_time_s=1.5)
    finish(tmp_path, cells[1], state=record.DIVERGED, metrics={"train/loss": 9.0})
    finish(tmp_path, cells[0], state=record.FAILED, error={"class": "ValueError", "message": "no"})
    record.write_status(sweep.cell_folder(cells[2].id), record.RUNNING, 1)

    table = read_cells(sweep)

    assert table["cell_id"].tolist() == [cell.id for cell in cells]
    assert table["state"].tolist() == ["failed", "diverged", "running", "completed"]
    assert table[["lr", "seed"]].values.tolist() == [[0.2, 1], [0.2, 0], [0.1, 1], [0.1, 0]]
    assert list(table.columns) == [
        *("cell_id", "state", "lr", "seed", "train/loss", "val/accuracy", "test/accuracy"),
        *("best_epoch", "epochs", "steps", "wall_time_s", "train_time_s", "num_parameters"),
    ]
    assert table["val/accuracy"].isna().tolist() == [True, True, True, False]
    assert table.loc[3, ["val/accuracy", "test/accuracy", "best_epoch", "wall_time_s"]].tolist() == [0.75, 0.5, 2, 1.5]


def test_metrics_that_were_not_finite_are_missing(make_plan, tmp_path, finish):
    plan = make_plan(*SEEDS)
    sweep = write(plan)
    finish(tmp_path, plan.cells[0], state=record.DIVERGED, metrics={"val/loss": float("nan")})

    assert pd.isna(read_cells(sweep).loc[0, "val/loss"])


def test_list_valued_axes_can_be_grouped_by(make_plan):
    sizes = ([64], [64, 32], [64])
    plan = make_plan(*({"sizes": size, "seed": seed} for seed, size in enumerate(sizes)))

    table = read_cells(write(plan))

    assert table.groupby("sizes").size().to_dict() == {"[64]": 2, "[64, 32]": 1}


def test_a_cell_without_an_axis_has_an_empty_place(make_plan):
    table = read_cells(write(make_plan({"optimizer": "adam"}, {"optimizer": "sgdm", "optimizer.momentum": 0.9})))

    assert table["optimizer.momentum"].isna().tolist() == [True, False]


def test_a_damaged_result_is_no_figure(make_plan, tmp_path, finish):
    plan = make_plan(*SEEDS)
    sweep = write(plan)
    folder = finish(tmp_path, plan.cells[0], metrics={"val/accuracy": 0.5})
    folder.result.write_bytes(folder.result.read_bytes().replace(b"0.5", b"0.9"))

    table = read_cells(sweep)

    assert table.loc[0, "state"] == "pending"
    assert "val/accuracy" not in table or pd.isna(table.loc[0, "val/accuracy"])


def test_finished_cells_are_those_that_training_again_would_not_change(make_plan, tmp_path, finish):
    states = [record.COMPLETED, record.DIVERGED, *record.FAILURE_STATES]
    plan = make_plan(*({"seed": seed} for seed in range(len(states) + 1)))
    for cell, state in zip(plan.cells, states, strict=False):
        finish(tmp_path, cell, state=state)

    found = finished_results(str(tmp_path), plan.cells)

    assert list(found) == [cell.id for cell in plan.cells[:2]]
    assert [result["state"] for result in found.values()] == states[:2]


def test_failures_are_listed_with_their_reason_and_log(make_plan, tmp_path, finish):
    plan = make_plan(*({"optimizer": "adam", "seed": seed} for seed in range(4)))
    sweep = write(plan)
    finish(tmp_path, plan.cells[0])
    finish(tmp_path, plan.cells[1], state=record.FAILED, error={"class": "ValueError", "message": "no\nmore"})
    finish(tmp_path, plan.cells[2], state=record.TIMED_OUT)

    assert failures(sweep) == [
        ("adam seed=1", "failed", "ValueError: no", sweep.cell_folder(plan.cells[1].id).log),
        ("adam seed=2", "timed_out", "", sweep.cell_folder(plan.cells[2].id).log),
    ]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (None, ""),
        ({}, ""),
        ({"class": "KeyError", "message": ""}, "KeyError"),
        ({"class": "KeyError", "message": None}, "KeyError"),
        ({"class": "ValueError", "message": "\n first\nsecond"}, "ValueError: first"),
    ],
)
def test_an_error_fits_one_line(error, expected):
    assert last_line(error) == expected


def test_curves_have_a_row_for_every_evaluation_of_the_cells_asked_for(make_plan):
    sweep = write(make_plan(*SEEDS, {"lr": 0.1, "seed": 2}))
    first, second, third = (cell_id for cell_id, _ in sweep.cells)
    record.append_metrics(sweep.cell_folder(first), {"epoch": 1, "val/loss": 0.5})
    record.append_metrics(sweep.cell_folder(first), {"epoch": 2, "val/loss": float("nan"), "optimizer/rate": 0.1})
    record.append_metrics(sweep.cell_folder(third), {"epoch": 1, "val/loss": 0.7})

    curves = read_curves(sweep, [first, second])
    assert list(curves) == ["cell_id", "epoch", "val/loss", "optimizer/rate"]
    assert curves["cell_id"].tolist() == [first, first]
    assert curves["epoch"].tolist() == [1, 2]
    assert curves["val/loss"].isna().tolist() == [False, True]


def test_cells_that_were_never_evaluated_have_no_curve(make_plan):
    sweep = write(make_plan(*SEEDS))
    assert read_curves(sweep, [cell_id for cell_id, _ in sweep.cells]).empty
