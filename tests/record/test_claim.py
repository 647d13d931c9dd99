"""Claims: never two owners, whoever dies, sleeps or is slow; and a cell never stays without one for good."""

import errno
import json
import multiprocessing
import os
import random
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from sweeplab import record

module = sys.modules["sweeplab.record.claim"]  # the package names the function, too
LEASE_S = 60.0


@pytest.fixture
def folder(tmp_path):
    return record.CellFolder(tmp_path / "cell")


@pytest.fixture
def on(monkeypatch):
    """Act as if on another machine."""
    names = {}

    def move(host):
        monkeypatch.setattr(socket, "gethostname", lambda: host)
        return names.setdefault(host, host)

    return move


def files(folder):
    return sorted(path.name for path in folder.path.iterdir())


def age(folder, seconds):
    """As if nobody had renewed the claims for so long."""
    for path in folder.claims():
        then = path.stat().st_mtime - seconds
        os.utime(path, (then, then))


def claim(folder, lease_s=LEASE_S):
    return record.claim(folder, lease_s=lease_s)


# --- one machine ----------------------------------------------------------------------------------------------------


def test_a_claimed_cell_is_refused_until_it_is_released(folder):
    first = claim(folder)

    assert first is not None
    assert claim(folder) is None
    assert first.renew()
    first.release()
    second = claim(folder)
    assert second is not None
    second.release()
    assert files(folder) == []


def test_a_claim_says_who_and_nothing_else_lies_about(folder):
    claim(folder)
    [path] = folder.claims()
    written = json.loads(path.read_text())

    assert files(folder) == ["claim.1.json"]
    assert (written["host"], written["pid"], written["lease_s"]) == (socket.gethostname(), os.getpid(), LEASE_S)


def test_a_claim_of_a_process_that_lives_here_is_never_stale(folder):
    """Stopped by a debugger for an hour, it lives."""
    first = claim(folder)
    age(folder, 3600)

    assert claim(folder) is None
    assert first.renew()


def _claim_and_die(path, how):
    assert claim(record.CellFolder(path)) is not None
    os.kill(os.getpid(), how)


def test_a_claim_of_a_process_that_has_gone_is_taken_over_at_once(folder):
    process = multiprocessing.get_context("fork").Process(target=_claim_and_die, args=(folder.path, signal.SIGKILL))
    process.start()
    process.join()

    assert files(folder) == ["claim.1.json"]
    assert claim(folder) is not None
    assert files(folder) == ["claim.2.json"]


def test_a_pid_that_was_given_to_another_process_is_no_owner(folder):
    claim(folder)
    [path] = folder.claims()
    path.write_text(json.dumps({**json.loads(path.read_text()), "process_start": "1"}))

    assert claim(folder) is not None


# --- several machines -----------------------------------------------------------------------------------------------


def test_a_fresh_claim_of_another_machine_holds(folder, on):
    on("a")
    first = claim(folder)
    age(folder, LEASE_S - 5)
    on("b")

    assert claim(folder) is None
    on("a")
    assert first.renew()
    on("b")
    age(folder, LEASE_S - 5)
    assert claim(folder) is None


def test_a_stale_claim_of_another_machine_is_taken_over_and_its_owner_notices(folder, on):
    on("a")
    first = claim(folder)
    age(folder, LEASE_S + 1)
    on("b")
    second = claim(folder)

    assert second is not None
    assert not first.renew()
    first.release()
    assert second.renew()
    assert files(folder) == ["claim.2.json"]


def test_the_lease_that_counts_is_the_owners(folder, on):
    on("a")
    claim(folder, lease_s=600)
    age(folder, 100)
    on("b")

    assert claim(folder, lease_s=10) is None


