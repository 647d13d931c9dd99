"""The lines of a figure: groups of settings that differ in tuned axes only, with the same look in every figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sweeplab.compare import Comparison
from sweeplab.compare.settings import ENDED_WITHOUT_RESULT, NOT_ENDED, positions
from sweeplab.report.figures.style import MAX_LINES, line_style
from sweeplab.report.table import axis_cell, data_notes
from sweeplab.report.words import ABSENT


@dataclass(frozen=True)
class Group:
    """Settings that are one line: their rows of the comparison, the name and the look of the line."""

    name: str
    look: dict[str, Any]
    settings: pd.DataFrame


def best_groups(comparison: Comparison) -> list[Group]:
    """At most `MAX_LINES` groups, best first by what validation chose; looks go by their order in the sweep."""
    settings, named, number = comparison.settings, _named(comparison), _numbers(comparison)
    ranked = list(dict.fromkeys(number[row] for row in comparison.ranks()))[:MAX_LINES]
    looks = {group: line_style(place) for place, group in enumerate(sorted(ranked))}
    return [_group(settings[number == group], named, looks[group]) for group in ranked]


def chosen_name(group: Group, comparison: Comparison) -> str:
    """The name of a group with what was chosen for it; its bare name where nothing was."""
    chosen = group.settings[group.settings["chosen"]].to_dict("records")
    tuned = [f"{axis}={axis_cell(row, axis)}" for row in chosen[:1] for axis in comparison.over]
    return " ".join(filter(None, [group.name, *tuned]))


def chosen_settings(comparison: Comparison) -> list[tuple[int, str]]:
    """The chosen settings with their names, best first: rows of `comparison.settings`."""
    settings, named = comparison.settings, _named(comparison)
    ranked = [row for row in comparison.ranks() if settings.loc[row, "chosen"]]
    return [(row, chosen_name(_group(settings.loc[[row]], named, {}), comparison)) for row in ranked]


def num_lost(settings: pd.DataFrame) -> "pd.Series[int]":
    """Cells of each setting that ended without a result."""
    return settings[[state for state in ENDED_WITHOUT_RESULT if state in settings]].sum(axis=1).astype(int)


def common_notes(comparison: Comparison, groups: Sequence[Group], over: str) -> list[str]:
    """What must be said below every figure: caution, spread, what is not there.

    Args:
        comparison: of all settings.
        groups: those that are drawn.
        over: the seeds whose mean a line is, in words.
    """
    settings = comparison.settings
    fewest, most = settings["cells"].min(), settings["cells"].max()
    asked = f"{most} asked" if fewest == most else f"{fewest} to {most} asked"
    num_left_out = _numbers(comparison).nunique() - len(groups)
    num_to_come = int(settings[[state for state in NOT_ENDED if state in settings]].sum().sum())
    spread = f"Lines: mean over {over} ({asked}); bands: ± sample standard deviation."
    notes = ["One seed: no bands." if most == 1 else spread]
    if num_left_out:
        notes.append(f"The best {len(groups)} by {comparison.monitor} are shown, {num_left_out} are not.")
    if num_to_come:
        notes.append(f"{num_to_come} cells have not ended yet.")
    return [*data_notes(comparison), " ".join(notes)]


def _named(comparison: Comparison) -> list[str]:
    return [axis for axis in comparison.varying if axis not in comparison.over]


def _numbers(comparison: Comparison) -> "pd.Series[int]":
    return positions(comparison.settings, _named(comparison))


def _group(settings: pd.DataFrame, named: list[str], look: dict[str, Any]) -> Group:
    words = [axis_cell(settings.iloc[0].to_dict(), axis) for axis in named]
    return Group(" ".join(word for word in words if word != ABSENT), look, settings)
