"""The tracker mirrors a cell faithfully, and nothing that goes wrong with it reaches the cell."""

import dataclasses
import json
import logging
import math
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import wandb_server
from omegaconf import OmegaConf

from sweeplab.errors import ConfigFault
from sweeplab.tracking import CellIdentity, describe, is_mirror, login_state, open_tracker, preload, publish_sweep

CONF = Path(__file__).parent.parent / "conf" / "tracker"
KEY = "canary" + "0" * 40
EPOCHS = [{"train/loss": 2.5, "val/accuracy": 0.25}, {"train/loss": float("nan"), "val/accuracy": 0.5}]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No login, no settings, no server of this machine; and no W&B session left behind for the next test."""
    for name in [name for name in os.environ if name.startswith("WANDB_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.chdir(tmp_path)
    yield
    if wandb := sys.modules.get("wandb"):
        wandb.teardown()


def config(choice: str = "wandb", **changes: Any) -> dict[str, Any]:
    plain = OmegaConf.to_container(OmegaConf.load(CONF / f"{choice}.yaml"))
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()} | changes


def cell(folder: Path, **changes: Any) -> CellIdentity:
    identity = CellIdentity(
        cell_id="0123456789ab",
        attempt=2,
        sweep="optimizer x lr",
        name="adam lr=0.001 seed=0",
        setting="adam lr=0.001",
        job_type="train",
        tags=("paper", "first try"),
        config={"lr": 1e-3, "optimizer": {"betas": [0.9, 0.999]}, "gradient_clip": None},
        folder=folder,
    )
    return dataclasses.replace(identity, **changes)


def track(settings: Mapping[str, Any], identity: CellIdentity, *, state: str = "completed") -> None:
    tracker = open_tracker(settings, identity)
    for epoch, metrics in enumerate(EPOCHS):
        tracker.log(metrics, epoch=epoch, step=10 * (epoch + 1))
    tracker.finish(state=state, summary={"val/accuracy": 0.5, "test/loss": float("nan"), "wall_time_s": 1.5})


def offline_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("wandb/offline-run-*/*.wandb"))


def records(file: Path, *flags: str) -> list[dict[str, Any]]:
    """What W&B itself reads in a run's file: `wandb leet inspect`, without the second its Python part takes."""
    from wandb.util import get_core_path

    command = [get_core_path(), "leet", "inspect", "--json", *flags, "--run-file", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(done.stdout)] if flags else [json.loads(line) for line in done.stdout.splitlines()]


def of_type(file: Path, kind: str) -> list[dict[str, Any]]:
    found = records(file)
    end = time.monotonic() + 20
    while not any(record["type"] == "exit" for record in found) and time.monotonic() < end:
        time.sleep(0.1)  # W&B ends its file a moment after `finish`
        found = records(file)
    return [record[kind] for record in found if record["type"] == kind]


def history(file: Path) -> list[dict[str, Any]]:
    lines = [line["item"] for line in of_type(file, "history")]
    return [{key: value for key, value in line.items() if not key.startswith("_")} for line in lines]


# ── offline: read back what W&B wrote ─────────────────────────────────────────────────────────────


def test_an_offline_run_holds_who_the_cell_is(tmp_path: Path) -> None:
    track(config(), cell(tmp_path))

    [file] = offline_files(tmp_path)
    [run] = of_type(file, "run")
    assert run["run_id"] == "optimizer-x-lr-0123456789ab-a2"
    assert run["display_name"] == "adam lr=0.001 seed=0"
    assert run["run_group"] == "optimizer x lr: adam lr=0.001"
    assert run["job_type"] == "train"
    assert run["tags"] == ["paper", "first try"]
    assert run["project"] == "sweeplab"
    asked = {key: value for key, value in run["config"]["update"].items() if key != "_wandb"}
    assert asked == {
        "lr": 1e-3,
        "optimizer": {"betas": [0.9, 0.999]},
        "gradient_clip": None,
        "sweep": "optimizer x lr",
        "setting": "adam lr=0.001",
    }


