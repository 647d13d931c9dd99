"""Cells on several devices: the figures of one device, one failure for all ranks, and nothing left running."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest
from sweeping import BOUND_S, CRAWL, begun, command, ends, environment, processes_with, start, sweep, wait_for

from sweeplab import record
from sweeplab.sweep import find_sweep

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(sys.platform != "linux", reason="signals and /proc as Linux has them"),
]

# 144 examples to train on: batches of 13, and a last one of a single example.
SMALL = ("dataset.num_train=205", "dataset.val_size=61", "dataset.num_test=101", "eval_batch_size=20")
TOLD = ("model._target_=faults.Telling", "~model.what", "batch_size=13", "gradient_clip=0.5", "l2=1e-3", *SMALL)
# As an outer job of another kind leaves it.
OUTER_JOB = {"WORLD_SIZE": "4", "RANK": "3", "LOCAL_RANK": "3", "MASTER_ADDR": "far.invalid", "MASTER_PORT": "1"} | {
    "SLURM_JOB_ID": "7",
    "SLURM_JOB_NAME": "outer",
    "SLURM_NTASKS": "4",
    "SLURM_PROCID": "3",
    "SLURM_LOCALID": "3",
    "SLURM_NODEID": "0",
}


def results(folder):
    return {path.parent.name: json.loads(path.read_bytes()) for path in folder.glob("out/cells/*/result.json")}


def curves(folder):
    return {
        path.parent.name: [
            {key: value for key, value in json.loads(line).items() if "/" in key}
            for line in path.read_text().splitlines()
        ]
        for path in folder.glob("out/cells/*/metrics.jsonl")
    }


@pytest.fixture(scope="module")
def by_width(tmp_path_factory):
    """The same sweep of two cells on one, two and three devices."""
    folders = {devices: tmp_path_factory.mktemp(f"devices{devices}") for devices in (1, 2, 3)}
    for devices, folder in folders.items():
        done = sweep(folder, "optimizer=adam,sgdm", *TOLD, f"runtime.devices={devices}")
        assert done.returncode == 0, done.stdout + done.stderr
    return folders


@pytest.mark.xdist_group("wide figures")
@pytest.mark.parametrize("devices", [2, 3])
def test_figures_are_those_of_one_device(by_width, devices):
    """Per epoch and in the end, with penalty, clipped gradients and ranks that get nothing of the last batch."""
    one, wide = results(by_width[1]), results(by_width[devices])
    ours, theirs = curves(by_width[1]), curves(by_width[devices])

    assert wide.keys() == one.keys()
    assert len(wide) == 2
    for cell_id, result in wide.items():
        assert result["metrics"] == pytest.approx(one[cell_id]["metrics"], abs=1e-5)
        assert len(theirs[cell_id]) == 3
        for line, expected in zip(theirs[cell_id], ours[cell_id], strict=True):
            assert line == pytest.approx(expected, abs=1e-5)


@pytest.mark.xdist_group("wide figures")
@pytest.mark.parametrize("devices", [2, 3])
def test_all_that_pairs_cells_is_the_same(by_width, devices):
    """Data order, initial weights, steps, examples that are counted."""
    one, wide = results(by_width[1]), results(by_width[devices])
    keys = ("data_order_hash", "initial_weights_hash", "steps", "num_parameters", "best_epoch", "confusion_matrix")

    assert {cell_id: {key: result[key] for key in keys} for cell_id, result in wide.items()} == {
        cell_id: {key: result[key] for key in keys} for cell_id, result in one.items()
    }
    assert {(result["provenance"]["devices"], result["provenance"]["strategy"]) for result in wide.values()} == {
        (devices, "ddp")
    }
    assert {result["provenance"]["strategy"] for result in one.values()} == {None}


@pytest.mark.xdist_group("wide figures")
@pytest.mark.parametrize("devices", [2, 3])
def test_weights_are_the_same_on_all_ranks(by_width, devices):
    """Bit by bit, at every evaluation: each gradient was exchanged."""
    for path in by_width[devices].glob("out/cells/*/log.txt"):
        told = re.findall(r"weights of rank (\d): (\S+)", path.read_text())
        by_rank = {rank: [text for r, text in told if r == rank] for rank, _ in told}

        assert sorted(by_rank) == [str(rank) for rank in range(devices)]
        assert len(set(by_rank["0"])) == 3
        assert all(found == by_rank["0"] for found in by_rank.values())


@pytest.mark.xdist_group("wide figures")
def test_a_wide_cell_leaves_what_any_cell_leaves(by_width):
    """No file more; the log holds no complaint."""
    for wide, narrow in zip(*(sorted(by_width[n].glob("out/cells/*")) for n in (3, 1)), strict=True):
        log = "\n".join(line for line in (wide / "log.txt").read_text().splitlines() if "weights of" not in line)

        assert sorted(path.name for path in wide.iterdir()) == sorted(path.name for path in narrow.iterdir())
        assert log == ""


# What happens on which rank, the state that it comes to, and what is said of it.
WAYS = {
    "nothing": ("completed", None),
    "raise_on_1": ("failed", "rank 1: ValueError: the third batch is always the worst"),
    "raise_on_0": ("failed", "the third batch is always the worst"),
    "kill_on_1": ("crashed", "rank 1 was killed by signal 9 (SIGKILL)"),
    "kill_on_0": ("crashed", "killed by signal 9 (SIGKILL)"),
    "exit_on_1": ("crashed", "rank 1 ended with exit code 7"),
    "memory_on_1": ("out_of_memory", "rank 1: OutOfMemoryError: CUDA out of memory"),
    "abandon": ("crashed", "rank 1 was killed by signal 9 (SIGKILL)"),
    "hang_on_1": ("timed_out", "did not stop when told to (timed_out)"),
    "infinite_on_1": ("diverged", "train/loss is not finite at step 3"),
}


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """One sweep with every fault in it, two wide cells at a time."""
    folder = tmp_path_factory.mktemp("wide_faults")
    limits = ("runtime.timeout_s=90", "runtime.grace_s=1", "runtime.cells_at_once=4")
    done = sweep(folder, f"++model.what={','.join(WAYS)}", "runtime.devices=2", *limits, timeout=900)
    return done, find_sweep(None, str(folder / "out")), folder


@pytest.mark.xdist_group("wide faults")
@pytest.mark.parametrize(("way", "state", "message"), [(way, *known) for way, known in WAYS.items()])
def test_one_rank_decides_for_its_cell_alone(ended, way, state, message):
    """In the words of the rank that failed, while the other cells go on."""
    done, found, _ = ended
    [cell_id] = [cell_id for cell_id, axes in found.cells if axes["model.what"] == way]
    result = record.read_result(found.cell_folder(cell_id))

    assert result["state"] == state
    assert message is None or message in result["error"]["message"]
    assert done.returncode == 1, done.stderr


@pytest.mark.xdist_group("wide faults")
def test_stacks_of_all_ranks_are_in_the_log_of_a_cell_that_hangs(ended):
    """Rank 0 only waits: the other one shows why."""
    _, found, _ = ended
    [cell_id] = [cell_id for cell_id, axes in found.cells if axes["model.what"] == "hang_on_1"]
    log = found.cell_folder(cell_id).log.read_text()

    assert "do_hang" in log
    assert "all_reduce" in log or "backward" in log


@pytest.mark.xdist_group("wide faults")
def test_no_rank_is_left_running(ended):
    """However its cell ended."""
    _, _, folder = ended

    assert processes_with(str(folder)) == []


CRAWLING = (*CRAWL, "runtime.devices=2")


def test_ctrl_c_stops_wide_cells_cleanly(tmp_path):
    """Both that are training; their records say so."""
    process = start(tmp_path, *CRAWLING, "lr=0.1,0.01,0.001", "runtime.cells_at_once=4", "runtime.grace_s=30")
    in_flight = wait_for(begun(tmp_path, 2), process=process)
    os.killpg(process.pid, signal.SIGINT)
    [output] = ends(process)
    states = [result["state"] for result in results(tmp_path).values()]

    assert in_flight, output
    assert process.returncode == 130, output
    assert states == ["interrupted", "interrupted"], output
    assert wait_for(lambda: not processes_with(str(tmp_path)))


def test_a_killed_launcher_takes_its_ranks_with_it(tmp_path):
    """They stop by themselves."""
    process = start(tmp_path, *CRAWLING, "lr=0.1,0.01")
    in_flight = wait_for(begun(tmp_path), process=process)
    process.kill()
    process.communicate()

    assert in_flight
    assert wait_for(lambda: not processes_with(str(tmp_path)))


def test_narrow_and_wide_cells_share_a_sweep(tmp_path):
    """By `cases`; each has the devices that it asks for, and an outer job's variables change nothing."""
    cases = "hydra.sweeper.cases=[{optimizer: adam, runtime.devices: 2}, {optimizer: sgdm, lr: '0.1,0.01'}]"
    done = subprocess.run(
        command(tmp_path, cases),
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        env=environment(**OUTER_JOB),
        cwd=tmp_path,
        check=False,
    )
    found = sorted((result["provenance"]["devices"], result["state"]) for result in results(tmp_path).values())

    assert done.returncode == 0, done.stdout + done.stderr
    assert found == [(1, "completed"), (1, "completed"), (2, "completed")]


