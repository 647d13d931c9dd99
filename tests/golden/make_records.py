"""Train the sweep whose records lie in `outputs/` here; they need making again only when the layout of records changes.

    python tests/golden/make_records.py

Afterwards `make golden`, since no two machines train to the same last digit.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from sweeplab import record
from sweeplab.sweep import Sweep, read_sweep

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NAME = "digits"
# a setting that diverges wholly, one that does in part, unequal budgets, one workload where nothing was tuned
SWEEP = [
    *("-m", "model=mlp,logistic", "optimizer=adam,sgdm,radam", "lr=0.01,10,1e6", "seed=range(0,10)"),
    'hydra.sweeper.exclude=[\'lr > 1 and (model == "logistic" or optimizer == "radam")\',{optimizer:adam,lr:1e6}]',
    *("max_epochs=2", "tracker=none", f"name={NAME}"),
    "tables=[{rows:model,columns:optimizer,value:test/accuracy,select_over:[lr]}]",
]
CONFIRM = ["confirm", f"outputs/sweeps/{NAME}", "--best", "--seeds", "3"]
CRASHED = {"model": "mlp", "optimizer": "radam", "lr": 0.01, "seed": 4}


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        for words in (SWEEP, CONFIRM):
            command = [sys.executable, "-m", "sweeplab", *words]
            subprocess.run(command, cwd=place, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
        outputs = Path(place) / "outputs"
        sweep = read_sweep(outputs / "sweeps" / NAME)
        crash(sweep)
        shutil.rmtree(HERE / "outputs", ignore_errors=True)
        for folder in sorted((outputs / "cells").iterdir()):
            keep_cell(record.CellFolder(folder), record.cell_folder(HERE / "outputs", folder.name))
        for plan in (outputs / "sweeps").glob("*/sweep.json"):
            keep(plan, HERE / "outputs" / "sweeps" / plan.parent.name / plan.name)


def crash(sweep: Sweep) -> None:
    """Leave of one cell what the launcher leaves of one that was killed after its first epoch."""
    cell_id = next(cell_id for cell_id, axes in sweep.cells if axes == CRASHED)
    folder = sweep.cell_folder(cell_id)
    first, *_ = record.read_metrics(folder)
    folder.metrics.write_text(record.to_json(first) + "\n", encoding="utf-8")
    told = {
        "state": record.CRASHED,
        "attempt": 1,
        "epochs": 1,
        "steps": first["step"],
        "last_metrics": {key: value for key, value in first.items() if "/" in key},
        "wall_time_s": first["wall_time_s"],
        "error": {"class": "ProcessDied", "message": "killed by signal 9 (SIGKILL)", "traceback": ""},
    }
    record.write_result(folder, {**record.blank_result(record.read_asked(folder)), **told})
    record.write_status(folder, record.CRASHED, 1)


def keep_cell(cell: record.CellFolder, kept: record.CellFolder) -> None:
    """Keep what reports read, with nothing in it that names the machine."""
    keep(cell.asked, kept.asked)
    result = record.read_result(cell)
    assert result is not None
    if provenance := result["provenance"]:
        result["provenance"] = provenance | {
            "device": "CPU",
            "host": "host",
            "git_commit": "0" * 40,
            "git_dirty": False,
        }
    if result["error"]:
        result["error"] |= {"traceback": ""}  # it names the machine's folders, and no report shows it
    written = {key: value for key, value in result.items() if key not in ("checksum", "schema_version")}
    record.write_result(kept, written)
    status = record.read_json(cell.status) | {"host": "host", "pid": 1, "process_start": "1"}
    record.write_text(kept.status, record.to_json(status) + "\n")
    if cell.metrics.exists():
        keep(cell.metrics, kept.metrics)


def keep(source: Path, kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, kept)


if __name__ == "__main__":
    main()
