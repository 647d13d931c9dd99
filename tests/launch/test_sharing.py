"""Real sweeps of real processes on GPUs that are pretended: shared, never overbooked, whoever is killed.

Whether too many train on a device the cells see for themselves, by locks that have nothing to do with leases.
"""

import json
import os
import subprocess
import sys
from collections import Counter

import pandas as pd
import pytest
from sweeping import BOUND_S, CRAWL, begun, command, ends, environment, processes_with, wait_for

from sweeplab.launch.lease import Leases
from sweeplab.sweep import find_sweep

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="locks of open files as Linux has them"),
]

WITNESS = ("model._target_=faults.Witness", "~model.what", "max_epochs=1", "runtime.accelerator=auto")


class Machine:
    """Four GPUs that are pretended, of so much memory; sweeps in folders of their own, and what their cells saw."""

    def __init__(self, folder, memory="2GiB"):
        self.folder = folder
        self.witness = folder / "witness"
        self.witness.mkdir()
        self.leases = Leases(folder / "leases")
        self.told = {
            "SWEEPLAB_FAKE_GPUS": f"4x{memory}",
            "SWEEPLAB_LEASES": str(folder / "leases"),
            "SWEEPLAB_WITNESS": str(self.witness),
        }

    def start(self, name, *lines, most=1, kill=0.0):
        place = self.folder / name
        place.mkdir(exist_ok=True)
        environment_ = environment(**self.told)
        environment_.pop("CUDA_VISIBLE_DEVICES", None)
        return subprocess.Popen(
            [*command(place, *WITNESS), f"+model.most={most}", f"+model.kill={kill}", *lines],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment_,
            cwd=place,
            start_new_session=True,
        )

    def ran(self):
        """Devices of each cell's process, in the order in which they began."""
        log = self.witness / "log"
        return [line.split()[1].split(",") for line in log.read_text().splitlines()] if log.exists() else []

    def overbooked(self):
        return [path.read_text() for path in self.witness.glob("overbooked.*")]

    def is_free(self):
        return all(self.leases.free(f"GPU-fake-{index}") == 100 for index in range(4))


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def results(folder):
    return [json.loads(path.read_bytes()) for path in folder.glob("out/cells/*/result.json")]


def test_two_sweeps_at_once_share_the_gpus(machine, tmp_path):
    sweeps = [machine.start(name, "seed=range(0,12)") for name in ("one", "other")]
    outputs = ends(*sweeps)

    assert [process.returncode for process in sweeps] == [0, 0], outputs
    assert machine.overbooked() == []
    assert len(machine.ran()) == 24
    assert {tuple(devices) for devices in machine.ran()} == {(f"GPU-fake-{index}",) for index in range(4)}
    assert all("12 at once" not in output and "4 at once, on 4 GPUs (pretended)" in output for output in outputs)
    assert machine.is_free()
    assert processes_with(str(tmp_path)) == []


def test_cells_that_share_a_device_say_so(machine, tmp_path):
    process = machine.start("one", "seed=range(0,8)", "runtime.cells_per_device=2", most=2)
    [output] = ends(process)

    assert process.returncode == 0, output
    assert machine.overbooked() == []
    found = results(tmp_path / "one")
    assert {result["provenance"]["device_share"] for result in found} == {0.5}
    assert all(1 <= result["provenance"]["cells_at_once"] <= 8 for result in found)
    assert "8 cells shared their device with others: their times are left out" in output


def test_the_first_cell_of_a_kind_measures_and_the_others_share(machine, tmp_path):
    """The pretended devices are large enough for many of what such a cell takes of main memory."""
    machine.told["SWEEPLAB_FAKE_GPUS"] = "1x16GiB"
    process = machine.start("one", "seed=range(0,6)", "runtime.cells_per_device=auto", most=6)
    [output] = ends(process)
    found = sorted(results(tmp_path / "one"), key=lambda result: result["config"]["seed"])
    shares = [result["provenance"].get("device_share") for result in found]

    assert process.returncode == 0, output
    assert all(result["peak_memory_bytes"] > 100 * 2**20 for result in found)
    assert shares[0] is None
    expected = found[0]["peak_memory_bytes"] / (0.8 * 16 * 2**30)
    assert all(expected <= share < 0.5 for share in shares[1:])


