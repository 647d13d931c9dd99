"""`sweeplab report`: tables and figures from the records alone, also of a sweep that still runs or was killed."""

import argparse

from sweeplab.cli import make_console
from sweeplab.launch.conduct import report
from sweeplab.sweep import find_sweep


def run(arguments: list[str]) -> int:
    """Rebuild the tables and figures of a sweep; 0 even when cells failed, since the report itself did not."""
    parser = argparse.ArgumentParser(prog="python -m sweeplab report", description=__doc__)
    parser.add_argument("folder", nargs="?", help="folder or name of the sweep (default: the latest)")
    parser.add_argument("--output-dir", default="outputs", help="where sweeps are looked for by name")
    asked = parser.parse_args(arguments)
    report(find_sweep(asked.folder, asked.output_dir), make_console(), with_figures=True)
    return 0