def test_clocks_that_differ_do_not_matter(folder, on, monkeypatch):
    """Only the file system's counts."""
    on("a")
    claim(folder)
    on("b")
    monkeypatch.setattr(time, "time", lambda: 4e9)

    assert claim(folder) is None
    age(folder, LEASE_S + 1)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert claim(folder) is not None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', '{"token": 1', "\x00\xff", '{"host": "a", "pid": "x"}'])
def test_a_damaged_claim_holds_for_one_lease(folder, text):
    """It may be one that is just being written."""
    folder.path.mkdir()
    folder.claim(3).write_text(text)

    assert claim(folder) is None
    age(folder, LEASE_S + 1)
    assert claim(folder) is not None
    assert files(folder) == ["claim.4.json"]


def test_a_claim_that_was_damaged_is_lost(folder):
    first = claim(folder)
    folder.claim(1).write_text("{")

    assert not first.renew()
    first.release()
    assert files(folder) == ["claim.1.json"]


def test_a_file_system_that_does_not_answer_loses_no_claim(folder, monkeypatch):
    first = claim(folder)

    def fail(path):
        raise OSError(errno.EIO, "no answer", str(path))

    with monkeypatch.context() as broken:
        broken.setattr(module, "_read", fail)
        assert first.renew()
        first.release()
    assert first.renew()


def test_drafts_of_the_dead_are_removed(folder):
    folder.path.mkdir()
    old, new = folder.path / ".claim.0123", folder.path / ".claim.4567"
    old.touch()
    new.touch()
    os.utime(old, (1.0, 1.0))
    claim(folder).release()

    assert files(folder) == [".claim.4567"]


# --- file systems ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS])
def test_it_works_without_hard_links(folder, monkeypatch, number):
    def refuse(self, target):
        raise OSError(number, "no hard links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    first = claim(folder)

    assert first is not None
    assert claim(folder) is None
    assert first.renew()
    assert files(folder) == ["claim.1.json"]
    first.release()
    assert claim(folder) is not None


def test_another_fault_of_the_file_system_is_not_swallowed(folder, monkeypatch):
    def refuse(self, target):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(Path, "hardlink_to", refuse)

    with pytest.raises(OSError, match="full"):
        claim(folder)
    assert files(folder) == []


def test_a_link_whose_answer_was_lost_is_ours(folder, monkeypatch):
    """The network asks again, and is told that the link exists: it does, and is our own."""
    link = Path.hardlink_to

    def twice(self, target):
        link(self, target)
        raise FileExistsError(errno.EEXIST, "exists")

    monkeypatch.setattr(Path, "hardlink_to", twice)

    assert claim(folder) is not None


# --- at the same time -----------------------------------------------------------------------------------------------


def test_one_who_was_slow_steps_back(folder, on, monkeypatch):
    """He found a stale claim; until he acts, it is taken over, released, and another starts to count anew."""
    on("dead")
    claim(folder)
    age(folder, LEASE_S + 1)
    make, others = module._make, []

    def slowly(path, draft, token):
        monkeypatch.setattr(module, "_make", make)
        on("b")
        claim(folder).release()
        on("c")
        others.append(claim(folder))
        on("slow")
        return make(path, draft, token)

    monkeypatch.setattr(module, "_make", slowly)
    on("slow")

    assert claim(folder) is None
    assert others[0].renew()
    assert files(folder) == ["claim.1.json"]


def test_of_two_that_make_claims_of_different_numbers_at_once_none_has_the_cell_alone(folder, on, monkeypatch):
    """Both step back, and the next attempt succeeds."""
    settle = module._settle

    def meanwhile(*arguments):
        on("b")
        draft = folder.path / "draft"
        draft.write_text(json.dumps({"token": "b", "lease_s": LEASE_S, **module._whoami()}))
        folder.claim(7).hardlink_to(draft)
        draft.unlink()
        on("a")
        return settle(*arguments)

    on("a")
    monkeypatch.setattr(module, "_settle", meanwhile)
    assert claim(folder) is None
    monkeypatch.undo()
    assert files(folder) == ["claim.7.json"]


def _hammer(path, host, seed, until, crash):
    """Claim, prove to be alone, release; sometimes sleep in between, sometimes die anywhere."""
    socket.gethostname = lambda: host
    chance = random.Random(seed)
    names = ("_make", "_settle", "_read")
    for name in names:
        setattr(module, name, _unsteady(getattr(module, name), chance, crash))
    owned = 0
    while time.monotonic() < until:
        for number in range(3):
            folder = record.CellFolder(path / str(number))
            held = record.claim(folder, lease_s=3600.0)
            if held is None:
                continue
            witness = folder.path / "witness"
            descriptor = os.open(witness, os.O_CREAT | os.O_EXCL)
            os.close(descriptor)
            time.sleep(chance.random() ** 4 * 0.03)
            witness.unlink()
            assert held.renew()
            held.release()
            owned += 1
    (path / f"owned.{seed}").write_text(str(owned))


def _unsteady(act, chance, crash):
    def unsteady(*arguments):
        if chance.random() < 0.3:
            time.sleep(chance.random() ** 8 * 0.1)  # mostly a moment, and sometimes long enough for all others
        if chance.random() < crash:
            os.kill(os.getpid(), signal.SIGKILL)
        return act(*arguments)

    return unsteady


def _hammered(path, hosts, *, crash, seconds):
    """Exit codes of many processes that work on three cells; those that died are replaced."""
    context = multiprocessing.get_context("fork")
    until = time.monotonic() + seconds
    seeds = iter(range(10_000))
    codes = []

    def start():
        seed = next(seeds)
        process = context.Process(target=_hammer, args=(path, hosts[seed % len(hosts)], seed, until, crash))
        process.start()
        return process

    processes = [start() for _ in range(8)]
    while processes:
        time.sleep(0.01)
        for process in [one for one in processes if one.exitcode is not None]:
            processes.remove(process)
            codes.append(process.exitcode)
            # its witness goes with it: nobody else may have made one in the meantime
            if process.exitcode == -signal.SIGKILL and time.monotonic() < until:
                processes.append(start())
    return codes


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="forks, and asks /proc who lives")
@pytest.mark.parametrize("hosts", [["a"], ["a", "b", "c"]])
@pytest.mark.parametrize("links", [True, False])
def test_never_two_owners(tmp_path, hosts, links, monkeypatch):
    """The witness can be made only by one that is alone."""
    if not links:
        monkeypatch.setattr(Path, "hardlink_to", _no_links)
    codes = _hammered(tmp_path, hosts, crash=0.0, seconds=2.5)
    owned = [int(path.read_text()) for path in tmp_path.glob("owned.*")]

    assert codes == [0] * 8
    assert sum(owned) > 100
    assert [path.name for number in range(3) for path in (tmp_path / str(number)).iterdir()] == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="forks, and asks /proc who lives")
