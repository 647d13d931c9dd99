"""`sweeplab worker`: what it may be told, and what it refuses before anything trains."""

import pytest

from sweeplab import record
from sweeplab.cli import main
from sweeplab.errors import ConfigFault
from sweeplab.launch import work as module
from sweeplab.sweep import write_sweep
from sweeplab.verbs.plan import plan_of
from sweeplab.verbs.worker import changes


@pytest.fixture
def sweep(here):
    """Three cells, written down and not begun."""
    return write_sweep(plan_of(["dataset=digits", "model=logistic", "seed=0,1,2", "tracker=none"]), command=[], code={})


@pytest.fixture
def finished(sweep, finish, here):
    """The same, trained."""
    for number, (cell_id, _) in enumerate(sweep.cells):
        cell = record.read_asked(sweep.cell_folder(cell_id))
        metrics = {"val/accuracy": 0.5 + number / 10, "val/loss": 1.0, "test/accuracy": 0.5, "test/loss": 1.0}
        finish(here / "outputs", cell, metrics=metrics, attempt=1, epochs=1, wall_time_s=1.0)
    return sweep


def test_values_are_read_as_on_every_other_line():
    told = [
        "runtime.timeout_s=1e3",
        "runtime.cells_at_once=auto",
        "runtime.data_dir=/fast/my data",
        "runtime.devices=2",
    ]

    assert changes(told) == {"timeout_s": 1000.0, "cells_at_once": "auto", "data_dir": "/fast/my data", "devices": 2}
    assert changes(["runtime.timeout_s=null"]) == {"timeout_s": None}
    assert changes([]) == {}


def test_everything_that_is_wrong_is_said_at_once():
    told = [
        *("lr=1", "runtime.output_dir=x", "runtime.on_finished=rerun", "+runtime.new=1", "word"),
        *("runtime.devices=0", "runtime.workers=1,2", "runtime.grace_s={"),
    ]
    with pytest.raises(ConfigFault) as refused:
        changes(told)
    last = refused.value.faults[-1]

    assert refused.value.faults[:-1] == [
        "runtime.devices must be a whole number >= 1, got 0",
        "runtime.workers must be a whole number >= 0, got 1,2",
        "cannot read 'runtime.grace_s={' · allowed: runtime.grace_s=value",
    ]
    assert last.startswith(
        "a worker cannot change lr=1, runtime.output_dir=x, runtime.on_finished=rerun, +runtime.new=1, word"
        " · allowed: runtime.data_dir, "
    )
    assert "runtime.output_dir" not in last.partition("allowed")[2]


def test_a_sweep_that_is_not_there_is_refused(here, capsys):
    assert main(["worker", "absent"]) == 2
    assert "no sweep at absent" in capsys.readouterr().err
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("number", ["0", "-1", "x"])
def test_a_limit_is_a_number_of_cells(number, sweep, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["worker", str(sweep.folder.path), f"--limit={number}"])

    assert ended.value.code == 2
    assert "must be a whole number >= 1" in capsys.readouterr().err


def test_of_a_finished_sweep_it_writes_the_report_that_is_missing_and_trains_nothing(finished, capsys, monkeypatch):
    monkeypatch.setattr(module, "prepared_launcher", lambda *_: pytest.fail("there is nothing to train"))

    assert main(["worker", str(finished.folder.path)]) == 0
    first = capsys.readouterr().out
    written = (finished.folder.path / "report.html").stat().st_mtime_ns
    assert main(["worker", "--stay", str(finished.folder.path), "runtime.threads_per_cell=1", "--retry"]) == 0
    second = capsys.readouterr().out

    assert "3 cells, 3 finished already" in first
    assert "0.6" in first
    assert "3 cells, 3 finished already" in second
    assert (finished.folder.path / "report.html").stat().st_mtime_ns == written
