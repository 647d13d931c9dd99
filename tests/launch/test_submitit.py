"""Cells as jobs of submitit: each composes and trains itself, and what it leaves is its record."""

import json
import os
import signal
import sys
from dataclasses import replace

import pytest
from omegaconf import OmegaConf
from rich.console import Console
from sweeping import CRAWL, begun, ends, start, sweep, wait_for

from sweeplab import record
from sweeplab.cell import identify
from sweeplab.single import SingleRun, planned_cell
from sweeplab.sweep import find_sweep

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="signals as Linux has them")
LOCAL = ("hydra/launcher=submitit_local",)
CASES = "hydra.sweeper.cases=[{seed: 0, model.what: nothing}, {seed: 2, model.what: 'raise,kill'}]"


@pytest.fixture(autouse=True)
def _needs_submitit():
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher", reason="needs the extra slurm")


def results(folder):
    found = find_sweep(None, str(folder / "out"))
    read = {cell_id: record.read_result(found.cell_folder(cell_id)) for cell_id, _ in found.cells}
    return {(axes["model.what"], axes["seed"]): read[cell_id] for cell_id, axes in found.cells}


@pytest.mark.slow
@linux_only
def test_cells_that_fail_fail_alone_and_the_line_again_trains_only_them(tmp_path):
    """One raises, one's job is killed; the report has all of them."""
    done = sweep(tmp_path, CASES, *LOCAL)
    first = results(tmp_path)
    again = sweep(tmp_path, CASES, *LOCAL)
    second = results(tmp_path)

    assert done.returncode == 1, done.stdout + done.stderr
    assert {key: result["state"] for key, result in first.items()} == {
        ("nothing", 0): "completed",
        ("raise", 2): "failed",
        ("kill", 2): "crashed",
    }
    assert "ValueError: the third batch is always the worst" in done.stdout
    assert "its job died" in done.stdout
    assert "1 finished already" in again.stdout
    assert "handing 2 cells" in again.stdout
    assert {key: result["attempt"] for key, result in second.items()} == {
        ("nothing", 0): 1,
        ("raise", 2): 2,
        ("kill", 2): 2,
    }
    assert second["nothing", 0] == first["nothing", 0]


@pytest.mark.slow
@linux_only
def test_a_preempted_job_stops_cleanly_is_requeued_and_trains_as_the_next_attempt(tmp_path):
    """The signal is the one that submitit has Slurm send before a job's time is up."""
    process = start(tmp_path, *CRAWL, *LOCAL)
    in_flight = wait_for(begun(tmp_path), process=process)
    [folder] = [record.CellFolder(path) for path in tmp_path.glob("out/cells/*")]
    os.kill(json.loads(folder.status.read_text())["pid"], signal.SIGUSR2)
    (tmp_path / "go").touch()
    [output] = ends(process)
    past = json.loads((folder.path / "attempts" / "1" / "result.json").read_bytes())
    result = record.read_result(folder)

    assert in_flight, output
    assert process.returncode == 0, output
    assert (past["state"], past["attempt"]) == ("interrupted", 1)
    assert (result["state"], result["attempt"]) == ("completed", 2)


@pytest.mark.slow
def test_without_slurm_the_launcher_says_so_and_the_plan_stays(tmp_path, monkeypatch):
    """Cells stand as pending, for a machine that has it."""
    monkeypatch.setenv("PATH", "/nowhere")
    done = sweep(tmp_path, "lr=0.1,0.01", "hydra/launcher=submitit_slurm")
    found = find_sweep(None, str(tmp_path / "out"))

    assert done.returncode == 1, done.stderr
    assert "the launcher failed" in done.stdout
    assert [record.read_state(found.cell_folder(cell_id)) for cell_id, _ in found.cells] == ["pending"] * 2


def test_what_slurm_is_to_be_asked_for_composes(master):
    """As the README writes it."""
    node = master(
        [
            "hydra/launcher=submitit_slurm",
            "hydra.launcher.partition=gpu",
            "hydra.launcher.gpus_per_node=1",
            "hydra.launcher.cpus_per_task=4",
            "hydra.launcher.timeout_min=240",
            "+hydra.launcher.additional_parameters.requeue=true",
        ]
    ).hydra.launcher

    assert node._target_.endswith("SlurmLauncher")
    assert (node.partition, node.gpus_per_node, node.timeout_min) == ("gpu", 1, 240)
    assert node.additional_parameters.requeue is True
    assert node.submitit_folder == "outputs/.submitit/%j"


@pytest.mark.parametrize(
    "words",
    [
        ("lr=1e-3,1e-4", "seed=range(0,2)", "optimizer=adam,sgdm"),
        ("experiment=optimizers_on_digits",),
        ("experiment=ruled",),
        ("experiment=listed",),
        ("experiment=cased", "seed=0,1"),
        ("batch_size=16,32", "eval_batch_size=${batch_size}", "weight_decay=${lr}", "lr=0.1,0.2"),
    ],
    ids=["axes", "preset", "rules", "lists", "cases", "derived"],
)
def test_the_cell_that_a_job_composes_is_the_planned_one(words, plan, loader, master):
    """By Hydra's own way, with the job's name before the lines of the plan."""
    config = master(words)
    for cell in plan(*words).cells[:6]:
        composed = loader.load_sweep_config(config, [f"hydra.job.name={cell.id}", *cell.overrides])
        job = composed.hydra.job.name
        plain = OmegaConf.to_container(OmegaConf.masked_copy(composed, set(composed) - {"hydra"}), resolve=True)

        assert job == cell.id
        assert identify(plain) == cell.id


def test_the_task_travels_to_another_process():
    """By value: what Hydra's launchers send holds it."""
    cloudpickle = pytest.importorskip("cloudpickle")
    task = cloudpickle.loads(cloudpickle.dumps(SingleRun(Console()).task))

    assert isinstance(task.__self__, SingleRun)
    assert task.__self__.conclude() == 0


def test_files_that_were_edited_since_do_not_change_a_queued_cell(tmp_path, make_cell):
    """The plan is what was asked for; how to run it may be new."""
    planned = make_cell(runtime={"output_dir": str(tmp_path), "timeout_s": None}, lr=0.1)
    record.write_asked(record.cell_folder(tmp_path, planned.id), planned)
    edited = make_cell(runtime={"output_dir": str(tmp_path), "timeout_s": 60}, lr=0.5)
    cell = planned_cell(edited, planned.id)

    assert cell.id == identify(cell.config) == planned.id
    assert cell.config["lr"] == 0.1
    assert cell.config["runtime"]["timeout_s"] == 60
    assert planned_cell(edited, "sweeplab") == edited
    assert planned_cell(replace(edited), edited.id) == edited