def test_a_device_stays_leased_until_the_cell_of_a_killed_launcher_has_gone(machine, tmp_path):
    """Another sweep waits for it, says so, and then goes on."""
    machine.told["SWEEPLAB_FAKE_GPUS"] = "1x2GiB"
    lost = machine.start("lost", "model._target_=faults.Fault", "~model.most", "~model.kill", *CRAWL)
    assert wait_for(begun(tmp_path / "lost"), process=lost)
    lost.kill()
    lost.communicate()
    waiting = machine.start("next", "seed=0")
    [output] = ends(waiting)

    assert waiting.returncode == 0, output
    assert machine.overbooked() == []
    assert wait_for(lambda: not processes_with(str(tmp_path / "lost")))


def test_a_sweep_that_finds_no_gpu_free_says_why(machine):
    held = [machine.leases.take(f"GPU-fake-{index}", 100, is_ours=False) for index in range(4)]
    process = machine.start("one", "seed=0")
    seen = ""
    while "waiting" not in seen and process.poll() is None:
        seen += process.stdout.readline()
    for lease in held:
        lease.release()
    [output] = ends(process)

    assert "waiting: no GPU is free: 4 are leased by other sweeps" in seen
    assert process.returncode == 0, output
    assert "waiting" not in output


def test_gpus_that_an_outer_variable_hides_are_left_alone(machine):
    machine.told["CUDA_VISIBLE_DEVICES"] = "2,GPU-fake-0"
    place = machine.folder / "one"
    place.mkdir()
    done = subprocess.run(
        [*command(place, *WITNESS), "+model.most=1", "+model.kill=0", "seed=range(0,4)"],
        capture_output=True,
        text=True,
        env=environment(**machine.told),
        cwd=place,
        check=False,
        timeout=BOUND_S,
    )

    assert done.returncode == 0, done.stderr
    assert {tuple(devices) for devices in machine.ran()} == {("GPU-fake-0",), ("GPU-fake-2",)}


def test_soak(machine, tmp_path):
    """200 cells over 4 GPUs, two on each, a third of them killed at a random moment."""
    process = machine.start("one", "seed=range(0,200)", "runtime.cells_per_device=2", most=2, kill=0.33)
    [output] = ends(process)
    found = find_sweep(None, str(tmp_path / "one" / "out"))
    table = pd.read_csv(found.folder.path / "cells.csv")
    states = Counter(table["state"])

    assert process.returncode == 1, output
    assert len(table) == table["cell_id"].nunique() == 200
    assert set(states) == {"completed", "crashed"}, states
    assert states["crashed"] >= 10
    assert output.count("killed by signal 9 (SIGKILL)") >= states["crashed"]
    assert machine.overbooked() == []
    assert len(machine.ran()) == 200
    assert machine.is_free()
    assert processes_with(str(tmp_path)) == []


@pytest.mark.gpu
@pytest.mark.skipif(not os.path.exists("/dev/nvidiactl"), reason="no NVIDIA driver here")  # noqa: PTH110
def test_real_gpus_are_seen_by_their_cells(tmp_path):
    """A cell on a real GPU records its name, and a peak that is less than all of it."""
    done = subprocess.run(
        command(tmp_path, "runtime.accelerator=gpu", "seed=0,1", "runtime.cells_per_device=auto"),
        capture_output=True,
        text=True,
        env=environment(SWEEPLAB_LEASES=str(tmp_path / "leases")),
        cwd=tmp_path,
        check=False,
        timeout=BOUND_S,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    for result in results(tmp_path):
        assert "NVIDIA" in result["provenance"]["device"]
        assert 2**20 < result["peak_memory_bytes"] < 4 * 2**30
