"""Guards of the choice: on which data it was made, at the edge of what grid, and how much the best of many flatters."""

import math
import shlex
from collections.abc import Sequence
from numbers import Real
from typing import Any

import pandas as pd

from sweeplab.compare.choice import NO_CHOICE, edge_notes
from sweeplab.compare.guards.evidence import Evidence
from sweeplab.compare.guards.guard import TABLES, Remark
from sweeplab.compare.settings import positions

_GO_ON = "the grid should go on there"
_WIDE = 8  # highest by lowest value from which a grid is taken for a logarithmic one


def selected_on_test(evidence: Evidence) -> list[Remark]:
    """Guard G1: whatever validation data chose was chosen on test data where the two are one; stamped on every table.

    A metric that is one of the test split by name is refused by the choice itself.
    """
    comparison = evidence.comparison
    if comparison.select["data"] != "test":
        return []
    epoch = [] if comparison.select["epoch"] == "last" else ["the epoch of every cell"]
    chosen = " and ".join([*epoch, *comparison.over])
    said = f"it chose {chosen}" if chosen else "whatever is best by these figures is chosen on it"
    words = f"SELECTED ON TEST: validation is the test split (select.data=test), and {said}; no estimate for new data"
    return [Remark("G1", "error", table, words) for table in TABLES]


def edge_of_grid(evidence: Evidence) -> list[Remark]:
    """Guard G3: a best value at the edge of its ordered grid may not be the best there is; names how to go on.

    Of two values each is an edge: that is said of the grid, not of the choice.
    """
    settings = evidence.comparison.settings
    remarks = []
    for setting, grid in _chosen_groups(evidence):
        subject = evidence.names[setting]
        for axis in evidence.comparison.over:
            value: Any = settings.loc[setting, axis]
            values = sorted({float(item) for item in grid[axis] if _is_number(item)})
            if len(values) == 2 and _is_number(value):
                words = f"{axis} has two values: either is the edge of its grid, and a better one may lie anywhere"
                remarks.append(Remark("G3", "info", "choice", words, subject=subject))
            for note in edge_notes(grid[axis], value):
                words = f"EDGE: {note}; {_extension(axis, values, is_lowest=float(value) == values[0])}"
                remarks.append(Remark("G3", "warning", "choice", words, evidence.members[setting], subject))
    return remarks


def best_of_many(evidence: Evidence) -> list[Remark]:
    """Guard G13: the best of k is flattered by the luck of the seeds that chose it."""
    remarks = []
    for setting, grid in _chosen_groups(evidence):
        if len(grid) > 1:
            words = (
                f"the best of {len(grid)} settings is flattered by the seeds that chose it (selection bias)"
                f" · python -m sweeplab confirm {shlex.quote(evidence.folder)} trains the chosen ones on fresh seeds"
            )
            remarks.append(Remark("G13", "info", "choice", words, evidence.members[setting], evidence.names[setting]))
    return remarks


def _chosen_groups(evidence: Evidence) -> list[tuple[Any, pd.DataFrame]]:
    """Each setting that was chosen, with all those it was chosen among."""
    comparison = evidence.comparison
    groups = positions(comparison.settings, [axis for axis in comparison.axes if axis not in comparison.over])
    chosen = comparison.choice.index[~comparison.choice["note"].str.startswith(NO_CHOICE)]
    members = dict(iter(comparison.settings.groupby(groups, sort=False)))
    return [(setting, members[groups[setting]]) for setting in chosen]


def _extension(axis: str, values: Sequence[float], *, is_lowest: bool) -> str:
    """Two more values at the logarithmic spacing of the grid's last two there, where that is how it is spaced."""
    if values[0] <= 0 or values[-1] / values[0] < _WIDE:
        return _GO_ON
    edge, inner = values[:2] if is_lowest else values[:-3:-1]
    more = [edge * (edge / inner), edge * (edge / inner) ** 2]
    are_whole = all(value.is_integer() for value in values)
    if are_whole and min(more) < 1:
        return _GO_ON
    return f"go on with {axis}={','.join(f'{value:.0f}' if are_whole else f'{value:.3g}' for value in more)}"


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
