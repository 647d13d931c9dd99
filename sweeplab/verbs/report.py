"""`sweeplab report`: tables and figures from the records alone, also of a sweep that still runs or was killed."""

import argparse
from collections.abc import Mapping
from typing import Any

from sweeplab import tracking
from sweeplab.cli import make_console
from sweeplab.errors import ConfigFault
from sweeplab.launch.conduct import report
from sweeplab.sweep import Sweep, find_sweep, read_cell


def run(arguments: list[str]) -> int:
    """Rebuild the tables and figures of a sweep; 0 even when cells failed, since the report itself did not."""
    parser = argparse.ArgumentParser(prog="python -m sweeplab report", description=__doc__)
    parser.add_argument("folder", nargs="?", help="folder or name of the sweep (default: the latest)")
    parser.add_argument("--output-dir", default="outputs", help="where sweeps are looked for by name")
    parser.add_argument("--publish", action="store_true", help="also show it where its cells are tracked, as on W&B")
    asked = parser.parse_args(arguments)
    sweep = find_sweep(asked.folder, asked.output_dir)
    report(sweep, make_console(), with_figures=True, **(_tracked(sweep) if asked.publish else {}))
    return 0


def _tracked(sweep: Sweep) -> Mapping[str, Any]:
    """Tracker and tags of its cells.

    Raises:
        ConfigFault: the tracker takes no comparisons.
    """
    config = read_cell(sweep.cell_folder(sweep.cells[0][0])).config
    if not tracking.is_mirror(config["tracker"]):
        target = config["tracker"].get("_target_")
        raise ConfigFault(f"--publish needs cells whose tracker takes comparisons, as tracker=wandb does; got {target}")
    return {"tracker": config["tracker"], "tags": config["tags"]}
