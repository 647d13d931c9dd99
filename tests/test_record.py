"""Records: whole or not there, never half; nothing is overwritten; a finished cell is one whose checksum verifies."""

import errno
import json
import math
import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sweeplab import record
from sweeplab.errors import RecordFault
from sweeplab.record import CellFolder


@pytest.fixture
def folder(tmp_path) -> CellFolder:
    return record.cell_folder(tmp_path, "0123456789ab")


@pytest.fixture
def result() -> dict:
    return {
        "cell_id": "0123456789ab",
        "state": record.COMPLETED,
        "config": {"lr": 1e-3},
        "metrics": {"val/accuracy": 0.5},
        "error": None,
    }


def files(path: Path) -> dict[str, bytes]:
    """Everything below a folder, hidden files too."""
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


# --- results --------------------------------------------------------------------------------------------------------


def test_a_result_reads_back_as_written(folder, result):
    record.write_result(folder, result)

    assert record.read_result(folder) == {
        "checksum": json.loads(folder.result.read_text())["checksum"],
        "schema_version": record.SCHEMA_VERSION,
        **result,
    }


def test_a_result_is_json_for_everybody(folder, result):
    """Any other program can read it: strict JSON, UTF-8, text kept readable."""
    record.write_result(folder, {**result, "error": {"message": "größer — 日本"}})

    assert "größer — 日本" in folder.result.read_text(encoding="utf-8")
    assert json.loads(folder.result.read_text(encoding="utf-8"))["error"]["message"] == "größer — 日本"


def test_a_cell_without_a_result_has_none(folder):
    assert record.read_result(folder) is None


def test_no_truncated_result_is_believed(folder, result):
    """A full disk or a power cut ends a file anywhere."""
    record.write_result(folder, result)
    whole = folder.result.read_bytes()

    for length in range(len(whole)):
        folder.result.write_bytes(whole[:length])
        assert record.read_result(folder) is None, length


@pytest.mark.parametrize("flip", [0x01, 0x20, 0x80])
def test_no_result_with_a_flipped_bit_is_believed(flip, folder, result):
    record.write_result(folder, result)
    whole = folder.result.read_bytes()

    for i in range(len(whole)):
        folder.result.write_bytes(whole[:i] + bytes([whole[i] ^ flip]) + whole[i + 1 :])
        assert record.read_result(folder) is None, i


@pytest.mark.parametrize("text", ["", "{}", "null", "\0" * 500, "[1]", '{"checksum": "'])
def test_what_is_no_result_is_none(text, folder):
    folder.path.mkdir(parents=True)
    folder.result.write_text(text)

    assert record.read_result(folder) is None


def test_nothing_may_follow_a_result(folder, result):
    record.write_result(folder, result)
    with folder.result.open("a") as file:
        file.write("\n")

    assert record.read_result(folder) is None


def test_a_result_counts_only_in_its_own_folder(folder, result, tmp_path):
    """A folder copied over another cell's must not answer for it."""
    record.write_result(folder, result)
    other = record.cell_folder(tmp_path, "ba9876543210")
    other.path.mkdir()
    other.result.write_bytes(folder.result.read_bytes())

    assert record.read_result(other) is None


def test_a_result_of_a_newer_version_is_refused(folder, result):
    """It verifies, so training the cell again would throw a good result away."""
    record.write_result(folder, {**result, "schema_version": record.SCHEMA_VERSION + 1})

    with pytest.raises(RecordFault, match=r"result.json was written by a newer sweeplab \(schema \d+, known: \d+\)"):
        record.read_result(folder)


def test_a_blank_result_has_every_key(make_cell):
    """Whoever reads a record can rely on them, whatever became of the cell."""
    cell = make_cell(seed=3)
    keys = (
        "cell_id state config axes metrics last_metrics best_epoch steps epochs wall_time_s train_time_s"
        " peak_memory_bytes num_parameters confusion_matrix initial_weights_hash data_order_hash provenance error"
    )

    assert " ".join(record.blank_result(cell)) == keys
    assert record.blank_result(cell)["axes"] == {"seed": 3}


# --- text and JSON --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_lacks_become_null(value):
    assert json.loads(record.to_json({"a": [value, 1.5], "b": (value,)})) == {"a": [None, 1.5], "b": [None]}


