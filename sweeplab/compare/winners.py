"""Who won: settings that are better than every other one beside them, as the verdicts on pairs have it.

Refuses to call a setting best by its mean alone.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from sweeplab.compare.comparison import Comparison
from sweeplab.compare.pairs import BETTER, WORSE
from sweeplab.compare.settings import positions


def winners(pairs: pd.DataFrame, groups: Mapping[int, Any]) -> set[int]:
    """The settings that are better than all others of their group, of which there is at least one.

    Args:
        pairs: as `compare_pairs` gives them.
        groups: who takes part: settings, by their row in the comparison, and the group of each.
    """
    if pairs.empty:
        return set()
    won = {(row["setting_a"], row["setting_b"]) for row in pairs[pairs["verdict"] == BETTER].to_dict("records")}
    won |= {(row["setting_b"], row["setting_a"]) for row in pairs[pairs["verdict"] == WORSE].to_dict("records")}
    others = {one: [two for two in groups if two != one and groups[two] == group] for one, group in groups.items()}
    return {one for one, beside in others.items() if beside and all((one, two) in won for two in beside)}


def mark_winners(comparison: Comparison, pairs: pd.DataFrame) -> Comparison:
    """The comparison with a column `won`: better than every other chosen setting on the same data.

    Args:
        comparison: of settings.
        pairs: of its chosen settings.
    """
    settings, choice = comparison.settings, comparison.choice
    data = positions(settings, [axis for axis in comparison.axes if axis.partition(".")[0] == "dataset"])
    chosen = settings["chosen"]
    best = winners(pairs, dict(zip(settings.index[chosen], data[chosen], strict=True)))
    return replace(
        comparison,
        settings=settings.assign(won=settings.index.isin(best)),
        choice=choice.assign(won=choice.index.isin(best)),
    )


def won_places(
    places: pd.DataFrame, columns: list[str], comparison: Comparison, pairs: pd.DataFrame
) -> "pd.Series[bool]":
    """Which places of a declared table won: better than every other chosen setting of their column.

    Columns of a tuned axis are one: their settings compete at the value that was chosen for each. Nobody wins a column
    that shows a setting, but not at its chosen value, or that averages over settings.

    Args:
        places: the frame that `lay_out` makes.
        columns: the axes of the table's columns.
        comparison: of the same cells.
        pairs: of its chosen settings.
    """
    settings = comparison.settings
    family = positions(settings, [axis for axis in comparison.axes if axis not in comparison.over])
    shown = places[(places["metric"] == comparison.tested) & (places["n"] > 0)]
    column = positions(shown, [axis for axis in columns if axis not in comparison.over])
    chosen = shown["setting"].isin(settings.index[settings["chosen"]])
    families = shown["setting"].map(family)
    is_whole = {
        number: own.notna().all() and set(own) == set(own[chosen[own.index]])
        for number, own in families.groupby(column)
    }
    rivals = chosen & column.map(is_whole).astype(bool)
    best = winners(pairs, dict(zip(shown.loc[rivals, "setting"], column[rivals], strict=True)))
    return (places["setting"].isin(best) & (places["metric"] == comparison.tested)).rename("won")
