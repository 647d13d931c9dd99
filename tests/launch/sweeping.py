"""Starting real sweeps in real processes, as a user does."""

import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Longer than anything takes on the busiest machine: what takes as long will never end.
BOUND_S = 400
# Cells that take minutes, so that all that happens to them happens in the middle; a file `go` ends that.
CRAWL = ("++model.what=crawl", "max_epochs=30", "dataset.num_train=512")
# A cell that takes a second or two, and a clean one.
FAULT = (
    "dataset=synthetic",
    "model=logistic",
    "model._target_=faults.Fault",
    "+model.what=nothing",
    "trusted_targets=[faults]",
    "max_epochs=3",
    "tracker=none",
    "runtime.accelerator=cpu",
    "runtime.threads_per_cell=1",
)


def command(folder, *lines):
    """The argv of a sweep whose files all lie in `folder`."""
    places = (f"runtime.output_dir={folder}/out", f"runtime.data_dir={folder}/data")
    return [sys.executable, "-m", "sweeplab", "-m", *FAULT, *places, *lines]


def environment(**more):
    """A user's environment, with the faulty package in reach and W&B out of it."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("WANDB", "COLUMNS"))}
    return {**kept, "PYTHONPATH": str(HERE), **more}


def sweep(folder, *lines, timeout=BOUND_S):
    """Run a sweep to its end."""
    return subprocess.run(
        command(folder, *lines),
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment(),
        cwd=folder,
        check=False,
    )


def start(folder, *lines):
    """Start a sweep in a process group of its own, as a terminal does."""
    return subprocess.Popen(
        command(folder, *lines),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(),
        cwd=folder,
        start_new_session=True,
    )


def wait_for(condition, seconds=BOUND_S, *, process=None):
    """Wait until `condition()` holds; False when it does not in time, or not before `process` has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        if process is not None and process.poll() is not None:
            return False
        time.sleep(0.05)
    return False


def begun(folder, number=1):
    """A condition: so many cells have an epoch behind them."""
    return lambda: len(list(folder.glob("out/cells/*/metrics.jsonl"))) >= number


def ends(*processes):
    """What each has printed when all have ended."""
    return [process.communicate(timeout=BOUND_S)[0] for process in processes]


def processes_with(text):
    """Pids of living processes whose command line or environment names `text`."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes() + (path / "environ").read_bytes()
            state = (path / "stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        if text.encode() in words and state != "Z" and int(path.name) != os.getpid():
            found.append(int(path.name))
    return found