def test_without_a_sweep_and_again_by_hand(tmp_path):
    """One line, one cell, as many processes; its folder alone trains it again, to the same figures."""
    words = [word for word in command(tmp_path, "runtime.devices=2", "max_epochs=2") if word != "-m"]
    words.insert(1, "-m")
    options = {
        "capture_output": True,
        "text": True,
        "timeout": BOUND_S,
        "env": environment(**OUTER_JOB),
        "cwd": tmp_path,
    }
    first = subprocess.run(words, check=False, **options)
    [before] = results(tmp_path).values()
    [folder] = tmp_path.glob("out/cells/*")
    second = subprocess.run([sys.executable, "-m", "sweeplab.cell", str(folder)], check=False, **options)
    [after] = results(tmp_path).values()

    assert first.returncode == 0, first.stdout + first.stderr
    assert second.returncode == 0, second.stdout + second.stderr
    assert "epoch 2/2" in first.stdout
    assert (before["attempt"], after["attempt"]) == (1, 2)
    assert before["provenance"]["devices"] == 2
    assert before["metrics"] == after["metrics"]


def test_ctrl_c_without_a_sweep(tmp_path):
    """Exit code 130, a record that says so, nothing left."""
    words = [word for word in command(tmp_path, *CRAWLING) if word != "-m"]
    words.insert(1, "-m")
    process = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(),
        cwd=tmp_path,
        start_new_session=True,
    )
    in_flight = wait_for(begun(tmp_path), process=process)
    os.killpg(process.pid, signal.SIGINT)
    [output] = ends(process)
    [result] = results(tmp_path).values()

    assert in_flight, output
    assert process.returncode == 130, output
    assert result["state"] == "interrupted"
    assert "Traceback" not in output
    assert processes_with(str(tmp_path)) == []


