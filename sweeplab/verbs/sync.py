"""`sweeplab sync`: upload the offline W&B runs of a sweep that are not there yet."""

import argparse
from pathlib import Path

from sweeplab import record
from sweeplab.cli import make_console
from sweeplab.errors import ConfigFault
from sweeplab.launch.conduct import say
from sweeplab.report.words import numbered
from sweeplab.sweep import Sweep, find_sweep
from sweeplab.tracking.login import decide, find_key
from sweeplab.tracking.uploads import is_synced, upload

_CONNECT_TIMEOUT_S = 5.0
_RUNS_AT_ONCE = 16  # in one process of `wandb`, which takes half a second to start


def run(arguments: list[str]) -> int:
    """Upload; 0 when all runs are there, 1 when some are not.

    Raises:
        ConfigFault: there is something to upload, and no key.
    """
    parser = argparse.ArgumentParser(prog="python -m sweeplab sync", description=__doc__)
    parser.add_argument("folder", nargs="?", help="folder or name of the sweep (default: the latest)")
    parser.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS", help="for each run (default: 60)")
    parser.add_argument("--output-dir", default="outputs", help="where sweeps are looked for by name")
    asked = parser.parse_args(arguments)
    sweep, console = find_sweep(asked.folder, asked.output_dir), make_console()
    runs = offline_runs(sweep)
    missing = [file for file in runs if not is_synced(file)]
    if not missing:
        how = f"all {numbered(len(runs), 'offline run is', 'offline runs are')} there" if runs else "no offline run"
        say(console, f"{sweep.name}: nothing to upload ({how})")
        return 0
    waiting = f"W&B: {numbered(len(missing), 'run')} of {sweep.name}"
    if find_key() is None:
        raise ConfigFault(f"{waiting} cannot be uploaded without a key · `wandb login` stores one")
    decision = decide("online", connect_timeout_s=_CONNECT_TIMEOUT_S)
    if decision.mode != "online":
        say(console, f"{waiting} kept offline ({decision.reason})")
        return 1
    words = ""
    for start in range(0, len(missing), _RUNS_AT_ONCE):
        part = missing[start : start + _RUNS_AT_ONCE]
        words = upload(part, timeout_s=asked.timeout * len(part)).complaint or words
    left = [file for file in missing if not is_synced(file)]
    uploaded = numbered(len(missing) - len(left), "run")
    there = numbered(len(runs) - len(missing), "was there", "were there")
    say(console, f"{sweep.name}: uploaded {uploaded}, {there}")
    if left:
        say(
            console,
            f"not uploaded: {numbered(len(left), 'run')}, the first is {left[0].parent}{words and f' ({words})'}",
        )
    return 1 if left else 0


def offline_runs(sweep: Sweep) -> list[Path]:
    """The files of all offline runs of a sweep's cells and of its comparison, but those that are being written."""
    cells = [sweep.cell_folder(cell_id) for cell_id, _ in sweep.cells]
    places = [*(cell.path for cell in cells if record.read_state(cell) != record.RUNNING), sweep.folder.path]
    return [file for place in places for file in sorted(place.glob("wandb/offline-run-*/*.wandb"))]
