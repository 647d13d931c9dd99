"""Offline W&B runs on their way to the server.

W&B's own `wandb sync` uploads and marks what has arrived, so that its memory and ours are one.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeplab.secrets import scrub

_ADDRESS = re.compile(r"View run.* at (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Sent:
    """What `wandb sync` said."""

    address: str  # of the last run that it set up; empty if none
    complaint: str  # its last words where it failed, else empty


def is_synced(file: Path) -> bool:
    """Whether `wandb sync` has marked a run's file as uploaded."""
    return file.with_suffix(".wandb.synced").exists()


def upload(files: Sequence[Path], *, timeout_s: float) -> Sent:
    """Let `wandb sync` upload the runs of these files; left alone, it would try for hours."""
    process = subprocess.Popen(  # noqa: S603 (our own interpreter, and paths)
        [sys.executable, "-m", "wandb", "sync", *(str(file.parent) for file in files)],
        env={**os.environ, "WANDB_MODE": "online", "WANDB_ERROR_REPORTING": "false"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # its service is a process of its own, and must go with it
    )
    try:
        said, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return Sent("", f"W&B did not take {'it' if len(files) == 1 else 'them'} within {timeout_s:g} s")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    lines = [line.strip() for line in str(scrub(said)).splitlines() if line.strip()]
    return Sent("".join(_ADDRESS.findall(said)[-1:]), lines[-1] if process.returncode and lines else "")
