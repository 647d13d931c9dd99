"""Looking must be quick: torch and Lightning are imported by what trains, and by nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sweeplab.plan import Plan
from sweeplab.sweep import write_sweep

HEAVY = ("torch", "torchvision", "pytorch_lightning", "torchmetrics", "wandb", "sklearn")

LINE = f"""
import json, sys
from sweeplab.cli import main
code = main(sys.argv[1:])
print(json.dumps({{"code": code, "heavy": [name for name in {HEAVY} if name in sys.modules]}}))
"""

MODULES = f"""
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps([name for name in {HEAVY} if name in sys.modules]))
"""


def last_line(folder: Path, program: str, *words: str):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """A finished sweep of two cells, in a module-wide folder; returns the folder and the ids."""
    from sweeplab import record
    from sweeplab.cell import Cell, identify

    folder = tmp_path_factory.mktemp("outputs")
    config = {
        "select": {"data": "held_out", "epoch": "best", "monitor": "val/accuracy", "mode": "max"},
        "provenance": None,
        "known_deviations": [],
        "published": None,
        "runtime": {"output_dir": str(folder / "outputs")},
        "name": None,
    }
    cells = [Cell(identify({**config, "seed": seed}), {**config, "seed": seed}, {"seed": seed}) for seed in (0, 1)]
    write_sweep(Plan("mine", cells, {"seed": [0, 1]}, [], cells[0].config, 2), command=[], code={})
    for cell in cells:
        metrics = {"val/accuracy": 0.5, "test/accuracy": 0.25 + cell.axes["seed"] / 4}
        place = record.cell_folder(folder / "outputs", cell.id)
        record.write_result(
            place, {**record.blank_result(cell), "state": record.COMPLETED, "metrics": metrics, "last_metrics": metrics}
        )
    return folder, [cell.id for cell in cells]


@pytest.mark.parametrize("verb", ["--help", "plan", "plan refused", "-m refused", "report", "status", "explain"])
def test_looking_imports_nothing_heavy(verb, outputs):
    folder, ids = outputs
    words = {
        "plan": ["plan", "optimizer=adam,sgdm", "lr=1e-3,1e-5", "model=glob(*)"],
        "plan refused": ["plan", "lr=-1", "model._target_=torch.nn.Nothing", "+optimizer.bogus=1"],
        "-m refused": ["-m", "lr=-1", "+optimizer.bogus=1"],
        "explain": ["explain", *ids],
    }.get(verb, [verb])

    expected = 2 if "refused" in verb else 0
    assert last_line(folder, LINE, *words) == {"code": expected, "heavy": []}


def test_modules_left_of_training_import_nothing_heavy(tmp_path):
    """Also those that no verb happens to load."""
    modules = ["build", "cell", "cli", "compose", "errors", "estimate", "exclude", "expression", "grid", "limits"]
    modules += ["plan", "record", "signature", "single", "sweep", "target", "compare", "report", "verbs"]
    modules += ["launch.conduct", "launch.local", "launch.slots", "tracking"]
    plugins = ["hydra_plugins.sweeplab_sweeper", "hydra_plugins.sweeplab_launcher"]

    assert last_line(tmp_path, MODULES, *(f"sweeplab.{name}" for name in modules), *plugins) == []


TRAINING = """
import gc, json, sys
import sweeplab.run
without = "scipy.signal" not in sys.modules
from scipy.signal import windows
from torchmetrics.classification import MulticlassAccuracy
print(json.dumps([without, float(windows.hamming(3)[1]), gc.isenabled()]))
"""


@pytest.mark.slow
def test_what_training_does_not_need_is_imported_when_asked_for(tmp_path):
    """The real thing, and garbage is collected again."""
    assert last_line(tmp_path, TRAINING) == [True, 1.0, True]
