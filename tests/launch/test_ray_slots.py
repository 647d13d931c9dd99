"""What of a Ray cluster is given to cells, as its nodes come and go; and a record's way home."""

import io
import json
import subprocess
import sys
import tarfile

import pytest

from sweeplab import record
from sweeplab.errors import ConfigFault
from sweeplab.launch.archive import pack, unpack
from sweeplab.launch.post_mortem import post_mortem
from sweeplab.launch.ray.site import RaySite
from sweeplab.launch.ray.slots import RaySlots
from sweeplab.launch.slots import Need

ONE, TWO = Need(), Need(devices=2)
OPTIONS = {"address": None, "num_cpus": "auto", "max_retries": 2, "shared": "auto", "node_dir": None, "options": {}}


class Cluster:
    """Nodes that a test takes away or adds, and a clock that has always moved on."""

    def __init__(self, *nodes):
        self.nodes = list(nodes)
        self.seconds = 0

    def slots(self, *, gpus=True, num_cpus=1, most=None):
        return RaySlots(lambda: self.nodes, gpus=gpus, num_cpus=num_cpus, most=most, clock=self.clock)

    def clock(self):
        self.seconds += 10
        return self.seconds


def fill(slots, need):
    taken = []
    while (slot := slots.take(need)) is not None:
        taken.append(slot)
    return taken


def test_no_more_cells_than_the_cluster_has_gpus():
    slots = Cluster({"CPU": 8, "GPU": 2}, {"CPU": 8, "GPU": 1}).slots()
    taken = fill(slots, ONE)

    assert len(taken) == slots.at_once == 3
    assert len({slot.index for slot in taken}) == 3
    slots.give_back(taken[1])
    assert slots.take(ONE) is not None
    assert slots.take(ONE) is None
    assert "GPUs of the Ray cluster are in use" in slots.trouble()


def test_shares_of_a_gpu_and_cpus_both_count():
    assert len(fill(Cluster({"CPU": 8, "GPU": 2}).slots(), Need(1, 0.5))) == 4
    assert len(fill(Cluster({"CPU": 3, "GPU": 2}).slots(), Need(1, 0.5))) == 3
    assert len(fill(Cluster({"CPU": 9, "GPU": 2}).slots(gpus=False, num_cpus=2), ONE)) == 4
    assert len(fill(Cluster({"CPU": 9, "GPU": 2}).slots(gpus=False, most=3), ONE)) == 3


def test_a_node_that_goes_takes_its_places_along_and_a_new_one_brings_some():
    cluster = Cluster({"CPU": 1}, {"CPU": 1})
    slots = cluster.slots(gpus=False)
    taken = fill(slots, ONE)
    del cluster.nodes[1]
    slots.give_back(taken[1])

    assert len(taken) == 2

    assert slots.take(ONE) is None
    cluster.nodes += [{"CPU": 4}]
    assert len(fill(slots, ONE)) == 4


def test_nothing_overtakes_a_cell_of_several_devices_that_waits_for_its_node():
    slots = Cluster({"CPU": 8, "GPU": 2}, {"CPU": 8, "GPU": 2}).slots()
    wide = slots.take(TWO)

    assert slots.take(ONE) is None
    assert "waits for a node" in slots.trouble()
    slots.started(wide)
    assert len(fill(slots, ONE)) == 2


def test_two_gpus_on_two_nodes_are_no_place_for_a_cell_of_two():
    slots = Cluster({"CPU": 8, "GPU": 1}, {"CPU": 8, "GPU": 1}, {"CPU": 8, "GPU": 1}).slots()
    slots.take(ONE)

    assert slots.take(TWO) is None
    assert "no node of the Ray cluster has 2 GPUs" in slots.trouble()


def test_a_cluster_that_grows_by_demand_sees_one_cell():
    """Else it would stay empty, and we would wait for it."""
    slots = Cluster().slots()

    assert slots.take(TWO) is not None
    assert slots.take(TWO) is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"num_cpus": 0}, "hydra.launcher.num_cpus must be auto, or > 0, got 0"),
        ({"max_retries": -1}, "hydra.launcher.max_retries must be a whole number >= 0, got -1"),
        ({"shared": "maybe"}, "hydra.launcher.shared must be auto, true or false, got 'maybe'"),
        ({"nodes": 4}, "unknown option hydra.launcher.nodes"),
    ],
)
def test_an_option_that_cannot_be_is_refused(options, words):
    with pytest.raises(ConfigFault, match=r"hydra\.launcher") as fault:
        RaySite(OPTIONS | options)

    assert words in str(fault.value)


def test_importing_our_side_imports_no_ray():
    """It is an extra, and takes a second."""
    program = "import sys, hydra_plugins.sweeplab_ray, sweeplab.launch.ray.site; print('ray' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False"]


def earlier_state(folder):
    return json.loads((folder.path / "attempts" / "1" / "result.json").read_bytes())["state"]


def test_a_record_comes_home_whole_and_earlier_attempts_stay(tmp_path, make_cell, finish):
    cell = make_cell()
    there, here = tmp_path / "there", tmp_path / "here"
    finish(here, cell, state=record.CRASHED, attempt=1)
    folder = finish(there, cell, attempt=2)
    folder.log.write_text("all that it said")
    folder.checkpoints.mkdir()
    (folder.checkpoints / "best.ckpt").write_bytes(b"weights")
    home = record.cell_folder(here, cell.id)
    unpack(pack(folder, with_checkpoints=False), home)

    assert record.read_result(home) == record.read_result(folder)
    assert home.log.read_text() == "all that it said"
    assert not home.checkpoints.exists()
    assert earlier_state(home) == record.CRASHED
    unpack(pack(folder, with_checkpoints=True), home)
    assert (home.checkpoints / "best.ckpt").read_bytes() == b"weights"


def test_an_archive_that_would_write_elsewhere_is_refused(tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../outside"), io.BytesIO())
    folder = record.cell_folder(tmp_path, "0" * 12)

    with pytest.raises(tarfile.TarError):
        unpack(buffer.getvalue(), folder)
    assert not (folder.path.parent / "outside").exists()


def test_who_died_before_it_could_write_gets_a_record_that_counts_as_an_attempt(tmp_path, make_cell, finish):
    cell = make_cell()
    folder = finish(tmp_path, cell, state=record.FAILED, attempt=1)
    told = post_mortem(cell, folder, before=1, state=record.CRASHED, message="its node burnt", wall_time_s=1.0)

    assert told["attempt"] == 2
    assert record.read_result(folder)["error"]["message"] == "its node burnt"
    assert earlier_state(folder) == record.FAILED


def test_who_wrote_its_record_before_it_died_is_believed(tmp_path, make_cell, finish):
    cell = make_cell()
    folder = finish(tmp_path, cell, attempt=2)

    known = post_mortem(cell, folder, before=1, state=record.CRASHED, message="its node burnt", wall_time_s=1.0)

    assert known["state"] == record.COMPLETED
    assert known == record.read_result(folder)