def test_seeds_of_a_setting_are_one_group_and_other_settings_are_others(tmp_path: Path) -> None:
    """W&B's own group-by gives mean and spread over the seeds then."""
    long = "x" * 200
    cells = {
        "a": cell(tmp_path / "a", cell_id="a", name="adam lr=0.001 seed=0"),
        "b": cell(tmp_path / "b", cell_id="b", name="adam lr=0.001 seed=1"),
        "c": cell(tmp_path / "c", cell_id="c", setting="adam lr=0.01"),
        "d": cell(tmp_path / "d", cell_id="d", setting=f"{long}1"),
        "e": cell(tmp_path / "e", cell_id="e", setting=f"{long}2"),
    }
    groups = {}
    for name, identity in cells.items():
        open_tracker(config(), identity).finish(state="completed", summary={})
        [run] = of_type(offline_files(tmp_path / name)[0], "run")
        groups[name] = run["run_group"]

    assert groups["a"] == groups["b"]
    assert len({*groups.values()}) == 4
    assert max(map(len, groups.values())) == 128  # W&B takes no longer one


def test_every_epoch_arrives_on_the_axis_epoch_and_nan_stays_nan(tmp_path: Path) -> None:
    track(config(), cell(tmp_path))

    [file] = offline_files(tmp_path)
    assert history(file) == [
        {"epoch": 0, "step": 10, "train/loss": 2.5, "val/accuracy": 0.25},
        {"epoch": 1, "step": 20, "train/loss": "NaN", "val/accuracy": 0.5},
    ]
    axes = {metric.get("glob_name"): metric.get("step_metric") for metric in of_type(file, "metric")}
    assert axes["*"] == "epoch"


def test_the_summary_says_how_the_cell_ended(tmp_path: Path) -> None:
    track(config(), cell(tmp_path), state="diverged")

    [file] = offline_files(tmp_path)
    [whole] = records(file, "--summary")
    summary = {key: value for key, value in whole["summary"].items() if not key.startswith("_")}
    assert summary == {
        "state": "diverged",
        "val/accuracy": 0.5,
        "test/loss": "NaN",
        "wall_time_s": 1.5,
        "train/loss": "NaN",
        "epoch": 1,
        "step": 20,
    }


@pytest.mark.parametrize(
    ("state", "exit_code"),
    [("completed", 0), ("diverged", 0), ("failed", 1), ("out_of_memory", 1), ("timed_out", 1), ("interrupted", 1)],
)
def test_the_exit_code_tells_results_from_failures(tmp_path: Path, state: str, exit_code: int) -> None:
    track(config(), cell(tmp_path), state=state)

    [file] = offline_files(tmp_path)
    assert [exit_.get("exit_code", 0) for exit_ in of_type(file, "exit")] == [exit_code]