def test_hydras_basic_launcher(tmp_path):
    """Cell after cell, each with its ranks."""
    done = sweep(tmp_path, "lr=0.1,0.01", "runtime.devices=2", "hydra/launcher=basic", "max_epochs=1")

    assert done.returncode == 0, done.stdout + done.stderr
    assert [result["provenance"]["devices"] for result in results(tmp_path).values()] == [2, 2]


def num_gpus():
    import torch

    return torch.cuda.device_count()


@pytest.mark.gpu
@pytest.mark.skipif(num_gpus() < 2, reason="needs two CUDA devices")
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_gpus_give_the_figures_of_one(tmp_path, strategy):
    """By NCCL; with FSDP each has half of every tensor."""
    words = ("runtime.accelerator=gpu", "model._target_=faults.Telling", "~model.what", "batch_size=13", *SMALL)
    folders = {devices: tmp_path / f"on{devices}" for devices in (1, 2)}
    for devices, folder in folders.items():
        folder.mkdir()
        done = sweep(folder, *words, f"runtime.devices={devices}", f"runtime.strategy={strategy}", "optimizer=adamw")
        assert done.returncode == 0, done.stdout + done.stderr
    [one], [two] = (list(results(folder).values()) for folder in folders.values())

    assert two["metrics"] == pytest.approx(one["metrics"], abs=1e-4)
    assert two["initial_weights_hash"] == one["initial_weights_hash"]
    assert two["provenance"]["strategy"] == strategy


@pytest.mark.gpu
@pytest.mark.skipif(num_gpus() < 2, reason="needs two CUDA devices")
def test_batch_normalisation_over_two_gpus_sees_whole_batches(tmp_path):
    """As torch's SyncBatchNorm does it."""
    words = ("model=resnet18", "runtime.accelerator=gpu", "dataset.shape=[3,32,32]", "max_epochs=1", "tracker=none")
    folders = {devices: tmp_path / f"on{devices}" for devices in (1, 2)}
    for devices, folder in folders.items():
        folder.mkdir()
        places = (f"runtime.output_dir={folder}/out", f"runtime.data_dir={folder}/data", f"runtime.devices={devices}")
        line = [sys.executable, "-m", "sweeplab", "dataset=synthetic", *words, *places]
        subprocess.run(line, check=True, timeout=BOUND_S, env=environment(), cwd=folder, capture_output=True)
    [one], [two] = (list(results(folder).values()) for folder in folders.values())

    assert two["metrics"]["train/loss"] == pytest.approx(one["metrics"]["train/loss"], rel=0.05)


def test_batch_normalisation_over_several_cpus_is_refused(tmp_path):
    """By one line in the record, from rank 0."""
    line = ("dataset=synthetic", "dataset.shape=[3,32,32]", "model=resnet18", "tracker=none", "runtime.accelerator=cpu")
    places = (f"runtime.output_dir={tmp_path}/out", f"runtime.data_dir={tmp_path}/data", "runtime.devices=2")
    done = subprocess.run(
        [sys.executable, "-m", "sweeplab", *line, *places],
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        env=environment(),
        cwd=tmp_path,
        check=False,
    )

    assert done.returncode == 1, done.stdout + done.stderr
    assert "ConfigFault: batch normalisation over several devices needs GPUs, got cpu (layer" in done.stdout
