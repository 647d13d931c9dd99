"""A sweep's folder: its name, the plan written down, and its cells read back as one table."""

import json
import os

import pytest

from sweeplab import record
from sweeplab.cell import identify
from sweeplab.errors import ConfigFault, RecordFault
from sweeplab.plan import Plan
from sweeplab.records import read_records
from sweeplab.sweep import (
    find_sweep,
    finished,
    read_plan,
    read_results,
    read_sweep,
    write_sweep,
)
from sweeplab.verbs.plan import plan_of


def write(plan: Plan):
    return write_sweep(plan, command=["python", "-m", "sweeplab", "-m", "name=a b"], code={"git_commit": None})


SEEDS = ({"lr": 0.1, "seed": 0}, {"lr": 0.1, "seed": 1})


# --- writing --------------------------------------------------------------------------------------------------------


def test_the_plan_is_written_down_before_anything_trains(hand_plan, tmp_path):
    plan = hand_plan(*SEEDS)
    sweep = write(plan)

    written = json.loads((tmp_path / "sweeps" / "mine" / "sweep.json").read_text())
    assert written["command"] == "python -m sweeplab -m 'name=a b'"
    assert written["axes"] == {"lr": [0.1], "seed": [0, 1]}
    assert [cell["cell_id"] for cell in written["cells"]] == [cell.id for cell in plan.cells]
    assert sorted(path.name for path in (tmp_path / "cells").iterdir()) == sorted(cell.id for cell in plan.cells)
    for cell in plan.cells:
        assert record.read_asked(sweep.cell_folder(cell.id)).config == cell.config


def test_a_sweep_reads_back_as_written(hand_plan, tmp_path):
    plan = hand_plan(*SEEDS)
    sweep = write(plan)

    assert read_sweep(tmp_path / "sweeps" / "mine") == sweep
    assert sweep.cells == [(cell.id, cell.axes) for cell in plan.cells]
    assert sweep.select == plan.config["select"]


def test_notes_say_where_it_comes_from_and_what_this_line_changed(hand_plan):
    told = {"provenance": "a paper", "known_deviations": ["its seed is not known"]}
    command = (
        "python -m sweeplab -m experiment=x dataset=digits ~seed lr=1,2 tracker=none runtime.workers=2 --config-dir=c"
    )

    sweep = write_sweep(hand_plan(told), command=command.split(), code={})

    assert sweep.notes == [
        "From a paper.",
        "Changed on the command line: dataset=digits lr=1,2.",
        "its seed is not known",
    ]
    assert read_sweep(sweep.folder.path).notes == sweep.notes


def test_a_sweep_of_no_experiment_has_no_notes(hand_plan):
    assert write(hand_plan({"lr": 1.0})).notes == []


def test_a_name_may_be_used_again_for_the_same_cells_and_for_more(hand_plan):
    write(hand_plan(*SEEDS))
    write(hand_plan(*SEEDS))
    sweep = write(hand_plan(*SEEDS, {"lr": 0.1, "seed": 2}))

    assert len(sweep.cells) == 3


@pytest.mark.parametrize("changes", [SEEDS[:1], ({"lr": 5},), (*SEEDS[:1], {"lr": 0.1, "seed": 7})])
def test_a_name_is_refused_for_other_cells(changes, hand_plan, tmp_path):
    """Its folder would no longer say what it said: nothing is changed."""
    write(hand_plan(*SEEDS))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    with pytest.raises(ConfigFault, match=r"the sweep name 'mine' is taken: this line lacks \d of its 2 cells"):
        write(hand_plan(*changes))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


# --- finding --------------------------------------------------------------------------------------------------------


def test_a_sweep_is_found_by_folder_by_name_and_as_the_latest(hand_plan, tmp_path):
    older, newer = write(hand_plan(*SEEDS, name="b")), write(hand_plan(*SEEDS, name="a"))
    os.utime(older.folder.plan, (1000, 1000))
    os.utime(newer.folder.plan, (2000, 2000))

    assert find_sweep("b", str(tmp_path)).name == "b"
    assert find_sweep(str(tmp_path / "sweeps" / "b"), "elsewhere").name == "b"
    assert find_sweep(None, str(tmp_path)).name == "a"


