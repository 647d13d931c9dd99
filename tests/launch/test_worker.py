"""Workers: any number train a planned sweep together, each cell once, whatever becomes of them."""

import json
import os
import random
import signal
import sys
import time
from collections import Counter

import pandas as pd
import pytest
from sweeping import BOUND_S, CRAWL, begun, ends, processes_with, start, wait_for
from working import SLURM, claims, plan, results, start_worker, states, the_sweep, worker

from sweeplab import record

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="signals and /proc as Linux has them"),
]

ONE = "runtime.cells_at_once=1"
# Cells that train until the third minibatch, and then wait for a file named `go`.
WAIT = "++model.what=wait"


def host_of(folder):
    """The claims that are there, by the host that they name."""
    found = the_sweep(folder)
    read = [path for cell_id, _ in found.cells for path in found.cell_folder(cell_id).claims()]
    return Counter(json.loads(path.read_text())["host"] for path in read)


def test_two_workers_share_the_cells_and_the_report_is_there(tmp_path):
    """Written by a plan that trains nothing; each cell is trained once, as two jobs of an array would."""
    planned = plan(tmp_path, "lr=0.1,0.01", "seed=range(0,4)")
    before = states(tmp_path)
    both = [start_worker(tmp_path, ONE, **SLURM) for _ in range(2)]
    outputs = ends(*both)
    found = results(tmp_path)
    table = pd.read_csv(the_sweep(tmp_path).folder.path / "cells.csv")

    assert planned.returncode == 0, planned.stderr
    assert f"sweeplab worker out/sweeps/{the_sweep(tmp_path).name}" in planned.stdout
    assert before == ["pending"] * 8
    assert [process.returncode for process in both] == [0, 0], outputs
    assert [result["attempt"] for result in found.values()] == [1] * 8
    assert list(table["cell_id"]) == list(found)
    assert set(table["state"]) == {"completed"}
    assert (the_sweep(tmp_path).folder.path / "report.html").exists()
    assert claims(tmp_path) == []
    assert processes_with(str(tmp_path)) == []


def test_a_worker_shares_the_cells_of_a_running_line(tmp_path):
    """The line ends with the whole table, though it trained only a part."""
    main = start(tmp_path, "seed=range(0,4)", WAIT, ONE)
    assert wait_for(lambda: list(tmp_path.glob("out/cells/*/status.json")))
    helper = start_worker(tmp_path, ONE, host="helper")
    helped = wait_for(lambda: host_of(tmp_path)["helper"])
    (tmp_path / "go").touch()
    outputs = ends(main, helper)

    assert helped
    assert (main.returncode, helper.returncode) == (0, 0), outputs
    assert [result["attempt"] for result in results(tmp_path).values()] == [1] * 4
    assert "4 cells: 4 completed" in outputs[0]
    assert claims(tmp_path) == []


def test_a_failed_cell_is_left_alone_unless_asked_for(tmp_path):
    """By the worker that saw it fail, and by the next one."""
    plan(tmp_path, "++model.what=nothing,raise")
    first = worker(tmp_path)
    second = worker(tmp_path)
    attempts = [result["attempt"] for result in results(tmp_path).values()]
    third = worker(tmp_path, "--retry")

    assert (first.returncode, second.returncode, third.returncode) == (1, 0, 1), first.stdout + first.stderr
    assert "1 cell failed before and is left alone (--retry trains again)" in second.stdout
    assert attempts == [1, 1]
    assert "training 1 cell," in third.stdout
    assert [result["attempt"] for result in results(tmp_path).values()] == [1, 2]


def test_a_worker_trains_no_more_than_it_was_asked_to(tmp_path):
    """From data of its own: a machine's fast disk may be elsewhere."""
    plan(tmp_path, "dataset=digits", "dataset.augment=null", "seed=range(0,4)")
    done = worker(tmp_path, "--limit", "3", f"runtime.data_dir={tmp_path}/fast", "runtime.cells_at_once=2")

    assert done.returncode == 0, done.stdout + done.stderr
    assert Counter(states(tmp_path)) == {"completed": 3, "pending": 1}
    assert "3 of 4 cells ended" in done.stdout
    assert not (the_sweep(tmp_path).folder.path / "report.html").exists()
    assert (tmp_path / "fast" / "cache").is_dir()
    assert not (tmp_path / "data").exists()


def test_a_worker_leaves_what_others_hold_and_stays_when_asked_to(tmp_path):
    """One that stays ends with the sweep."""
    plan(tmp_path, WAIT, "seed=0,1")
    other = start_worker(tmp_path, "runtime.cells_at_once=2", host="node7")
    assert wait_for(lambda: states(tmp_path) == ["running"] * 2)
    leaves = worker(tmp_path)
    stays = start_worker(tmp_path, "--stay")
    (tmp_path / "go").touch()
    outputs = ends(other, stays)

    assert leaves.returncode == 0, leaves.stderr
    assert "2 cells are held by other workers (on node7)" in leaves.stdout
    assert (other.returncode, stays.returncode) == (0, 0), outputs
    assert [result["attempt"] for result in results(tmp_path).values()] == [1, 1]


