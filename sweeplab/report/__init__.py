"""Comparisons made visible: terminal and files. Refuses to compute anything that is not in the comparison."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console


def publish(
    folder: Path, cells: "pd.DataFrame", axes: Sequence[str], *, monitor: str, mode: str, console: "Console"
) -> "pd.DataFrame":
    """Writes the tables of a sweep into `folder`, prints them, and returns the comparison.

    Args:
        folder: of the sweep; made if it is not there.
        cells: one row per cell: `cell_id`, `state`, every axis, metrics as `split/name`, times.
        axes: in the order of the sweep, with or without `seed`.
        monitor: metric of the validation split that chose epochs and chooses the learning rate.
        mode: `max` or `min`.
        console: where to print.

    Returns:
        One row per setting, as in comparison.csv.

    Raises:
        EmptyComparison: no cell at all.
        ConfigFault: `monitor` is a metric of the test split or unknown, or `mode` is neither word.
    """
    # pandas takes a second to import, and the live view stands in this package too
    from sweeplab.compare import compare
    from sweeplab.report.files import write_cells, write_tables
    from sweeplab.report.terminal import show

    write_cells(folder, cells)
    comparison = compare(cells, axes, monitor=monitor, mode=mode)
    write_tables(folder, comparison)
    show(console, comparison, folder)
    return comparison.settings