def test_never_two_owners_among_the_dying(tmp_path, monkeypatch):
    """Killed between any two steps of claiming: the next one takes over, and is alone."""
    monkeypatch.setattr(socket, "gethostname", lambda: "a")  # where all of them lived
    codes = _hammered(tmp_path, ["a"], crash=0.01, seconds=5)
    owned = [int(path.read_text()) for path in tmp_path.glob("owned.*")]

    assert set(codes) == {0, -signal.SIGKILL}
    assert sum(owned) > 10
    for number in range(3):
        last = claim(record.CellFolder(tmp_path / str(number)))
        assert last is not None
        last.release()


def _no_links(self, target):
    raise OSError(errno.EPERM, "no hard links here")


# --- who has it -----------------------------------------------------------------------------------------------------


def test_the_holder_is_named_with_the_age_of_its_claim(folder, on):
    on("node7")
    claim(folder)
    age(folder, 20)
    on("elsewhere")
    now = record.file_system_time(folder.path)
    fresh = record.holder(folder, now=now)
    age(folder, LEASE_S)
    stale = record.holder(folder, now=now)

    assert (fresh.host, fresh.is_stale, stale.is_stale) == ("node7", False, True)
    assert 20 <= fresh.renewed_s < 25
    assert files(folder) == ["claim.1.json"]


def test_nobody_holds_what_was_never_claimed(folder):
    assert record.holder(folder, now=0.0) is None


def test_where_nothing_can_be_written_this_machines_clock_will_do(tmp_path):
    assert abs(record.file_system_time(tmp_path / "absent") - time.time()) < 5
