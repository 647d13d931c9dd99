"""`sweeplab sync`: offline W&B runs go up once; without a key or a network it says so and ends."""

import json
import os
import shutil
import socket
import sys
import time

import pandas as pd
import pytest
import wandb_server

from sweeplab import record
from sweeplab.cli import main
from sweeplab.sweep import find_sweep, write_sweep
from sweeplab.tracking import CellIdentity, open_tracker, publish_sweep
from sweeplab.tracking.uploads import is_synced
from sweeplab.verbs.sync import offline_runs

KEY = "canary" + "0" * 40
TRACKER = {
    "_target_": "sweeplab.tracking.wandb.Wandb",
    "project": "sweeplab",
    "entity": None,
    "mode": "offline",
    "connect_timeout_s": 2,
    "init_timeout_s": 10,
    "finish_timeout_s": 10,
    "system_metrics": False,
}

# W&B starts processes of its own
pytestmark = [pytest.mark.timeout(120), pytest.mark.xdist_group("sync")]


@pytest.fixture(autouse=True)
def alone(here, monkeypatch):
    """No login, no settings, no server of this machine."""
    for name in [name for name in os.environ if name.startswith("WANDB_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("HOME", str(here / "home"))
    monkeypatch.setenv("NETRC", str(here / "netrc"))
    yield
    if wandb := sys.modules.get("wandb"):
        wandb.teardown()


@pytest.fixture
def server(monkeypatch):
    with wandb_server.serve() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        yield server


@pytest.fixture
def sweep(hand_plan, finish, tmp_path):
    """Three cells, two of them tracked offline."""
    plan = hand_plan({"lr": 1.0}, {"lr": 2.0}, {"lr": 3.0})
    sweep = write_sweep(plan, command=[], code={})
    for cell in plan.cells[:2]:
        finish(tmp_path, cell)
        track(sweep, cell.id)
    return sweep


def track(sweep, cell_id, attempt=1):
    folder = sweep.cell_folder(cell_id).path
    identity = CellIdentity(cell_id, attempt, "mine", cell_id, "lr=1", "train", (), {}, folder)
    tracker = open_tracker(TRACKER, identity)
    tracker.log({"val/loss": 1.0}, epoch=1, step=1)
    tracker.finish(state="completed", summary={})


def sync(sweep, *words):
    return main(["sync", str(sweep.folder.path), *words])


def test_runs_go_up_once_and_only_new_ones_again(sweep, server, capfd):
    ids = [f"mine-{cell_id}-a1" for cell_id, _ in sweep.cells]
    assert sync(sweep) == 0
    assert {run["name"] for run in server.runs()} == {*ids[:2]}
    assert [server.history(run_id)[0]["val/loss"] for run_id in ids[:2]] == [1.0, 1.0]
    assert all(map(is_synced, offline_runs(sweep)))
    assert "mine: uploaded 2 runs, 0 were there\n" in capfd.readouterr().out

    server.operations.clear()
    assert sync(sweep) == 0
    assert server.operations == []
    assert "mine: nothing to upload (all 2 offline runs are there)" in capfd.readouterr().out

    track(sweep, sweep.cells[2][0])
    assert sync(sweep) == 0
    assert {run["name"] for run in server.runs()} == {ids[2]}
    out = "".join(capfd.readouterr())
    assert "mine: uploaded 1 run, 2 were there\n" in out
    assert KEY not in out


def test_the_run_of_the_sweep_itself_goes_up_whole(sweep, server, monkeypatch, here, capsys):
    """Also where the home that it was written in is gone, as after a container; and anew once it has changed."""
    page = sweep.folder.path / "report.html"
    page.write_text("<p>first</p>")
    monkeypatch.setenv("HOME", str(here / "another home"))
    publish(sweep, page)
    shutil.rmtree(here / "another home", ignore_errors=True)
    monkeypatch.setenv("HOME", str(here / "home"))

    assert sync(sweep) == 0
    assert "mine: uploaded 3 runs, 0 were there" in capsys.readouterr().out
    assert server.uploads["report.html"] == b"<p>first</p>"
    assert json.loads(server.uploads["tables/settings.table.json"])["data"] == [[1]]

    assert sync(sweep) == 0
    assert "nothing to upload (all 3 offline runs are there)" in capsys.readouterr().out

    page.write_text("<p>second</p>")
    publish(sweep, page)
    assert sync(sweep) == 0
    assert "mine: uploaded 1 run, 2 were there" in capsys.readouterr().out
    assert server.uploads["report.html"] == b"<p>second</p>"
    assert len([name for name in {run["name"] for run in server.runs()} if "comparison" in name]) == 1


def publish(sweep, page):
    tables = {"settings": pd.DataFrame({"n": [1]})}
    publish_sweep(TRACKER, sweep="mine", tables=tables, figures=[], page=page, folder=sweep.folder.path, tags=())


def test_settings_that_say_offline_do_not_keep_it_from_uploading(sweep, server, monkeypatch):
    """Whoever types `sync` wants it now."""
    monkeypatch.setenv("WANDB_MODE", "offline")

    assert sync(sweep) == 0
    assert all(map(is_synced, offline_runs(sweep)))


def test_without_a_key_it_says_how_to_get_one(sweep, capsys):
    assert sync(sweep) == 2
    said = capsys.readouterr().err
    assert said == "sweeplab: W&B: 2 runs of mine cannot be uploaded without a key · `wandb login` stores one\n"
    assert not any(map(is_synced, offline_runs(sweep)))


def test_without_a_network_runs_stay_where_they_are(sweep, capsys, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("WANDB_API_KEY", KEY)

    assert sync(sweep) == 1
    said = capsys.readouterr().out
    assert f"W&B: 2 runs of mine kept offline (key in WANDB_API_KEY, but no connection to 127.0.0.1:{port}" in said
    assert KEY not in said


def test_a_server_in_trouble_does_not_hold_it(sweep, server, capsys):
    """Left alone, `wandb sync` tries for hours."""
    server.healthy = False
    started_s = time.monotonic()
    assert sync(sweep, "--timeout", "1.5") == 1

    assert time.monotonic() - started_s < 60
    said = capsys.readouterr().out
    assert "mine: uploaded 0 runs, 0 were there" in said
    assert "not uploaded: 2 runs, the first is " in said
    assert "(W&B did not take them within 3 s)" in said
    server.healthy = True
    assert sync(sweep) == 0


def test_a_run_that_is_being_written_waits(sweep):
    cell_id = sweep.cells[2][0]
    track(sweep, cell_id)
    assert len(offline_runs(sweep)) == 3
    record.write_status(sweep.cell_folder(cell_id), record.RUNNING, 1)

    assert len(offline_runs(find_sweep(str(sweep.folder.path)))) == 2


def test_a_sweep_without_runs_needs_no_key(hand_plan, capsys):
    sweep = write_sweep(hand_plan({"lr": 1.0}), command=[], code={})

    assert sync(sweep) == 0
    assert "mine: nothing to upload (no offline run)" in capsys.readouterr().out
