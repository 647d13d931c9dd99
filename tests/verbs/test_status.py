"""`sweeplab status`: how the cells of a sweep stand, from their files alone."""

import os
import socket
import time

import pytest

from sweeplab import record
from sweeplab.cell import Cell
from sweeplab.cli import main
from sweeplab.plan import Plan
from sweeplab.sweep import write_sweep


@pytest.fixture
def cells(here, make_cell):
    """Five cells of a sweep that was written down and not begun."""
    made = [make_cell(optimizer="adam", seed=seed) for seed in range(5)]
    plan = Plan("mine", made, {"seed": [0, 1, 2, 3, 4]}, [], made[0].config, 5)
    write_sweep(plan, command=[], code={})
    return made


def shown(capsys, *words: str) -> list[str]:
    assert main(["status", *words]) == 0
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def folder_of(cell: Cell) -> record.CellFolder:
    return record.cell_folder("outputs", cell.id)


def test_cells_that_nobody_began_are_pending(cells, capsys):
    assert shown(capsys) == ["mine: 5 cells: 5 pending"]


def test_every_state_is_counted_and_what_runs_and_failed_is_shown(cells, here, capsys, finish):
    error = {"class": "ValueError", "message": "a [red]bad[/red] value\nmore"}
    finish(here / "outputs", cells[0])
    finish(here / "outputs", cells[1])
    finish(here / "outputs", cells[2], state=record.FAILED, error=error)
    record.write_status(folder_of(cells[3]), record.RUNNING, 1)
    record.append_metrics(folder_of(cells[3]), {"epoch": 1, "val/loss": 0.75, "val/accuracy": 0.123456})
    record.append_metrics(folder_of(cells[3]), {"epoch": 2, "val/loss": float("nan"), "val/accuracy": 0.25})

    lines = shown(capsys)

    assert lines[0] == "mine: 5 cells: 2 completed, 1 failed, 1 running, 1 pending"
    assert [line.split() for line in lines[1:3]] == [
        ["running", "epochs", "done", "val/loss", "val/accuracy", "host", "heard", "of"],
        ["adam", "seed=3", "2", "0.25"],
    ]
    assert lines[3] == "failed  adam seed=2: ValueError: a [red]bad[/red] value"
    assert lines[4].startswith("  log: ")
    assert lines[4].endswith(f"outputs/cells/{cells[2].id}/log.txt")
    assert len(lines) == 5


def test_a_cell_that_has_just_begun_has_no_figures(cells, capsys):
    record.write_status(folder_of(cells[0]), record.RUNNING, 1)

    assert shown(capsys)[-1].split() == ["adam", "seed=0", "0"]


def test_where_a_cell_trains_is_said_and_whether_that_machine_still_answers(cells, capsys, monkeypatch):
    """One of another machine is taken at its word until its lease has run out."""
    with monkeypatch.context() as there:
        there.setattr(socket, "gethostname", lambda: "node7")
        for cell in cells[:2]:
            record.write_status(folder_of(cell), record.RUNNING, 1)
            assert record.claim(folder_of(cell), lease_s=60)
    long_ago = time.time() - 100
    os.utime(folder_of(cells[0]).claim(1), (long_ago, long_ago))

    stale, fresh = (line.split() for line in shown(capsys)[-2:])

    assert stale[:4] == ["adam", "seed=0", "0", "node7"]
    assert 100 <= int(stale[4]) < 200
    assert stale[5:] == ["s", "ago", "(stale)"]
    assert fresh[:4] == ["adam", "seed=1", "0", "node7"]
    assert fresh[5:] == ["s", "ago"]


def test_a_killed_cell_was_interrupted(cells, capsys):
    for cell in cells[:2]:
        record.write_status(folder_of(cell), record.RUNNING, 1)
    gone = {**record.read_json(folder_of(cells[0]).status), "process_start": "1"}
    record.write_text(folder_of(cells[0]).status, record.to_json(gone))

    assert shown(capsys)[0] == "mine: 5 cells: 3 pending, 1 interrupted, 1 running"


@pytest.mark.parametrize("words", [["mine"], ["outputs/sweeps/mine"], ["mine", "--output-dir", "outputs"]])
def test_a_sweep_is_named_by_folder_or_name(words, cells, capsys):
    assert shown(capsys, *words) == ["mine: 5 cells: 5 pending"]


def test_a_sweep_that_is_not_there_is_refused(here, capsys):
    assert main(["status", "absent"]) == 2
    assert "no sweep at absent (expected a folder with sweep.json)" in capsys.readouterr().err
    assert list(here.iterdir()) == []


def test_looking_changes_nothing(cells, here, capsys):
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    shown(capsys)

    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before
