"""Sweeps on a Ray cluster of two nodes, all of it on the loopback address of this machine."""

import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from sweeping import CRAWL, begun, ends, processes_with, start, sweep, wait_for

from sweeplab import record
from sweeplab.sweep import find_sweep

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="signals and /proc as Linux has them")
pytestmark = [pytest.mark.slow, linux_only, pytest.mark.xdist_group("ray")]

RAY = ("hydra/launcher=ray", "runtime.grace_s=5")
NODE = {
    "num_cpus": 1,
    "num_gpus": 0,
    "object_store_memory": 80 * 2**20,
    "node_ip_address": "127.0.0.1",
    "include_dashboard": False,
    "dashboard_agent_listen_port": 0,
}


@pytest.fixture(scope="module")
def ray_folder():
    """Ray's own files, in a folder whose name is short enough for a socket; loopback only, and nobody is told."""
    folder = Path(tempfile.mkdtemp(prefix="r", dir="/tmp"))
    (folder / "ray").mkdir()
    settings = {
        "RAY_TMPDIR": str(folder),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    patch = pytest.MonkeyPatch()
    for name, value in settings.items():
        patch.setenv(name, value)
    yield folder
    patch.undo()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def cluster(ray_folder):
    """Two nodes of one CPU each."""
    utils = pytest.importorskip("ray.cluster_utils", reason="needs the extra ray")
    made = utils.Cluster(initialize_head=True, head_node_args=NODE)
    made.add_node(**NODE)
    yield made
    made.shutdown()


def on(cluster):
    return (*RAY, f"hydra.launcher.address={cluster.address}")


def table(folder):
    found = find_sweep(None, str(folder / "out"))
    return found, pd.read_csv(found.folder.path / "cells.csv")


def fork_servers(ray_folder):
    """Our processes among all that Ray has started."""
    return [
        pid
        for pid in processes_with(str(ray_folder))
        if b"multiprocessing" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def test_without_a_shared_folder_each_record_comes_home_whatever_became_of_the_cell(tmp_path, cluster, ray_folder):
    """And a failing cell fails alone; nothing is left on the node."""
    nodes_own = tmp_path / "node"
    done = sweep(
        tmp_path,
        "++model.what=nothing,raise,kill,hang",
        *on(cluster),
        "hydra.launcher.shared=false",
        f"hydra.launcher.node_dir={nodes_own}",
        "runtime.timeout_s=8",
        "runtime.grace_s=1",
    )
    found, rows = table(tmp_path)
    results = {axes["model.what"]: record.read_result(found.cell_folder(cell_id)) for cell_id, axes in found.cells}

    assert done.returncode == 1, done.stdout + done.stderr
    assert dict(zip(rows["model.what"], rows["state"], strict=True)) == {
        "nothing": "completed",
        "raise": "failed",
        "kill": "crashed",
        "hang": "timed_out",
    }
    assert {way: result["attempt"] for way, result in results.items()} == dict.fromkeys(results, 1)
    assert results["nothing"]["confusion_matrix"] is not None
    for cell_id, axes in found.cells:
        folder = found.cell_folder(cell_id)
        assert record.read_asked(folder).id == cell_id
        assert not folder.checkpoints.exists()
        assert folder.metrics.exists() == (axes["model.what"] == "nothing")
    assert "the third batch is always the worst" in done.stdout
    assert list(nodes_own.iterdir()) == []
    assert wait_for(lambda: not fork_servers(ray_folder))


def test_a_node_that_goes_in_the_middle_of_a_sweep_costs_no_cell(tmp_path, cluster, ray_folder):
    """Every cell ends, once in the table; what was lost is trained again as the next attempt."""
    leaving = cluster.add_node(**NODE)
    process = start(tmp_path, "lr=0.1,0.01", "seed=0,1", "++model.what=wait", *on(cluster))
    in_flight = wait_for(lambda: len(list(tmp_path.glob("waiting.*"))) == 3, process=process)
    cells = [int(path.suffix[1:]) for path in tmp_path.glob("waiting.*")]
    cluster.remove_node(leaving, allow_graceful=False)
    one_is_lost = wait_for(lambda: not all(Path(f"/proc/{pid}").exists() for pid in cells), process=process)
    (tmp_path / "go").touch()
    [output] = ends(process)
    found, rows = table(tmp_path)
    attempts = [record.read_result(found.cell_folder(cell_id))["attempt"] for cell_id, _ in found.cells]
    past = [path for path in tmp_path.glob("out/cells/*/attempts/*") if path.is_dir()]

    assert in_flight, output
    assert one_is_lost, output
    assert process.returncode == 0, output
    assert list(rows["state"]) == ["completed"] * 4
    assert sorted(rows["cell_id"]) == sorted(cell_id for cell_id, _ in found.cells)
    assert sorted(attempts) == [1, 1, 1, 2]
    assert [path.name for path in past] == ["1"]
    said = past[0] / "result.json"  # by the driver, unless the cell still held on to its folder just then
    assert not said.exists() or json.loads(said.read_bytes())["state"] in ("crashed", "interrupted")
    assert not list(tmp_path.glob("out/.shared-*"))
    assert wait_for(lambda: not fork_servers(ray_folder))


def test_ctrl_c_stops_a_sweep_on_a_ray_of_its_own_and_nothing_is_left(tmp_path, ray_folder):
    """Cells stop cleanly, the table is written, exit code 130; and meanwhile only this machine could reach it."""
    pytest.importorskip("ray", reason="needs the extra ray")
    psutil = pytest.importorskip("psutil")
    process = start(tmp_path, "lr=0.1,0.01,0.001", *CRAWL, *RAY, "runtime.cells_at_once=2")
    mine = str(tmp_path)
    in_flight = wait_for(begun(tmp_path), process=process)
    children = {child.pid for child in psutil.Process(process.pid).children(recursive=True)}
    heard = [
        connection.laddr.ip
        for connection in psutil.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN and connection.pid in children
    ]
    os.killpg(process.pid, signal.SIGINT)
    [output] = ends(process)
    _, rows = table(tmp_path)

    assert in_flight, output
    assert process.returncode == 130, output
    assert heard
    assert {ip.removeprefix("::ffff:") for ip in heard} == {"127.0.0.1"}
    assert len(rows) == 3
    assert set(rows["state"]) <= {"interrupted", "pending"}
    assert "interrupted" in set(rows["state"])
    assert wait_for(lambda: not processes_with(f"PWD={mine}"))


def test_without_the_package_one_message_says_what_to_install(tmp_path):
    """Exit code 2, before anything is written."""
    (tmp_path / "ray.py").write_text("raise ImportError('no ray here')\n")
    done = sweep(tmp_path, "lr=0.1,0.01", "hydra/launcher=ray")

    assert done.returncode == 2, done.stdout
    assert "pip install 'sweeplab[ray]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_an_address_where_nobody_answers_is_said(tmp_path, ray_folder):
    pytest.importorskip("ray", reason="needs the extra ray")
    done = sweep(tmp_path, "lr=0.1,0.01", *RAY, "hydra.launcher.address=nonsense")

    assert done.returncode == 2, done.stdout + done.stderr
    assert "no Ray cluster answers at nonsense" in done.stderr
    assert not (tmp_path / "out").exists()