@pytest.mark.parametrize("place", ["", "sweeps", "sweeps/mine", "cells"])
def test_a_folder_knows_its_cells_wherever_one_stands(place, hand_plan, tmp_path, monkeypatch, finish):
    plan = hand_plan(*SEEDS)
    write(plan)
    finish(tmp_path, plan.cells[0], metrics={"val/accuracy": 0.5})
    monkeypatch.chdir(tmp_path / place)

    sweep = find_sweep(os.path.relpath(tmp_path / "sweeps" / "mine"))
    assert read_records(sweep).cells["state"].tolist() == ["completed", "pending"]


def test_a_sweep_that_is_not_there_is_told_with_those_that_are(hand_plan, tmp_path):
    write(hand_plan(*SEEDS, name="b"))
    write(hand_plan(*SEEDS, name="a"))

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


def test_finished_cells_are_those_that_training_again_would_not_change(hand_plan, tmp_path, finish):
    states = [record.COMPLETED, record.DIVERGED, *record.FAILURE_STATES]
    plan = hand_plan(*({"seed": seed} for seed in range(len(states) + 1)))
    for cell, state in zip(plan.cells, states, strict=False):
        finish(tmp_path, cell, state=state)

    found = read_results(str(tmp_path), plan.cells)

    assert [result["state"] for result in found.values()] == states
    assert finished(found) == {cell.id for cell in plan.cells[:2]}


# --- a plan read back -----------------------------------------------------------------------------------------------


@pytest.fixture
def written(here):
    """A sweep of a real line, written down and not begun, and the cells as they were planned."""
    plan = plan_of(["dataset=digits", "model=logistic", "lr=0.1,0.01", "runtime.data_dir=here"])
    return write_sweep(plan, command=[], code={}), plan.cells


def test_a_plan_is_read_back_with_other_circumstances(written):
    """The folder may have moved, and this machine's data lie elsewhere; the cells are the same."""
    sweep, cells = written
    found = read_plan(sweep, {"data_dir": "there", "threads_per_cell": 3})

    assert [cell.id for cell in found.cells] == [cell.id for cell in cells]
    assert [cell.axes for cell in found.cells] == [cell.axes for cell in cells]
    assert (found.name, found.axes) == (sweep.name, sweep.axes)
    for cell in found.cells:
        assert identify(cell.config) == cell.id
        assert cell.config["dataset"]["root"] == "there"
        assert cell.config["runtime"]["threads_per_cell"] == 3
        assert cell.config["runtime"]["output_dir"] == str(sweep.folder.outputs)
        assert cell.config["runtime"]["grace_s"] == cells[0].config["runtime"]["grace_s"]


def test_a_folder_of_data_that_was_chosen_apart_stays(here):
    plan = plan_of(["dataset=digits", "dataset.root=mine", "seed=0,1"])
    sweep = write_sweep(plan, command=[], code={})

    assert {cell.config["dataset"]["root"] for cell in read_plan(sweep, {"data_dir": "there"}).cells} == {"mine"}


def test_a_plan_that_cannot_be_built_here_is_refused(written):
    sweep, _ = written

    with pytest.raises(ConfigFault, match=r"runtime\.workers must be a whole number >= 0, got -1"):
        read_plan(sweep, {"workers": -1})


def test_a_folder_that_is_part_of_the_identity_cannot_be_changed(here):
    plan = plan_of(["dataset=digits", "circumstance=[]", "seed=0,1"])
    sweep = write_sweep(plan, command=[], code={})

    with pytest.raises(ConfigFault, match=r"runtime\.data_dir is a part of the identity of cell"):
        read_plan(sweep, {"data_dir": "there"})


@pytest.mark.parametrize("spoil", [lambda text: text.replace('"batch_size": 32', '"batch_size": 64'), lambda text: ""])
def test_a_cell_that_was_changed_is_refused(written, spoil):
    sweep, cells = written
    path = sweep.cell_folder(cells[1].id).asked
    path.write_text(spoil(path.read_text()))

    with pytest.raises(RecordFault, match=cells[1].id):
        read_plan(sweep, {})
