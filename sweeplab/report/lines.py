"""The lines of figures and charts: groups of settings that differ in tuned axes only, with the same look everywhere."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeplab.compare import Comparison
from sweeplab.compare.interval import MIN_BOOTSTRAP, MIN_SEEDS
from sweeplab.compare.settings import NOT_ENDED, positions
from sweeplab.report.table import axis_cell, data_notes
from sweeplab.report.words import ABSENT, numbered

# Tol, "Colour schemes" (SRON/EPS/TN/09-002): bright
COLOURS = ("#4477AA", "#EE6677", "#228833", "#AA3377", "#66CCEE", "#CCBB44")
NUM_DASHES = 2
MAX_LINES = len(COLOURS) * NUM_DASHES


@dataclass(frozen=True)
class Group:
    """Settings that are one line.

    `number`: of all lines that there could be, in the order of the sweep; `place`: of those shown, from 0: looks go by
    it; `settings`: rows of the comparison.
    """

    name: str
    number: int
    place: int
    settings: pd.DataFrame

    @property
    def chosen(self) -> pd.DataFrame:
        """The setting that validation chose, if any has a result."""
        return self.settings[self.settings["chosen"]]

    @property
    def colour(self) -> str:
        """As `#RRGGBB`."""
        return COLOURS[self.place % len(COLOURS)]


def line_axes(comparison: Comparison) -> list[str]:
    """The axes that tell lines apart: those that vary and are not tuned."""
    return [axis for axis in comparison.varying if axis not in comparison.over]


def best_groups(comparison: Comparison) -> list[Group]:
    """At most `MAX_LINES` groups, best first by what validation chose."""
    settings, named = comparison.settings, line_axes(comparison)
    numbers = positions(settings, named)
    ranked = list(dict.fromkeys(int(numbers[row]) for row in comparison.ranks()))[:MAX_LINES]
    places = {number: place for place, number in enumerate(sorted(ranked))}
    rows = {number: settings[numbers == number] for number in ranked}
    return [Group(_name(rows[number], named), number, places[number], rows[number]) for number in ranked]


def chosen_name(group: Group, comparison: Comparison) -> str:
    """The name of a group with what was chosen for it: `adam lr=1e-3`; its bare name where nothing was."""
    return " ".join(filter(None, [group.name, *_tuned(group.chosen, comparison.over)]))


def chosen_settings(comparison: Comparison) -> list[tuple[int, str]]:
    """The chosen settings with their names, best first: rows of `comparison.settings`."""
    named, over = line_axes(comparison), comparison.over
    settings = comparison.settings[[*named, *over, "chosen"]]
    ranked = [settings.loc[[row]] for row in comparison.ranks() if settings.loc[row, "chosen"]]
    return [(int(own.index[0]), " ".join(filter(None, [_name(own, named), *_tuned(own, over)]))) for own in ranked]


def twins(comparison: Comparison) -> list[str]:
    """The monitored metric and its test twin, unless they are the same numbers."""
    metrics = list(dict.fromkeys([comparison.monitor, comparison.tested]))
    return metrics[:1] if comparison.select["data"] == "test" else metrics


def above_floor(low: npt.ArrayLike, mean: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Lower ends of a band, none below half the line's lowest mean where all means are positive.

    A logarithmic scale can thus show it, and few seeds do not stretch the axis.
    """
    ends, means = np.asarray(low, dtype=float), np.asarray(mean, dtype=float)
    lowest = np.min(means, initial=np.inf, where=~np.isnan(means))
    return np.maximum(ends, lowest / 2) if 0 < lowest < np.inf else ends


def common_notes(comparison: Comparison, groups: Sequence[Group], over: str) -> list[str]:
    """What must be said below lines with bands: caution, what they are, what is not there.

    Args:
        comparison: of all settings.
        groups: those that are drawn.
        over: the seeds whose mean a line is, in words.
    """
    return [*data_notes(comparison), " ".join([_band_note(comparison, over), *missing_notes(comparison, groups)])]


def missing_notes(comparison: Comparison, groups: Sequence[Group]) -> list[str]:
    """What lines of these groups do not show."""
    settings = comparison.settings
    left_out = positions(settings, line_axes(comparison)).nunique() - len(groups)
    to_come = int(settings[[state for state in NOT_ENDED if state in settings]].sum().sum())
    notes = [f"The best {len(groups)} by {comparison.monitor} are shown, {left_out} are not."] if left_out else []
    return [*notes, *([f"{numbered(to_come, 'cell has', 'cells have')} not ended yet."] if to_come else [])]


def _band_note(comparison: Comparison, over: str) -> str:
    cells = comparison.settings["cells"]
    fewest, most = cells.min(), cells.max()
    if most == 1:
        return "One seed: no bands."
    asked = f"{most} asked" if fewest == most else f"{fewest} to {most} asked"
    bands = (
        f"bands: 95 % interval of the mean (Student's t for {MIN_SEEDS} and {MIN_BOOTSTRAP - 1} seeds, bootstrap from"
        f" {MIN_BOOTSTRAP}, none below {MIN_SEEDS}), cut at half the line's lowest mean"
    )
    none = f"no bands, as a 95 % interval needs {MIN_SEEDS} seeds"
    return f"Lines: mean over {over} ({asked}); {bands if most >= MIN_SEEDS else none}."


def _name(settings: pd.DataFrame, named: Sequence[str]) -> str:
    words = [axis_cell(settings.iloc[0].to_dict(), axis) for axis in named]
    return " ".join(word for word in words if word != ABSENT)


def _tuned(chosen: pd.DataFrame, over: Sequence[str]) -> list[str]:
    return [f"{axis}={axis_cell(row, axis)}" for row in chosen.to_dict("records")[:1] for axis in over]
