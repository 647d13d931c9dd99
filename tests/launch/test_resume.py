"""The same line again trains nothing; a widened one the difference; a stopped or killed one goes on."""

import json
import os
import signal
import sys

import pytest
from sweeping import BOUND_S, CRAWL, begun, ends, processes_with, start, sweep, wait_for

from sweeplab import record
from sweeplab.sweep import find_sweep

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="signals and /proc as Linux has them"),
]

GRID = ("lr=0.1,0.01", "seed=0,1", "runtime.cells_at_once=2", "runtime.grace_s=5")
SLOW = (*GRID, *CRAWL)


def records(folder):
    """Result files by cell, as bytes."""
    return {path.parent.name: path.read_bytes() for path in sorted(folder.glob("out/cells/*/result.json"))}


def states(folder):
    found = find_sweep(None, str(folder / "out"))
    return [record.read_state(found.cell_folder(cell_id)) for cell_id, _ in found.cells]


def figures(folder):
    """What a table shows, without times."""
    return {
        path.parent.name: {
            key: json.loads(path.read_bytes())[key] for key in ("state", "metrics", "steps", "confusion_matrix")
        }
        for path in folder.glob("out/cells/*/result.json")
    }


def test_the_same_line_again_trains_nothing_and_a_wider_one_the_difference(tmp_path):
    """Records that are there stay as they are, byte by byte."""
    first = sweep(tmp_path, *GRID)
    before = records(tmp_path)
    again = sweep(tmp_path, *GRID)
    unchanged = records(tmp_path) == before
    wider = sweep(tmp_path, "lr=0.1,0.01", "seed=range(0,3)")
    after = records(tmp_path)

    assert (first.returncode, again.returncode, wider.returncode) == (0, 0, 0), first.stderr
    assert len(before) == 4
    assert unchanged
    assert "4 finished already" in again.stdout
    assert "training" not in again.stdout
    assert "training 2 cells" in wider.stdout
    assert len(after) == 6
    assert before.items() <= after.items()


def test_rerun_trains_again_and_keeps_the_earlier_attempt(tmp_path):
    """Asked for in so many words, and even then nothing is lost."""
    sweep(tmp_path, "lr=0.1,0.01")
    before = records(tmp_path)
    again = sweep(tmp_path, "lr=0.1,0.01", "runtime.on_finished=rerun")

    assert again.returncode == 0, again.stderr
    for cell_id, raw in before.items():
        assert (tmp_path / "out" / "cells" / cell_id / "attempts" / "1" / "result.json").read_bytes() == raw
        assert json.loads(records(tmp_path)[cell_id])["attempt"] == 2


def test_ctrl_c_stops_cleanly_and_the_line_goes_on(tmp_path):
    """No new cells, the running ones stop, the table is written, exit code 130; the same line finishes the rest."""
    process = start(tmp_path, *SLOW)
    in_flight = wait_for(begun(tmp_path, 2), process=process)
    os.killpg(process.pid, signal.SIGINT)
    [output] = ends(process)
    interrupted = states(tmp_path)
    table = find_sweep(None, str(tmp_path / "out")).folder.path / "cells.csv"

    assert in_flight, output
    assert process.returncode == 130, output
    assert "Traceback" not in output
    assert interrupted.count("interrupted") == 2, interrupted
    assert interrupted.count("pending") == 2, interrupted
    assert len(table.read_text().splitlines()) == 5
    assert processes_with(str(tmp_path)) == []

    (tmp_path / "go").touch()
    done = sweep(tmp_path, *SLOW)

    assert done.returncode == 0, done.stdout
    assert states(tmp_path) == ["completed"] * 4


def test_a_killed_sweep_goes_on_to_the_same_figures(tmp_path):
    """SIGKILL of the launcher ends its cells too; the same line then gives what an undisturbed run gives."""
    process = start(tmp_path, *SLOW)
    in_flight = wait_for(begun(tmp_path, 2), process=process)
    process.kill()
    process.wait()
    gone = wait_for(lambda: not processes_with(str(tmp_path)))
    seen = states(tmp_path)
    shown = sweep_verb(tmp_path, "status")
    reported = sweep_verb(tmp_path, "report")
    (tmp_path / "go").touch()
    resumed = sweep(tmp_path, *SLOW)
    other = tmp_path / "undisturbed"
    other.mkdir()
    (other / "go").touch()
    sweep(other, *SLOW)

    assert in_flight
    assert gone
    assert "running" not in seen
    assert seen.count("interrupted") == 2
    assert "2 interrupted" in shown
    assert "interrupted" in reported
    assert resumed.returncode == 0, resumed.stdout
    assert figures(tmp_path) == figures(other)


def sweep_verb(folder, verb):
    import subprocess

    done = subprocess.run(
        [sys.executable, "-m", "sweeplab", verb, "--output-dir", str(folder / "out")],
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=True,
    )
    return done.stdout


def test_two_sweeps_of_the_same_cells_train_each_once(tmp_path):
    """Both end with the whole table."""
    both = [start(tmp_path, *GRID), start(tmp_path, *GRID)]
    outputs = ends(*both)

    assert [process.returncode for process in both] == [0, 0], outputs
    assert [json.loads(raw)["attempt"] for raw in records(tmp_path).values()] == [1] * 4


def test_results_do_not_depend_on_how_many_cells_train_at_once(tmp_path):
    """Bit by bit, with one thread for each cell."""
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, at_once in ((one, 1), (two, 2)):
        folder.mkdir()
        sweep(folder, "lr=0.1,0.01", "seed=0,1", f"runtime.cells_at_once={at_once}")

    assert len(figures(one)) == 4
    assert figures(one) == figures(two)
