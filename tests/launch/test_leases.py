"""Leases of devices, in one process and between processes that are killed."""

import fcntl
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweeping import wait_for

from sweeplab.errors import ConfigFault
from sweeplab.launch.lease import Leases, machine_leases

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="locks of open files as Linux has them")

GPU = "GPU-fake-0"


@pytest.fixture
def leases(tmp_path):
    return Leases(tmp_path / "leases")


def take(leases, per_cent, *, uuid=GPU, is_ours=False):
    return leases.take(uuid, per_cent, is_ours=is_ours)


def test_a_whole_device_is_leased_once(leases):
    first = take(leases, 100)

    assert first is not None
    assert leases.free(GPU) == 0
    assert take(leases, 1) is None
    assert leases.free("GPU-fake-1") == 100
    first.release()
    assert leases.free(GPU) == 100


def test_shares_fill_a_device_and_no_more(leases):
    """Whatever is given back can be had again, wherever its bytes lie."""
    held = [take(leases, 33) for _ in range(3)]

    assert None not in held
    assert leases.free(GPU) == 1
    assert take(leases, 2) is None
    held[1].release()
    assert take(leases, 34) is not None
    assert leases.free(GPU) == 0


@given(st.lists(st.tuples(st.sampled_from(["take", "give"]), st.integers(1, 100)), max_size=40))
def test_a_device_is_never_overbooked_and_never_refused_what_it_has(tmp_path_factory, asked):
    leases = Leases(tmp_path_factory.mktemp("leases"))
    held = []
    for what, number in asked:
        if what == "give" and held:
            held.pop(number % len(held))[1].release()
        if what == "take":
            lease = take(leases, number)
            assert (lease is None) == (sum(share for share, _ in held) + number > 100)
            held += [] if lease is None else [(number, lease)]
        assert leases.free(GPU) == 100 - sum(share for share, _ in held)
    for _, lease in held:
        lease.release()


def test_a_kept_device_is_only_for_whom_it_is_kept(leases):
    kept = leases.keep(GPU)

    assert leases.is_kept(GPU)
    assert leases.keep(GPU) is None
    assert take(leases, 1) is None
    assert take(leases, 1, is_ours=True) is not None
    kept.release()
    assert take(leases, 1) is not None


def test_the_line_is_served_in_order_of_arrival(leases):
    (first, one), (second, two), (third, three) = (leases.line_up() for _ in range(3))

    assert [leases.is_first(place) for place in (one, two, three)] == [True, False, False]
    second.release()
    assert not leases.is_first(three)
    first.release()
    assert leases.is_first(three)
    latecomer, four = leases.line_up()
    assert not leases.is_first(four)
    for lease in (third, latecomer):
        lease.release()


def test_all_users_of_a_machine_can_use_the_files(tmp_path):
    """Whatever the umask of who came first."""
    before = os.umask(0o077)
    try:
        leases = Leases(tmp_path / "leases")
        take(leases, 1)
    finally:
        os.umask(before)
    [file] = (tmp_path / "leases").iterdir()

    assert stat.S_IMODE((tmp_path / "leases").stat().st_mode) == 0o1777
    assert stat.S_IMODE(file.stat().st_mode) == 0o666


def test_no_link_is_followed(tmp_path):
    """In a folder where all may write, a link is a trap."""
    leases = Leases(tmp_path / "leases")
    (tmp_path / "leases" / f"{GPU}.lock").symlink_to(tmp_path / "precious")

    with pytest.raises(OSError, match="symbolic links"):
        take(leases, 1)
    assert not (tmp_path / "precious").exists()


def test_a_folder_that_is_none_is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.setenv("SWEEPLAB_LEASES", str(tmp_path / "link"))

    with pytest.raises(ConfigFault, match=r"leases of GPUs need a folder that can be written, got .*SWEEPLAB_LEASES"):
        Leases(tmp_path / "file")
    with pytest.raises(ConfigFault, match="link"):
        machine_leases()


def test_a_name_with_a_slash_stays_in_the_folder(leases, tmp_path):
    """MIG instances of old are named so."""
    assert leases.take("MIG-GPU-1/0/0", 100, is_ours=False) is not None
    assert [path.name for path in (tmp_path / "leases").iterdir()] == ["MIG-GPU-1_0_0.lock"]


def test_what_cleans_up_old_files_leaves_those_of_leases_alone(leases, tmp_path):
    """systemd-tmpfiles skips what it cannot lock for itself; a file that it took away would be leased twice."""
    lease = take(leases, 1)
    with (tmp_path / "leases" / f"{GPU}.lock").open() as file:
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        lease.release()
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_holders_are_named(leases):
    take(leases, 40)
    kept = leases.keep("GPU-fake-1")

    assert leases.holders(GPU) == [os.getpid()]
    assert leases.holders("GPU-fake-1") == []
    kept.release()


LAUNCHER = """
import multiprocessing, sys, time
from pathlib import Path
from sweeplab.launch.lease import Leases
from test_leases import hold

if __name__ == "__main__":
    lease = Leases(Path(sys.argv[1])).take("GPU-fake-0", int(sys.argv[2]), is_ours=False)
    child = multiprocessing.get_context("forkserver").Process(target=hold, args=(lease, float(sys.argv[3])))
    child.start()
    print(child.pid, flush=True)
    time.sleep(600)
"""


def hold(lease, seconds):
    """A cell that lives on without its launcher."""
    time.sleep(seconds)


def launcher(folder, per_cent, seconds):
    here = Path(__file__).resolve().parent
    script = folder / "launcher.py"
    script.write_text(LAUNCHER)
    environment = {**os.environ, "PYTHONPATH": f"{here}:{here.parents[1]}"}
    words = [sys.executable, str(script), str(folder / "leases"), str(per_cent), str(seconds)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment)
    return process, int(process.stdout.readline())


def test_a_cell_keeps_its_device_when_its_launcher_was_killed(tmp_path, leases):
    """And it is free the moment that the cell has gone, too."""
    process, child = launcher(tmp_path, 60, 600)
    try:
        assert leases.free(GPU) == 40
        process.kill()
        process.wait()
        # the child still lives, and so does its lease
        assert wait_for(lambda: leases.holders(GPU) == [child], seconds=10)
        assert take(leases, 41) is None
        assert leases.free(GPU) == 40
    finally:
        os.kill(child, signal.SIGKILL)
    assert wait_for(lambda: leases.free(GPU) == 100, seconds=10)


def grab(folder, barrier, results):
    """One of many that want a third of a device at the same moment."""
    leases = Leases(Path(folder))
    barrier.wait()
    held = [lease for _ in range(50) if (lease := take(leases, 33))]
    results.put(len(held))
    barrier.wait()


def test_processes_that_ask_at_once_do_not_overbook(tmp_path):
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(5), context.Queue()
    crowd = [context.Process(target=grab, args=(tmp_path / "leases", barrier, results)) for _ in range(4)]
    for process in crowd:
        process.start()
    barrier.wait()
    counts = [results.get(timeout=30) for _ in crowd]
    barrier.wait()
    for process in crowd:
        process.join()

    assert 1 <= sum(counts) <= 3
