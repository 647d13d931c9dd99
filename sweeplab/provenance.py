"""With what a cell was trained: versions, device, commit of the code around it. Importing this needs no torch."""

import contextlib
import importlib.metadata
import platform
import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def provenance(code: Mapping[str, Any]) -> dict[str, Any]:
    """With what the cell was trained: versions, device, threads, and what is known besides, as of its `code`."""
    import torch

    return {
        "python": platform.python_version(),
        **{name: importlib.metadata.version(package) for name, package in _VERSIONS.items()},
        "device": _device_name(),
        "host": socket.gethostname(),
        "threads": torch.get_num_threads(),
        **code,
    }


def devices_used(runtime: Mapping[str, Any]) -> dict[str, Any]:
    """How many devices a cell has, each with as many threads, and how it uses them; no strategy for one."""
    devices, strategy = runtime["devices"], runtime["strategy"]
    return {"devices": devices, "strategy": None if devices == 1 else "ddp" if strategy == "auto" else strategy}


_VERSIONS = {"torch": "torch", "lightning": "pytorch-lightning", "sweeplab": "sweeplab"}


def _device_name() -> str:
    import torch

    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return str(torch.cuda.get_device_name())
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def code_version() -> dict[str, Any]:
    """Commit of the repository one works in, and whether it has uncommitted changes; nulls outside of one."""
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain", "--untracked-files=no") if commit else None
    return {"git_commit": commit, "git_dirty": None if changes is None else bool(changes)}


def _git(*words: str) -> str | None:
    program = shutil.which("git")
    if program is None:
        return None
    try:
        done = subprocess.run([program, *words], capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