def test_a_file_is_written_with_its_folder(tmp_path):
    record.write_text(tmp_path / "a" / "b.txt", "ü")

    assert files(tmp_path) == {"a/b.txt": "ü".encode()}


def no_space(*_args, **_kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


def interrupted(*_args, **_kwargs):
    raise KeyboardInterrupt


@pytest.mark.parametrize("failure", [no_space, interrupted])
@pytest.mark.parametrize(("owner", "name"), [(os, "fsync"), (Path, "replace")])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(owner, name, failure, tmp_path, monkeypatch):
    path = tmp_path / "result.json"
    record.write_text(path, "old")
    monkeypatch.setattr(owner, name, failure)

    with pytest.raises((OSError, KeyboardInterrupt)):
        record.write_text(path, "new")

    monkeypatch.undo()
    assert files(tmp_path) == {"result.json": b"old"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "result.json"
    record.write_text(path, "old")
    monkeypatch.setattr(secrets, "token_hex", lambda _bytes: "draft")
    (tmp_path / ".result.json.draft.tmp").symlink_to("/dev/full")

    with pytest.raises(OSError, match="No space left on device"):
        record.write_text(path, "new")

    assert files(tmp_path) == {"result.json": b"old"}


def test_a_write_reaches_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    """After a power cut a file with the right name and no content would be worse than none."""
    done = []
    monkeypatch.setattr(os, "fsync", lambda _number: done.append("fsync"))
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, target: done.append("replace") or replace(self, target))

    record.write_text(tmp_path / "a", "text")
    record.write_text(tmp_path / "b", "text", durable=False)

    assert done == ["fsync", "replace", "replace"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot read .*No such file"),
        ("{", "is damaged"),
        ("[1]", "holds no JSON object"),
        ("\xff", "is damaged"),
        ('{"schema_version": 2}', r"was written by a newer sweeplab \(schema 2, known: 1\): update sweeplab"),
        ('{"schema_version": "x"}', "is damaged: schema_version must be a whole number, got 'x'"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(text, message, tmp_path):
    path = tmp_path / "some.json"
    if text is not None:
        path.write_bytes(text.encode("latin-1"))

    with pytest.raises(RecordFault, match=message) as caught:
        record.read_json(path)
    assert "some.json" in str(caught.value)


# --- what was asked -------------------------------------------------------------------------------------------------


def test_what_was_asked_reads_back(folder, make_cell):
    cell = make_cell(lr=1e-5, model={"_target_": "x", "sizes": [1, [2]], "none": None})
    record.write_asked(folder, cell)

    assert record.read_asked(folder) == cell


def test_what_was_asked_is_written_once(folder, make_cell):
    """A second sweep that asks for the cell changes nothing that the first one wrote."""
    record.write_asked(folder, make_cell(seed=1))
    before = files(folder.path)
    record.write_asked(folder, make_cell(seed=1, lr=5))

    assert files(folder.path) == before


def test_a_file_without_the_keys_of_a_cell_is_refused(folder):
    record.write_text(folder.asked, '{"cell_id": "0"}')

    with pytest.raises(RecordFault, match=r"cell.json is not a cell.json of sweeplab \(missing or wrong: 'config'\)"):
        record.read_asked(folder)


# --- states ---------------------------------------------------------------------------------------------------------


def status(folder: CellFolder, **changes) -> None:
    """The status file of a running attempt of this very process, with changes."""
    record.write_status(folder, record.RUNNING, 1)
    record.write_text(folder.status, json.dumps({**json.loads(folder.status.read_text()), **changes}))


def test_a_cell_that_nobody_began_is_pending(folder):
    assert record.read_state(folder) == record.PENDING


def test_a_cell_whose_process_lives_is_running(folder):
    record.write_status(folder, record.RUNNING, 1)

    assert record.read_state(folder) == record.RUNNING


def test_a_cell_whose_process_is_gone_was_interrupted(folder):
    child = subprocess.Popen([sys.executable, "-c", ""])
    start = record.process_start(child.pid)
    child.wait()
    status(folder, pid=child.pid, process_start=start)

    assert record.read_state(folder) == record.INTERRUPTED


def test_a_process_that_only_waits_to_be_collected_is_gone(folder):
    """A zombie has a pid and a start time, and trains nothing."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    start = record.process_start(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    status(folder, pid=child.pid, process_start=start)

    assert start is not None
    assert record.read_state(folder) == record.INTERRUPTED
    child.communicate()


def test_another_process_with_the_same_number_is_not_the_cell(folder):
    """The system gives pids again: the start time tells the two apart."""
    status(folder, process_start="1")

    assert record.read_state(folder) == record.INTERRUPTED


def test_a_cell_on_another_host_is_taken_at_its_word(folder):
    status(folder, host=f"not-{socket.gethostname()}", pid=1, process_start="1")

    assert record.read_state(folder) == record.RUNNING


@pytest.mark.parametrize("state", [*record.FINAL_STATES, *record.FAILURE_STATES])
def test_a_cell_with_a_result_has_its_state(state, folder, result):
    """Also while a status says something else: the result is written last."""
    record.write_result(folder, {**result, "state": state})
    record.write_status(folder, record.RUNNING, 1)

    assert record.read_state(folder) == state


def test_a_cell_whose_result_was_damaged_is_pending(folder, result):
    record.write_result(folder, result)
    record.write_status(folder, record.COMPLETED, 1)
    folder.result.write_bytes(folder.result.read_bytes()[:-1])

    assert record.read_state(folder) == record.PENDING


@pytest.mark.parametrize("text", ["", "{", "[]", '{"state": 5}'])
def test_a_damaged_status_is_no_status(text, folder):
    record.write_text(folder.status, text)

    assert record.read_state(folder) == record.PENDING


def test_a_process_is_named_by_its_start():
    assert record.process_start(os.getpid()) == record.process_start(os.getpid())
    assert record.process_start(os.getpid()) is not None
    assert record.process_start(2**30) is None


# --- attempts -------------------------------------------------------------------------------------------------------


def leave(folder: CellFolder, text: str) -> None:
    """What an attempt leaves behind."""
    for path in (folder.metrics, folder.log, folder.result):
        record.write_text(path, text)
    (folder.path / "wandb").mkdir()
    record.write_text(folder.path / "wandb" / "run", text)


def test_attempts_are_counted_and_none_is_overwritten(folder):
    for number in (1, 2, 3):
        assert record.begin_attempt(folder) == number
        record.write_status(folder, record.RUNNING, number)
        assert record.last_attempt(folder) == number
        leave(folder, f"attempt {number}")

    assert record.begin_attempt(folder) == 4
    kept = files(folder.path)
    del kept["status.json"]
    names = ("log.txt", "metrics.jsonl", "result.json", "wandb/run")
    assert kept == {f"attempts/{n}/{name}": f"attempt {n}".encode() for n in (1, 2, 3) for name in names}


def test_a_damaged_status_loses_no_attempt(folder):
    for number in (1, 2):
        record.begin_attempt(folder)
        record.write_status(folder, record.RUNNING, number)
        leave(folder, f"attempt {number}")
    record.write_text(folder.status, "{")

    assert record.last_attempt(folder) == 2
    assert record.begin_attempt(folder) == 3
    assert files(folder.path)["attempts/1/log.txt"] == b"attempt 1"
    assert files(folder.path)["attempts/2/log.txt"] == b"attempt 2"


def test_an_attempt_that_never_wrote_its_status_loses_no_other(folder):
    """Killed between moving the old files and its first own word."""
    record.begin_attempt(folder)
    record.write_status(folder, record.RUNNING, 1)
    leave(folder, "attempt 1")
    assert record.begin_attempt(folder) == 2
    record.write_text(folder.log, "attempt 2")

    assert record.begin_attempt(folder) == 3
    kept = files(folder.path)
    assert kept["attempts/1/log.txt"] == b"attempt 1"
    assert kept["attempts/2/log.txt"] == b"attempt 2"


def test_a_log_without_any_status_is_an_attempt(folder):
    record.write_text(folder.log, "old")

    assert record.begin_attempt(folder) == 2
    assert files(folder.path) == {"attempts/1/log.txt": b"old"}


@pytest.mark.parametrize("attempt", [None, "x", [1]])
def test_a_status_with_a_strange_attempt_counts_as_none(attempt, folder):
    record.write_text(folder.status, json.dumps({"attempt": attempt}))

    assert record.last_attempt(folder) == 0


def test_what_was_asked_stays_where_it_is(folder, make_cell):
    record.write_asked(folder, make_cell())
    leave(folder, "x")
    record.begin_attempt(folder)

    assert folder.asked.exists()


# --- metrics --------------------------------------------------------------------------------------------------------


def test_evaluations_read_back_in_order(folder):
    folder.path.mkdir(parents=True)
    record.append_metrics(folder, {"epoch": 1, "val/loss": 0.5})
    record.append_metrics(folder, {"epoch": 2, "val/loss": math.nan})

    assert record.read_metrics(folder) == [{"epoch": 1, "val/loss": 0.5}, {"epoch": 2, "val/loss": None}]


def test_a_torn_last_line_is_left_out(folder):
    """A kill may end the file anywhere; the whole lines before it count."""
    folder.path.mkdir(parents=True)
    for epoch in (1, 2):
        record.append_metrics(folder, {"epoch": epoch, "note": "größer"})
    whole = folder.metrics.read_bytes()
    second = whole.index(b"\n") + 1

    for length in range(second, len(whole) - 1):
        folder.metrics.write_bytes(whole[:length])
        assert record.read_metrics(folder) == [{"epoch": 1, "note": "größer"}], length


def test_what_is_no_evaluation_is_left_out(folder):
    folder.path.mkdir(parents=True)
    folder.metrics.write_bytes(b'5\n\n[1]\n{"epoch": 1}\n\xff\xfe\n{"epoch": 2}\n')

    assert record.read_metrics(folder) == [{"epoch": 1}, {"epoch": 2}]


def test_a_cell_without_evaluations_has_none(folder):
    assert record.read_metrics(folder) == []


# --- two processes, one cell ----------------------------------------------------------------------------------------

HOLD = """
import sys
from pathlib import Path
from sweeplab.record import CellFolder, claimed
name, folder, log = sys.argv[1], CellFolder(Path(sys.argv[2])), Path(sys.argv[3])
def say(word):
    with log.open("a") as file:
        file.write(f"{name} {word}\\n")
print("asks", flush=True)
with claimed(folder):
    say("begins")
    print("holds", flush=True)
    sys.stdin.readline()
    say("ends")
"""


def start(name: str, folder: CellFolder, log: Path) -> subprocess.Popen:
    words = [sys.executable, "-c", HOLD, name, str(folder.path), str(log)]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_two_processes_that_want_a_cell_take_turns(folder, tmp_path):
    """Two sweeps that share a cell must not train it at once: the second waits and finds the result."""
    log = tmp_path / "log"
    first = start("first", folder, log)
    assert [first.stdout.readline(), first.stdout.readline()] == ["asks\n", "holds\n"]
    second = start("second", folder, log)
    assert second.stdout.readline() == "asks\n"
    # Time for a lock that does not hold to show itself; a lock that holds makes this test no less sure.
    with pytest.raises(subprocess.TimeoutExpired):
        second.wait(timeout=0.5)
    first.communicate("\n")
    second.communicate("\n")

    assert log.read_text().split("\n")[:4] == ["first begins", "first ends", "second begins", "second ends"]


def test_a_killed_process_lets_go_of_its_cell(folder, tmp_path):
    log = tmp_path / "log"
    first = start("first", folder, log)
    assert [first.stdout.readline(), first.stdout.readline()] == ["asks\n", "holds\n"]
    first.kill()
    first.communicate()
    second = start("second", folder, log)
    second.communicate("\n")

    assert log.read_text().split("\n")[:3] == ["first begins", "second begins", "second ends"]


# --- places ---------------------------------------------------------------------------------------------------------


def test_files_lie_where_the_design_says(tmp_path):
    """People and other programs find them by these names."""
    cell = record.cell_folder("out", "abc")
    sweep = record.sweep_folder("out", "mine")

    names = ("asked", "status", "metrics", "result", "log", "checkpoints")
    assert [getattr(cell, name).as_posix() for name in names] == [
        "out/cells/abc/cell.json",
        "out/cells/abc/status.json",
        "out/cells/abc/metrics.jsonl",
        "out/cells/abc/result.json",
        "out/cells/abc/log.txt",
        "out/cells/abc/checkpoints",
    ]
    assert sweep.plan.as_posix() == "out/sweeps/mine/sweep.json"
    assert sweep.outputs.as_posix() == "out"
