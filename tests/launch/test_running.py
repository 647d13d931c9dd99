"""What is said of a cell whose process has ended without a record."""

import json
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from sweeplab import record
from sweeplab.launch.local import Launcher
from sweeplab.launch.running import Running, how_it_ended
from sweeplab.launch.schedule import Placed
from sweeplab.launch.slots import Slot
from sweeplab.oom import oom_kills

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes as Linux has them")


def dead(cell, exitcode, **known):
    """A cell whose process, the leader of its session, has gone."""
    gone = subprocess.Popen([sys.executable, "-c", ""], start_new_session=True)
    gone.wait()
    process = SimpleNamespace(pid=gone.pid, exitcode=exitcode, join=lambda: None)
    kills = known.pop("oom_kills", oom_kills())
    return Running(Placed(cell, Slot(0, 1)), process, None, 0, time.monotonic(), kills, **known)


@pytest.mark.parametrize(
    ("exitcode", "known", "state", "words"),
    [
        (-11, {}, record.CRASHED, "killed by signal 11 (SIGSEGV)"),
        (7, {}, record.CRASHED, "ended with exit code 7 and without a result"),
        (0, {}, record.CRASHED, "ended with exit code 0 and without a result"),
        (
            -9,
            {"oom_kills": -1},
            record.OUT_OF_MEMORY,
            "killed by signal 9 (SIGKILL) while the system was out of memory",
        ),
        (
            -9,
            {"killed": True, "told_why": record.TIMED_OUT},
            record.TIMED_OUT,
            "did not stop when told to (timed_out); killed by signal 9 (SIGKILL)",
        ),
    ],
)
def test_the_cause_of_death_is_named(make_cell, exitcode, known, state, words):
    assert dead(make_cell(), exitcode, **known).cause_of_death() == (state, words)


def test_a_program_that_ends_by_a_signal_is_described_by_its_name():
    code = subprocess.run([sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGABRT)"]).returncode

    assert how_it_ended(code) == "killed by signal 6 (SIGABRT)"


def test_a_retry_that_dies_before_it_begins_is_not_taken_for_the_earlier_attempt(tmp_path, make_cell, finish):
    """Which failed for another reason, and is kept."""
    cell = make_cell()
    folder = finish(tmp_path, cell, state=record.FAILED, attempt=1)
    record.write_status(folder, record.FAILED, 1)
    ended = dead(cell, -9)
    ended.before = record.last_attempt(folder)
    told = []
    schedule = SimpleNamespace(is_lost=lambda _: False, ended=lambda _, result: told.append(result) or True)
    Launcher(str(tmp_path), modules=(), targets=(), around={})._conclude(ended, schedule, None)

    assert [(result["state"], result["attempt"]) for result in told] == [(record.CRASHED, 2)]
    assert record.read_result(folder)["attempt"] == 2
    earlier = json.loads((folder.path / "attempts" / "1" / "result.json").read_bytes())
    assert earlier["state"] == record.FAILED