def test_two_cells_in_one_process_do_not_mix(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    trackers = [open_tracker(config(), cell(folder, cell_id=folder.name)) for folder in folders]
    for epoch in range(3):
        for index, tracker in enumerate(trackers):
            tracker.log({"val/loss": 10.0 * index + epoch}, epoch=epoch, step=epoch)
    for tracker in trackers:
        tracker.finish(state="completed", summary={})

    losses = [[line["val/loss"] for line in history(offline_files(folder)[0])] for folder in folders]
    assert losses == [[0, 1, 2], [10, 11, 12]]


def test_a_killed_cell_keeps_its_history_and_leaves_no_process(tmp_path: Path) -> None:
    """SIGKILL, as from the kernel when memory is short: W&B's service must see it and go."""
    psutil = pytest.importorskip("psutil")
    code = f"""
        import os, signal, sys, time
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from test_tracking import cell, config, open_tracker, offline_files
        tracker = open_tracker(config(), cell(Path({str(tmp_path)!r})))
        tracker.log({{"train/loss": 1.0}}, epoch=0, step=1)
        [file] = offline_files(Path({str(tmp_path)!r}))
        print(*[child.pid for child in __import__("psutil").Process().children()], flush=True)
        while b"train/loss" not in file.read_bytes():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60)

    assert done.returncode == -signal.SIGKILL, done.stderr
    services = [int(pid) for pid in done.stdout.split()]
    deadline = time.monotonic() + 60
    while any(psutil.pid_exists(pid) for pid in services) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert services
    assert not any(psutil.pid_exists(pid) for pid in services)
    assert history(offline_files(tmp_path)[0]) == [{"epoch": 0, "step": 1, "train/loss": 1}]


# ── online, against a server on this machine ──────────────────────────────────────────────────────


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[wandb_server.WandbServer]:
    with wandb_server.serve() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        yield server


def hasty(**changes: Any) -> dict[str, Any]:
    return config(init_timeout_s=1, finish_timeout_s=1, **changes)


def test_an_online_run_arrives_whole_and_quietly(
    tmp_path: Path, server: wandb_server.WandbServer, capfd: pytest.CaptureFixture[str]
) -> None:
    track(config(), cell(tmp_path), state="failed")

    run_id = "optimizer-x-lr-0123456789ab-a2"
    created = server.runs()[0]
    assert created["name"] == run_id
    assert (created["displayName"], created["groupName"]) == ("adam lr=0.001 seed=0", "optimizer x lr: adam lr=0.001")
    assert (created["jobType"], created["tags"], created["project"]) == ("train", ["paper", "first try"], "sweeplab")
    assert json.loads(created["config"])["optimizer"] == {"value": {"betas": [0.9, 0.999]}}
    first, second = server.history(run_id)
    assert (first["epoch"], first["step"], first["train/loss"], first["val/accuracy"]) == (0, 10, 2.5, 0.25)
    assert (second["epoch"], math.isnan(second["train/loss"])) == (1, True)
    assert server.summary(run_id)["state"] == "failed"
    assert server.exit_codes(run_id) == [1]
    assert offline_files(tmp_path) == []
    assert "".join(capfd.readouterr()) == ""


def test_the_key_of_a_netrc_file_is_enough_to_be_online(
    tmp_path: Path, server: wandb_server.WandbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_API_KEY")
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {server.url.removeprefix('http://')} login user password {KEY}\n")
    netrc.chmod(0o600)
    track(config(), cell(tmp_path))

    assert server.runs()[0]["displayName"] == "adam lr=0.001 seed=0"
    assert server.history("optimizer-x-lr-0123456789ab-a2")


@pytest.mark.timeout(60)
def test_a_server_that_never_answers_leaves_the_cell_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        track(hasty(), cell(tmp_path))

    [file] = offline_files(tmp_path)
    assert len(history(file)) == len(EPOCHS)
    assert of_type(file, "run")[0]["run_id"] == "optimizer-x-lr-0123456789ab-a2-offline"
    assert "it is kept offline in" in caplog.text


@pytest.mark.timeout(60)
def test_a_server_in_trouble_leaves_the_cell_offline(
    tmp_path: Path, server: wandb_server.WandbServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.healthy = False
    track(hasty(), cell(tmp_path))

    [file] = offline_files(tmp_path)
    assert len(history(file)) == len(EPOCHS)
    assert "HTTP 500" in caplog.text
    assert KEY not in caplog.text


@pytest.mark.timeout(60)
def test_a_dead_port_is_seen_before_any_run_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    track(hasty(), cell(tmp_path))

    assert f"offline (key in WANDB_API_KEY, but no connection to 127.0.0.1:{port} within 2 s)" in describe(hasty())
    assert len(history(offline_files(tmp_path)[0])) == len(EPOCHS)


@pytest.mark.timeout(60)
def test_a_server_that_dies_in_the_middle_does_not_hold_the_cell(
    tmp_path: Path, server: wandb_server.WandbServer, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = open_tracker(hasty(), cell(tmp_path))
    server.healthy = False
    tracker.log({"train/loss": 1.0}, epoch=0, step=1)
    tracker.finish(state="completed", summary={})

    [file] = tmp_path.glob("wandb/run-*/*.wandb")
    assert history(file) == [{"epoch": 0, "step": 1, "train/loss": 1}]
    assert f"to upload: wandb sync {file.parent}" in caplog.text


# ── the decision: online or not, without a question ───────────────────────────────────────────────


@pytest.mark.parametrize("mode", ["auto", "online"])
def test_without_a_key_runs_are_offline(mode: str) -> None:
    assert describe(config(mode=mode)).startswith("W&B: offline (no key found; `wandb login` stores one)")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("stdin", ["closed", "terminal"])
def test_no_key_never_means_a_prompt(tmp_path: Path, stdin: str) -> None:
    """Even where a person could answer, and even if online was asked for."""
    code = f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from test_tracking import cell, config, track
        track(config(mode="online"), cell(Path({str(tmp_path)!r})))
    """
    keyboard, terminal = os.openpty()
    asked = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdin=terminal if stdin == "terminal" else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    os.close(terminal)
    os.close(keyboard)

    assert (asked.returncode, asked.stdout) == (0, "")
    assert len(history(offline_files(tmp_path)[0])) == len(EPOCHS)


def test_an_online_sweep_says_so_and_why(server: wandb_server.WandbServer) -> None:
    assert describe(config()) == "W&B: online, project sweeplab (key in WANDB_API_KEY)"


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("offline", "W&B: offline (WANDB_MODE=offline)"),
        ("dryrun", "W&B: offline (WANDB_MODE=dryrun)"),
        ("disabled", "W&B: disabled (WANDB_MODE=disabled)"),
    ],
)
def test_wandb_mode_decides_for_auto(
    server: wandb_server.WandbServer, monkeypatch: pytest.MonkeyPatch, value: str, line: str
) -> None:
    monkeypatch.setenv("WANDB_MODE", value)

    assert describe(config()).startswith(line)
    assert describe(config(mode="online")).startswith("W&B: online")