@pytest.mark.parametrize("everybody", [False, True])
def test_a_worker_that_is_told_to_stop_leaves_its_cells_to_others(tmp_path, everybody):
    """As Slurm tells it before its time is up: every process of the job, or the first alone."""
    plan(tmp_path, *CRAWL, "runtime.grace_s=5", "seed=0,1,2")
    process = start_worker(tmp_path, "runtime.cells_at_once=2")
    assert wait_for(begun(tmp_path, 2))
    told = processes_with(str(tmp_path)) if everybody else [process.pid]
    for pid in told:
        os.kill(pid, signal.SIGTERM)
    [output] = ends(process)

    assert process.returncode == 130, output
    assert len(told) >= (4 if everybody else 1)
    assert Counter(states(tmp_path)) == {"interrupted": 2, "pending": 1}, output
    assert claims(tmp_path) == []
    assert processes_with(str(tmp_path)) == []


def test_a_machine_that_goes_down_is_waited_for_and_then_taken_over_from(tmp_path):
    """Its claims stay fresh for one lease; then another trains its cells."""
    plan(tmp_path, *CRAWL, "seed=0,1", "runtime.lease_s=4")
    process = start_worker(tmp_path, "runtime.cells_at_once=2", host="down")
    assert wait_for(lambda: states(tmp_path) == ["running"] * 2)
    process.kill()
    process.wait()
    held = host_of(tmp_path)
    (tmp_path / "go").touch()
    rest = worker(tmp_path, "--stay", "runtime.cells_at_once=2")

    assert held == {"down": 2}
    assert rest.returncode == 0, rest.stdout
    assert states(tmp_path) == ["completed"] * 2
    assert [result["attempt"] for result in results(tmp_path).values()] == [2, 2]
    assert claims(tmp_path) == []


def test_a_worker_that_was_asleep_for_too_long_writes_nothing_over_its_successors(tmp_path):
    """Its claim is taken over meanwhile: awake again, it ends its cell without a word."""
    plan(tmp_path, WAIT, "seed=0", "runtime.lease_s=2")
    sleeper = start_worker(tmp_path, ONE, host="asleep")
    assert wait_for(lambda: states(tmp_path) == ["running"])
    os.kill(sleeper.pid, signal.SIGSTOP)
    heir = start_worker(tmp_path, ONE, "--stay", host="heir")
    taken = wait_for(lambda: host_of(tmp_path) == {"heir": 1})
    os.kill(sleeper.pid, signal.SIGCONT)
    alone = wait_for(lambda: list(tmp_path.glob("out/cells/*/attempts/1")))
    left_behind = [path.name for path in tmp_path.glob("out/cells/*/attempts/1/*")]
    (tmp_path / "go").touch()
    outputs = ends(sleeper, heir)
    [result] = results(tmp_path).values()

    assert taken
    assert alone
    assert "result.json" not in left_behind
    assert (sleeper.returncode, heir.returncode) == (0, 0), outputs
    assert (result["state"], result["attempt"]) == ("completed", 2)
    assert claims(tmp_path) == []
    assert processes_with(str(tmp_path)) == []


def test_a_changed_cell_is_refused_before_anything_trains(tmp_path):
    """As when it is trained again by hand."""
    plan(tmp_path, "seed=0,1")
    found = the_sweep(tmp_path)
    last = found.cell_folder(found.cells[-1][0])
    last.asked.write_text(last.asked.read_text().replace('"batch_size": 32', '"batch_size": 64'))
    done = worker(tmp_path)

    assert done.returncode == 2
    assert "it was changed or moved" in done.stderr
    assert states(tmp_path) == ["pending"] * 2


def test_workers_that_die_at_random_finish_every_cell_once(tmp_path):
    """Three workers, 24 cells, whole workers killed anywhere and started again: nothing is lost, nothing left over."""
    plan(tmp_path, "lr=range(1,5)", "seed=range(0,6)", *CRAWL, "max_epochs=1", "dataset.num_train=256")
    chance = random.Random(5)
    with (tmp_path / "log").open("w") as log:
        workers = [start_worker(tmp_path, ONE, log=log) for _ in range(3)]
        for _ in range(5):
            time.sleep(3 + 2 * chance.random())
            victim = workers.pop(chance.randrange(3))
            victim.kill()
            victim.wait()
            workers.append(start_worker(tmp_path, ONE, log=log))
        codes = [process.wait(timeout=BOUND_S) for process in workers]
    last = worker(tmp_path)
    found = results(tmp_path)
    table = pd.read_csv(the_sweep(tmp_path).folder.path / "cells.csv")

    assert codes == [0, 0, 0], (tmp_path / "log").read_text()
    assert last.returncode == 0
    assert Counter(states(tmp_path)) == {"completed": 24}
    assert table["cell_id"].is_unique
    assert list(table["cell_id"]) == list(found)
    for cell_id, result in found.items():
        past = the_sweep(tmp_path).cell_folder(cell_id).path / "attempts"
        earlier = {int(path.name): record.read_result(record.CellFolder(path)) for path in past.glob("*")}
        assert sorted(earlier) == list(range(1, result["attempt"]))
        ended = [json.loads(path.read_text())["state"] for path in past.glob("*/result.json")]
        assert set(ended) <= {"interrupted"}
    assert claims(tmp_path) == []
    assert wait_for(lambda: not processes_with(str(tmp_path)))
