"""Hydra's other sweeper and launcher, one cell without `-m`, and a recorded cell trained again."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from sweeping import BOUND_S, FAULT, command, environment, sweep

from sweeplab import record
from sweeplab.sweep import find_sweep

pytestmark = pytest.mark.slow


def figures(folder):
    return {
        path.parent.name: json.loads(path.read_bytes())["metrics"] for path in folder.glob("out/cells/*/result.json")
    }


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ours")
    done = sweep(folder, "lr=0.1,0.01", "runtime.threads_per_cell=1")
    assert done.returncode == 0, done.stderr
    return figures(folder)


@pytest.mark.parametrize(
    "plugins",
    [
        ("hydra/launcher=basic",),
        ("hydra/sweeper=basic",),
        ("hydra/sweeper=basic", "hydra/launcher=basic"),
        ("hydra/launcher=joblib",),
    ],
    ids=["basic launcher", "basic sweeper", "both", "joblib"],
)
@pytest.mark.xdist_group("doors")
def test_hydras_own_plugins_give_the_same_cells(tmp_path, ours, plugins):
    """Same ids, same figures up to the rounding of another number of threads, and a table."""
    done = sweep(tmp_path, "lr=0.1,0.01", *plugins)
    table = pd.read_csv(find_sweep(None, str(tmp_path / "out")).folder.path / "cells.csv")
    found = figures(tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert found.keys() == ours.keys()
    for cell_id, metrics in ours.items():
        assert found[cell_id] == pytest.approx(metrics, rel=1e-4)
    assert sorted(table["lr"]) == [0.01, 0.1]
    assert "test/accuracy" in done.stdout


def test_a_failing_cell_under_the_basic_launcher_exits_with_1(tmp_path):
    """And the other is in the table."""
    done = sweep(tmp_path, "++model.what=raise,nothing", "hydra/launcher=basic")

    assert done.returncode == 1, done.stdout + done.stderr
    assert "the third batch is always the worst" in done.stdout


def single(folder, *lines, **options):
    places = (f"runtime.output_dir={folder}/out", f"runtime.data_dir={folder}/data")
    return subprocess.run(
        [sys.executable, "-m", "sweeplab", *FAULT, *places, *lines],
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        env=environment(),
        cwd=folder,
        check=False,
        **options,
    )


def test_one_cell_runs_in_this_process_so_that_a_breakpoint_works(tmp_path):
    """The debugger's prompt comes up in the model's own code, and `c` goes on."""
    (tmp_path / "stopping.py").write_text(
        "from faults import Fault\n\n\nclass Stopping(Fault):\n    def do_raise(self):\n        breakpoint()\n"
    )
    done = single(
        tmp_path,
        "model._target_=stopping.Stopping",
        "trusted_targets=[stopping,faults]",
        "model.what=raise",
        input="p 6 * 7\nc\n",
    )

    assert "(Pdb) 42" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0
    assert "completed" in done.stdout


def test_one_cell_that_fails_exits_with_1(tmp_path):
    """With the reason in the last lines."""
    done = single(tmp_path, "model.what=raise")

    assert done.returncode == 1
    assert "ValueError: the third batch is always the worst" in done.stdout


def test_a_recorded_cell_is_trained_again_from_its_folder(tmp_path):
    """From cell.json alone, in another working directory, to the same figures."""
    single(tmp_path, "max_epochs=2")
    [folder] = tmp_path.glob("out/cells/*")
    before = json.loads((folder / "result.json").read_text())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "sweeplab.cell", str(folder)],
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        env=environment(),
        cwd=elsewhere,
        check=False,
    )
    after = record.read_result(record.CellFolder(folder))

    assert done.returncode == 0, done.stderr
    assert after["attempt"] == 2
    assert after["metrics"] == before["metrics"]
    assert list(elsewhere.iterdir()) == []


def test_a_cell_that_was_changed_by_hand_is_refused(tmp_path):
    """Its folder's name would be a lie."""
    single(tmp_path, "max_epochs=1")
    [folder] = tmp_path.glob("out/cells/*")
    asked = folder / "cell.json"
    asked.write_text(asked.read_text().replace('"seed": 0', '"seed": 1'))
    done = subprocess.run(
        [sys.executable, "-m", "sweeplab.cell", str(folder)],
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        env=environment(),
        check=False,
    )

    assert done.returncode == 2
    assert "was changed or moved" in done.stderr


def test_missing_data_is_said_before_anything_is_written(tmp_path):
    """One message, exit code 2: what is missing, where, how to get it, what works at once."""
    done = sweep(tmp_path, "dataset=mnist", "dataset.download=false", "lr=0.1,0.01")

    assert done.returncode == 2, done.stdout
    assert "dataset.download=true" in done.stderr
    assert "dataset=digits" in done.stderr
    assert not (tmp_path / "out").exists()


def test_what_a_constructor_refuses_is_said_before_anything_is_written(tmp_path):
    """By a sweep and by one cell: the constructor's own words, exit code 2."""
    bad = ("optimizer=adam", "optimizer.betas=[2,0.9]")
    for done in (sweep(tmp_path, "lr=0.1,0.01", *bad), single(tmp_path, *bad)):
        assert done.returncode == 2, done.stdout
        assert "torch.optim.Adam refuses its arguments: Invalid beta parameter at index 0: 2" in done.stderr
        assert not (tmp_path / "out").exists()


def test_users_package_is_found_in_the_working_directory(tmp_path):
    """As with `python -m`, also for the cells' own processes."""
    (tmp_path / "mine.py").write_text("from sweeplab.models.logistic import Logistic as Net\n")
    words = ("model._target_=mine.Net", "~model.what", "trusted_targets=[mine]", "lr=0.1,0.01")
    done = sweep(tmp_path, *words)
    script = subprocess.run(
        [Path(sys.executable).parent / "sweeplab", *command(tmp_path, *words)[3:]],
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        env=environment(),
        cwd=tmp_path,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert script.returncode == 0, script.stdout + script.stderr
    assert "2 finished already" in script.stdout