def test_the_settings_of_the_wandb_command_are_honoured(tmp_path: Path, server: wandb_server.WandbServer) -> None:
    """`wandb offline` writes this file into the current directory."""
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb" / "settings").write_text("[default]\nmode = offline\n")

    assert describe(config()).startswith("W&B: offline (the settings of wandb say offline)")


def test_unknown_modes_are_refused_with_the_allowed_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        ConfigFault, match=r"tracker\.mode is 'onlin': allowed are auto, online, offline, disabled \(conf/"
    ):
        describe(config(mode="onlin"))
    monkeypatch.setenv("WANDB_MODE", "of")
    with pytest.raises(ConfigFault, match="WANDB_MODE is 'of': allowed are online, "):
        describe(config())


def test_a_disabled_run_writes_nothing(tmp_path: Path) -> None:
    track(config(mode="disabled"), cell(tmp_path))

    assert list(tmp_path.iterdir()) == []


def test_login_state_tells_of_a_key_and_never_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert login_state() == "W&B: no key, so runs are kept offline (`wandb login` stores one)"
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_BASE_URL", "https://someone:word@example.org")
    assert login_state() == "W&B: key found in WANDB_API_KEY for example.org"


# ── failures stay here ────────────────────────────────────────────────────────────────────────────


class Broken:
    """A tracker that fails at everything but being opened."""

    def __init__(self, cell: CellIdentity) -> None:
        self.cell = cell

    def log(self, metrics: Mapping[str, float], *, epoch: int, step: int) -> None:
        raise ConnectionError(f"no log at {epoch}")

    def finish(self, *, state: str, summary: Mapping[str, Any]) -> None:
        raise ConnectionError("no finish")


def broken_from_the_start(cell: CellIdentity) -> Broken:
    raise OSError(f"refused for {os.environ['WANDB_API_KEY']}")


def test_a_failing_tracker_is_reported_once_and_goes_no_further(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    track({"_target_": "test_tracking.Broken", "_partial_": True}, cell(tmp_path))

    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        "tracker could not take metrics (ConnectionError: no log at 0); records are not affected"
    ]


def test_a_tracker_that_cannot_be_opened_is_replaced_by_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    track({"_target_": "test_tracking.broken_from_the_start", "_partial_": True}, cell(tmp_path))

    assert "tracker could not be opened (OSError: refused for ***); records are not affected" in caplog.text


