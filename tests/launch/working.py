"""Starting real workers in real processes, on this machine or on one that only claims to be another."""

import subprocess
import sys

from sweeping import BOUND_S, FAULT, environment

from sweeplab import record
from sweeplab.sweep import find_sweep

# The claims of this process, and of no other, name another machine.
_ELSEWHERE = """
import socket, sys
socket.gethostname = lambda: "{host}"
from sweeplab.cli import main
raise SystemExit(main())
"""


def plan(folder, *lines):
    """Write a sweep down and train nothing."""
    places = (f"runtime.output_dir={folder}/out", f"runtime.data_dir={folder}/data")
    return _run(folder, "plan", "--write", *FAULT, *places, *lines)


def worker(folder, *words, timeout=BOUND_S):
    """Run a worker to its end."""
    return _run(folder, "worker", str(the_sweep(folder).folder.path), *words, timeout=timeout)


# What a job of an array finds in its environment.
SLURM = {
    "SLURM_JOB_ID": "12",
    "SLURM_JOB_NAME": "sweep",
    "SLURM_NTASKS": "1",
    "SLURM_NTASKS_PER_NODE": "1",
    "SLURM_PROCID": "0",
    "SLURM_LOCALID": "0",
    "SLURM_NODEID": "0",
    "SLURM_NODELIST": "node7",
    "SLURM_JOB_NODELIST": "node7",
    "SLURM_ARRAY_TASK_ID": "3",
}


def start_worker(folder, *words, host=None, log=subprocess.PIPE, **around):
    """Start a worker in a process group of its own; `around` is more of its environment."""
    program = ["-m", "sweeplab"] if host is None else ["-c", _ELSEWHERE.format(host=host)]
    return subprocess.Popen(
        [sys.executable, *program, "worker", str(the_sweep(folder).folder.path), *words],
        stdout=log,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(**around),
        cwd=folder,
        start_new_session=True,
    )


def the_sweep(folder):
    """The only one there."""
    return find_sweep(None, str(folder / "out"))


def results(folder):
    """Verified results by cell id, None for a cell without one."""
    found = the_sweep(folder)
    return {cell_id: record.read_result(found.cell_folder(cell_id)) for cell_id, _ in found.cells}


def states(folder):
    """How the cells stand, in order."""
    found = the_sweep(folder)
    return [record.read_state(found.cell_folder(cell_id)) for cell_id, _ in found.cells]


def claims(folder):
    """Names of all claims and of whatever making them left."""
    return sorted(path.name for path in folder.glob("out/cells/*/*claim*")) + sorted(
        path.name for path in folder.glob("out/cells/*/.claim*")
    )


def _run(folder, *words, timeout=BOUND_S):
    return subprocess.run(
        [sys.executable, "-m", "sweeplab", *words],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment(),
        cwd=folder,
        check=False,
    )
