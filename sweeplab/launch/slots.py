"""Slots: the places where cells can train at the same time, each with its own device or cores."""

import math
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Slot:
    """One place: environment that shows it its device, and the torch threads it may use."""

    index: int
    threads: int
    environment: Mapping[str, str] = field(default_factory=dict)


def make_slots(runtime: Mapping[str, Any], num_cells: int) -> list[Slot]:
    """Divide the machine among cells.

    Args:
        runtime: the `runtime` node of the configuration.
        num_cells: cells of the whole plan, finished ones too, so that a resumed sweep gives each the same threads.
    """
    gpus = [] if runtime["accelerator"] in ("cpu", "mps") else visible_gpus()
    cores = available_cores()
    asked = runtime["cells_at_once"]
    if asked == "auto":
        places = len(gpus) or (1 if runtime["accelerator"] == "mps" else cores)
        asked = max(1, min(places, num_cells))
    threads = runtime["threads_per_cell"]
    if threads == "auto":
        threads = max(1, cores // asked)
    return [Slot(index, threads, _environment(gpus, index)) for index in range(asked)]


def _environment(gpus: list[str], index: int) -> dict[str, str]:
    return {"CUDA_VISIBLE_DEVICES": gpus[index % len(gpus)]} if gpus else {}


def visible_gpus() -> list[str]:
    """NVIDIA GPUs this process may use, as `CUDA_VISIBLE_DEVICES` names them; found without importing torch."""
    outer = os.environ.get("CUDA_VISIBLE_DEVICES")
    if outer is not None:
        return [name.strip() for name in outer.split(",") if name.strip() not in ("", "-1")]
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        listed = subprocess.run(  # noqa: S603 (a fixed command, found on the path)
            [program, "--query-gpu=uuid", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in listed.stdout.splitlines() if line.strip().startswith(("GPU-", "MIG-"))]


def available_cores() -> int:
    """Cores this process may use: its affinity, and the quota of its control group."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:
        cores = os.cpu_count() or 1
    return max(1, min(cores, _quota()))


def _quota() -> int:
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return math.ceil(int(quota) / int(period))
    except (OSError, ValueError):
        return 1 << 30