def test_a_tracker_of_ones_own_needs_no_more_than_log_and_finish(tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    own = {"_target_": "test_tracking.Broken", "_partial_": True}

    assert describe(own) == ""
    assert preload(own) == []
    assert not is_mirror(own)
    assert (
        publish_sweep(own, sweep="s", tables={"a": pd.DataFrame()}, figures=[], page=None, folder=tmp_path, tags=())
        is None
    )


def test_the_choice_none_writes_nothing(tmp_path: Path) -> None:
    track(config("none"), cell(tmp_path))

    assert list(tmp_path.iterdir()) == []


def test_the_tracker_is_imported_by_those_who_track_only() -> None:
    modules = "{'wandb', 'torch', 'hydra', 'pandas'} & {*sys.modules}"
    code = f"import sys, sweeplab.tracking, sweeplab.tracking.wandb; print({modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"


def test_what_a_forkserver_should_import_can_be_imported() -> None:
    import importlib

    modules = preload(config())
    assert modules[0] == "wandb"
    assert all(importlib.import_module(module) for module in modules)


# ── secrets ───────────────────────────────────────────────────────────────────────────────────────


def test_no_secret_reaches_a_file_or_the_server(tmp_path: Path, server: wandb_server.WandbServer) -> None:
    secretive = cell(
        tmp_path / "cell",
        config={"hub": {"hf_token": "canary-in-config"}, "root": f"https://me:canary-in-address@example.org/{KEY}"},
        tags=(f"tag {KEY}",),
        name=f"named {KEY}",
    )
    for settings in (config(), config(mode="offline")):
        tracker = open_tracker(settings, dataclasses.replace(secretive, cell_id=settings["mode"]))
        tracker.log({"train/loss": 1.0}, epoch=0, step=1)
        tracker.finish(state="failed", summary={"error": f"401 with {KEY}", "api_key": "canary-in-summary"})

    written = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len([file for file in written if file.suffix == ".wandb"]) == 2
    assert [file for file in written if b"canary" in file.read_bytes()] == []
    assert all("canary" not in json.dumps(records(file)) for file in written if file.suffix == ".wandb")
    assert "canary" not in repr((server.operations, server.streams, server.uploads))
    assert server.runs()[0]["displayName"] == "named ***"


# ── the comparison of a sweep ─────────────────────────────────────────────────────────────────────

RUN_ID = "my-sweep-comparison-04da9ba8"
PAGE = """<!DOCTYPE html>
<html><head><meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-x'">
<title>my sweep</title></head><body>±</body></html>
"""


def comparison() -> Any:
    import numpy as np
    import pandas as pd

    return pd.DataFrame(
        {
            "optimizer": ["adam", "sgd"],
            "momentum": [None, 0.9],
            "test/accuracy": [0.75, np.nan],
            "n": np.array([3, 2]),
            "chosen": [True, False],
            ("val", "std"): [np.inf, 0.125],
            "note": ["a|b", pd.NA],
        }
    )


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """A sweep's folder with its page, two figures, and one of them for papers."""
    from PIL import Image

    folder = tmp_path / "sweeps" / "my sweep"
    (folder / "figures").mkdir(parents=True)
    for name, colour in (("seeds", "red"), ("time", "blue")):
        Image.new("RGB", (8, 6), colour).save(folder / "figures" / f"{name}.png")
    (folder / "figures" / "time.pdf").write_bytes(b"%PDF")
    (folder / "report.html").write_text(PAGE, encoding="utf-8")
    return folder


def publish(folder: Path, settings: Mapping[str, Any] | None = None, **changes: Any) -> str | None:
    parts: dict[str, Any] = {
        "sweep": "my sweep",
        "tables": {"settings": comparison(), "pivot": comparison()[["optimizer"]]},
        "figures": sorted((folder / "figures").iterdir()),
        "page": folder / "report.html",
        "tags": ("paper",),
    }
    return publish_sweep(config() if settings is None else settings, folder=folder, **(parts | changes))


def media(folder: Path) -> dict[str, dict[str, Any]]:
    """What the only offline run of a folder shows, by key, as W&B reads it back."""
    [line] = history(file_of(folder))
    found: dict[str, dict[str, Any]] = {}
    for path, value in line.items():
        key, _, attribute = path.rpartition(".")
        found.setdefault(key, {})[attribute] = value
    return found


def file_of(folder: Path) -> Path:
    [file] = offline_files(folder)
    return file


def left(folder: Path) -> str:
    return f"W&B: comparison offline; to upload: python -m sweeplab sync '{folder}'"


def test_the_comparison_is_a_run_of_its_own(sweep: Path) -> None:
    assert publish(sweep) == left(sweep)

    [file] = offline_files(sweep)
    [run] = of_type(file, "run")
    assert (run["run_id"], run["display_name"]) == (RUN_ID, "my sweep comparison")
    assert (run["job_type"], run["run_group"], run["tags"]) == ("comparison", "my sweep", ["paper"])
    assert run["config"]["update"]["sweep"] == "my sweep"
    [whole] = records(file, "--summary")
    assert (whole["summary"]["num_settings"], whole["summary"]["n/min"], whole["summary"]["n/max"]) == (2, 2, 3)
    assert whole["summary"]["tables/settings"]["_type"] == "table-file"
    assert whole["exit_code"] == 0


def test_the_comparison_holds_tables_figures_and_the_page(sweep: Path) -> None:
    publish(sweep)

    shown = media(sweep)
    assert {key: value["_type"] for key, value in shown.items()} == {
        "tables/settings": "table-file",
        "tables/pivot": "table-file",
        "figures/seeds": "image-file",
        "figures/time": "image-file",
        "report": "html-file",
    }
    files = offline_files(sweep)[0].parent / "files"
    assert json.loads((files / shown["tables/settings"]["path"]).read_text(), parse_constant=pytest.fail) == {
        "columns": ["optimizer", "momentum", "test/accuracy", "n", "chosen", "val/std", "note"],
        "data": [["adam", None, 0.75, 3, True, None, "a|b"], ["sgd", 0.9, None, 2, False, 0.125, None]],
    }
    for name in ("seeds", "time"):
        image = files / shown[f"figures/{name}"]["path"]
        assert image.read_bytes() == (sweep / "figures" / f"{name}.png").read_bytes()
    assert (files / shown["report"]["path"]).read_text(encoding="utf-8") == PAGE  # its policy forbids any addition
    assert (files / "report.html").read_text(encoding="utf-8") == PAGE
    assert {"path": "report.html"} in [file for saved in of_type(file_of(sweep), "files") for file in saved["files"]]


def test_the_comparison_arrives_online(sweep: Path, server: wandb_server.WandbServer) -> None:
    assert publish(sweep) == f"W&B: comparison at {server.url}/tester/sweeplab/runs/{RUN_ID}"

    run = server.runs()[0]
    assert (run["jobType"], run["groupName"], run["name"]) == ("comparison", "my sweep", RUN_ID)
    assert json.loads(server.uploads["tables/settings.table.json"])["data"][0][0] == "adam"
    assert server.uploads["report.html"] == PAGE.encode()
    [line] = server.history(RUN_ID)
    for key in ("figures/seeds", "figures/time", "report"):
        assert len(server.uploads[line[key]["path"]]) == line[key]["size"]
    assert server.summary(RUN_ID)["num_settings"] == 2
    assert server.exit_codes(RUN_ID) == [0]


def test_a_later_comparison_takes_the_place_of_the_earlier(sweep: Path) -> None:
    for rows in (2, 2, 1):
        publish(sweep, tables={"settings": comparison().head(rows)})

    assert media(sweep)["tables/settings"]["nrows"] == 1


def test_a_later_comparison_continues_the_run_at_the_server(
    sweep: Path, server: wandb_server.WandbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W&B adds its line to the history, and would drop it if its step went back."""
    times = iter((1000.5, 2000.5))
    monkeypatch.setattr("sweeplab.tracking.comparison.time", lambda: next(times))
    for rows in (2, 1):
        publish(sweep, tables={"settings": comparison().head(rows)})

    assert {run["name"] for run in server.runs()} == {RUN_ID}
    assert [(line["_step"], line["tables/settings"]["nrows"]) for line in server.history(RUN_ID)] == [
        (1000, 2),
        (2000, 1),
    ]
    assert server.summary(RUN_ID)["tables/settings"]["nrows"] == 1


def test_sweeps_whose_names_begin_alike_have_runs_of_their_own(sweep: Path) -> None:
    for name in ("x" * 60 + "1", "x" * 60 + "2", "a b", "a-b"):
        publish(sweep, sweep=name, figures=[], page=None)

    assert len({of_type(file, "run")[0]["run_id"] for file in offline_files(sweep)}) == 4


@pytest.mark.timeout(60)
def test_a_server_in_trouble_leaves_the_comparison_offline(sweep: Path, server: wandb_server.WandbServer) -> None:
    server.healthy = False

    assert publish(sweep, hasty()) == left(sweep).replace(";", " (W&B did not take it within 2 s);")
    assert len(media(sweep)) == 5


@pytest.mark.timeout(60)
def test_without_a_key_the_comparison_is_offline(sweep: Path) -> None:
    assert publish(sweep, config(mode="online")) == left(sweep)


def test_a_disabled_tracker_takes_no_comparison(sweep: Path) -> None:
    assert publish(sweep, config(mode="disabled")) is None
    assert publish(sweep, config("none")) is None
    assert not (sweep / "wandb").exists()


def test_what_cannot_be_shown_is_left_out_and_said(sweep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeplab.tracking.comparison._LARGEST_PAGE", 1_000_000)
    (sweep / "report.html").write_bytes(b" " * 2_000_000)
    (sweep / "figures" / "seeds.png").write_bytes(b"no image")
    line = publish(sweep, figures=[sweep / "figures" / f"{name}.png" for name in ("time", "seeds", "gone")])

    assert line is not None
    assert line.startswith(f"{left(sweep)}; left out: figures/seeds (")
    assert ", figures/gone (" in line
    assert line.endswith(", report (2 MB, W&B takes 1 MB)")
    assert "\n" not in line
    assert media(sweep).keys() == {"tables/settings", "tables/pivot", "figures/time"}


def test_a_table_that_is_too_long_is_left_out_and_said(sweep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb

    monkeypatch.setattr(wandb.Table, "MAX_ARTIFACT_ROWS", 1)
    line = publish(sweep, figures=[], tables={"one": comparison().head(1), "two": comparison()}, page=None)

    assert line == f"{left(sweep)}; left out: tables/two (2 rows, W&B takes 1)"
    assert media(sweep).keys() == {"tables/one"}


def test_a_comparison_without_parts_is_a_run_all_the_same(sweep: Path) -> None:
    assert publish(sweep, tables={}, figures=[], page=None) == left(sweep)
    assert len(offline_files(sweep)) == 1


def test_a_missing_page_is_said_and_its_name_is_not_taken_for_a_page(sweep: Path) -> None:
    line = publish(sweep, page=sweep / "gone.html")

    assert line is not None
    assert "; left out: report (" in line
    assert "report" not in media(sweep)


def test_names_become_keys_that_files_can_bear(sweep: Path) -> None:
    publish(sweep, tables={"model, data: a/b|c": comparison()}, figures=[], page=None)

    assert media(sweep).keys() == {"tables/model-data-a-b-c"}


def test_a_named_index_is_part_of_the_table(sweep: Path) -> None:
    publish(sweep, tables={"settings": comparison().set_index("optimizer")[["n"]]}, figures=[], page=None)

    [file] = sweep.glob("wandb/*/files/media/table/*/*.table.json")
    assert json.loads(file.read_text()) == {"columns": ["optimizer", "n"], "data": [["adam", 3], ["sgd", 2]]}


def test_no_secret_of_a_comparison_is_published(sweep: Path, server: wandb_server.WandbServer) -> None:
    (sweep / "report.html").write_text(f"<p>401 with {KEY}</p>", encoding="utf-8")
    table = comparison().assign(note=f"401 with {KEY}")
    publish(sweep, tables={"settings": table})

    assert server.uploads["report.html"] == b"<p>401 with ***</p>"
    assert "canary" not in repr((server.operations, server.streams, server.uploads))
    written = [file for file in (sweep / "wandb").rglob("*") if file.is_file()]
    assert [file for file in written if b"canary" in file.read_bytes()] == []


class BrokenPublisher(Broken):
    """A tracker that takes a sweep and drops it."""

    @staticmethod
    def publish(**parts: Any) -> str:
        raise ConnectionError(f"no {sorted(parts)}")


def broken_publisher() -> type[BrokenPublisher]:
    return BrokenPublisher


def test_a_comparison_that_fails_is_one_warning(sweep: Path, caplog: pytest.LogCaptureFixture) -> None:
    own = {"_target_": "test_tracking.broken_publisher"}

    assert is_mirror(own)
    assert publish(sweep, own) is None
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        "tracker could not publish the comparison (ConnectionError: no ['figures', 'folder', 'page', 'sweep', "
        "'tables', 'tags']); records are not affected"
    ]


def test_a_full_disk_is_one_warning(
    sweep: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sweeplab.tracking.wandb.show", full)

    assert publish(sweep) is None
    assert "tracker could not publish the comparison (OSError: [Errno 28] No space left on device)" in caplog.text


@pytest.mark.parametrize(
    ("choice", "changes", "variable", "expected"),
    [
        ("none", {}, "", False),
        ("wandb", {}, "", True),
        ("wandb", {"mode": "offline"}, "", True),
        ("wandb", {"mode": "online"}, "", True),
        ("wandb", {"mode": "disabled"}, "", False),
        ("wandb", {}, "disabled", False),
        ("wandb", {}, "offline", True),
        ("wandb", {"_target_": "sweeplab.no.such"}, "", True),  # publishing says what is wrong
    ],
)
def test_whether_a_tracker_takes_a_sweep(
    choice: str, changes: dict[str, Any], variable: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable:
        monkeypatch.setenv("WANDB_MODE", variable)

    assert is_mirror(config(choice, **changes)) is expected


def test_whether_a_tracker_takes_a_sweep_is_known_without_importing_it() -> None:
    code = f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_tracking import config, is_mirror
        print(is_mirror(config()), "wandb" in sys.modules)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)

    assert done.stdout == "True False\n"
