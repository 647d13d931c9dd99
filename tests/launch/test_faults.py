"""A cell that fails, fails alone, and every way of failing has its name in the table."""

import json
import sys

import pandas as pd
import pytest
from sweeping import processes_with, sweep

from sweeplab import record
from sweeplab.sweep import find_sweep

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="signals and /proc as Linux has them"),
]

WAYS = {
    "nothing": "completed",
    "raise": "failed",
    "kill": "crashed",
    "segfault": "crashed",
    "exit": "crashed",
    "sysexit": "failed",
    "memory": "out_of_memory",
    "hang": "timed_out",
    "loop": "timed_out",
    "infinite": "diverged",
}


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """One sweep with every fault in it."""
    folder = tmp_path_factory.mktemp("faults")
    done = sweep(
        folder,
        f"++model.what={','.join(WAYS)}",
        "runtime.timeout_s=15",
        "runtime.grace_s=1",
        "runtime.cells_at_once=2",
    )
    return done, find_sweep(None, str(folder / "out")), folder


def results(found):
    return {axes["model.what"]: record.read_result(found.cell_folder(cell_id)) for cell_id, axes in found.cells}


@pytest.mark.xdist_group("faults")
@pytest.mark.parametrize(("way", "state"), WAYS.items())
def test_each_way_of_failing_has_its_state(ended, way, state):
    """And the record says it, whoever had to write it."""
    _, found, _ = ended

    assert results(found)[way]["state"] == state


@pytest.mark.xdist_group("faults")
def test_the_sweep_exits_with_1(ended):
    """A script must notice."""
    done, _, _ = ended

    assert done.returncode == 1, done.stderr


@pytest.mark.xdist_group("faults")
def test_every_cell_is_a_row_of_the_table(ended):
    """None is dropped."""
    _, found, _ = ended
    table = pd.read_csv(found.folder.path / "cells.csv")

    assert dict(zip(table["model.what"], table["state"], strict=True)) == WAYS


@pytest.mark.xdist_group("faults")
def test_each_failure_is_listed_with_its_last_line_and_log(ended):
    """What to look at next."""
    done, found, _ = ended
    failed = [way for way, state in WAYS.items() if state not in ("completed", "diverged")]

    assert "ValueError: the third batch is always the worst" in done.stdout
    assert "killed by signal 9 (SIGKILL)" in done.stdout
    assert "killed by signal 11 (SIGSEGV)" in done.stdout
    assert "exit code 7" in done.stdout
    assert done.stdout.count("log.txt") >= len(failed)
    by_way = {axes["model.what"]: cell_id for cell_id, axes in found.cells}
    assert all(by_way[way] in done.stdout for way in failed)


@pytest.mark.xdist_group("faults")
def test_a_raised_error_is_in_the_log_with_its_traceback(ended):
    """Nothing a cell prints is lost."""
    _, found, _ = ended
    by_way = {axes["model.what"]: cell_id for cell_id, axes in found.cells}
    log = found.cell_folder(by_way["raise"]).log.read_text()

    assert "Traceback" in log
    assert "do_raise" in log


@pytest.mark.xdist_group("faults")
def test_a_hanging_cell_leaves_its_stacks(ended):
    """Where it hung is what one wants to know."""
    _, found, _ = ended
    by_way = {axes["model.what"]: cell_id for cell_id, axes in found.cells}
    log = found.cell_folder(by_way["hang"]).log.read_text()

    assert "hanging" in log
    assert "do_hang" in log


@pytest.mark.xdist_group("faults")
def test_divergence_is_a_result(ended):
    """It has a step, and is not listed among the failures."""
    _, found, _ = ended
    diverged = results(found)["infinite"]

    assert diverged["steps"] >= 3
    assert diverged["error"]["class"] == "Diverged"


@pytest.mark.xdist_group("faults")
def test_nothing_is_left_running(ended):
    """Neither a cell nor the server they are forked from."""
    _, _, folder = ended

    assert processes_with(str(folder)) == []


@pytest.mark.xdist_group("faults")
def test_finished_cells_stay_and_failed_ones_are_tried_again(ended):
    """The same line again: results are kept, failures get another attempt, and the first one's files stay."""
    _, found, folder = ended
    before = {way: result["attempt"] for way, result in results(found).items()}
    sweep(folder, "++model.what=nothing,raise,infinite")
    after = {way: result["attempt"] for way, result in results(found).items()}
    by_way = {axes["model.what"]: cell_id for cell_id, axes in found.cells}
    past = found.cell_folder(by_way["raise"]).path / "attempts" / "1" / "result.json"

    assert after["nothing"] == before["nothing"] == 1
    assert after["infinite"] == before["infinite"] == 1
    assert after["raise"] == 2
    assert json.loads(past.read_text())["state"] == "failed"
