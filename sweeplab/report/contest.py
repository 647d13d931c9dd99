"""Words about contestants and workloads, the same for tables and figures."""

from collections.abc import Sequence

import pandas as pd

from sweeplab.compare.pairs import LEVEL
from sweeplab.compare.ranks import friedman, nemenyi, refusal, warning
from sweeplab.compare.settings import COMPLETED, STATES, varying
from sweeplab.compare.target import Race
from sweeplab.compare.workloads import Contest
from sweeplab.report.table import MAX_NAMED, Row, axis_cell
from sweeplab.report.words import ABSENT, numbered, plain_text

NEVER = "never"


def contestant_names(contest: Contest) -> dict[int, str]:
    """Contestants by number in words: their axes."""
    return _names(contest.contestants, [*map(str, contest.contestants)], "all")


def workload_names(contest: Contest) -> dict[int, str]:
    """Workloads by number in words: the axes that vary."""
    axes = [*map(str, contest.workloads)]
    return _names(contest.workloads, varying(contest.workloads, axes) or axes, "this workload")


def evidence_notes(table: pd.DataFrame) -> list[str]:
    """What the tests of ranks say, or why they are refused.

    Args:
        table: of a contest.
    """
    if reason := refusal(table):
        return [f"No test of ranks and no critical difference: {reason}."]
    found, contestants, workloads = friedman(table), *table.shape
    is_shown = "the contestants differ" if found.p < LEVEL else "no difference between the contestants is shown"
    critical = f"critical difference of two average ranks (Nemenyi, {LEVEL}): {nemenyi(contestants, workloads):.2f}"
    weak = [f"CAUTION: {words}." for words in [warning(table)] if words]
    return [*weak, f"Friedman's test: chi-squared {found.statistic:.2f}, p {p_text(found.p)}: {is_shown}; {critical}."]


def scale_notes(contest: Contest, scored: pd.DataFrame) -> list[str]:
    """What the normalised scores mean.

    Args:
        contest: that the scores are of.
        scored: as `sweeplab.compare.profiles.normalise` gives it.
    """
    scales = {f"0 is {zero}, 1 is {one}" for zero, one in zip(scored["zero"], scored["one"], strict=True)}
    lost = int(scored["value"].isna().sum())
    counted = f"; {numbered(lost, 'cell without a result scores', 'cells without a result score')} 0" if lost else ""
    told = "; elsewhere ".join(sorted(scales))
    words = f"Scores: {plain_text(contest.metric)} of every chosen cell, by workload; {told}"
    relative = " Against the best or worst cell, scores depend on who takes part." if "cell" in " ".join(scales) else ""
    return [f"{words}{counted}.{relative}"] if scales else ["No cell to score."]


def target_notes(race: Race) -> list[str]:
    """Where the targets come from, how time is counted, what was not done as asked.

    Args:
        race: as `sweeplab.compare.target.race` gives it.
    """
    metric = plain_text(race.metric)
    middle = f"by workload the median contestant's median best {metric}"
    derived = f"Targets derived from these cells: {middle}; about half reach it."
    return [
        *(f"CAUTION: {plain_text(note)}." for note in race.notes),
        derived if race.is_derived else f"Targets of {metric} are given.",
        f"Time: {race.unit} until the first evaluation as good, median over seeds; {NEVER} where half of them or more"
        " did not get there or were lost.",
    ]


def left_out_notes(contest: Contest) -> list[str]:
    """Who and what is not compared, because there is no result of it yet or it was not asked for."""
    parts = {
        "Contestants": (contestant_names(contest), contest.table.index),
        "Workloads": (workload_names(contest), contest.table.columns),
    }
    notes = []
    for what, (names, shown) in parts.items():
        if missing := [name for number, name in names.items() if number not in shown]:
            more = f" and {len(missing) - MAX_NAMED} more" if len(missing) > MAX_NAMED else ""
            listed = f"{', '.join(missing[:MAX_NAMED])}{more}"
            notes.append(f"{what} left out, as not all were asked for or have ended there: {listed}.")
    return notes


def p_text(p: float) -> str:
    """A p-value with two significant digits."""
    return f"{p:.2g}" if p >= 1e-4 else "<0.0001"


def contestant_header(contest: Contest) -> list[str]:
    """Names of the columns that name a contestant."""
    return [plain_text(str(axis)) for axis in contest.contestants] or ["contestant"]


def contestant_cells(contest: Contest, number: int) -> list[str]:
    """A contestant in the columns that name it."""
    row = _row(contest.contestants, number)
    return [axis_cell(row, str(axis)) for axis in contest.contestants] or ["all"]


def counts_by_contestant(contest: Contest) -> dict[int, dict[str, int]]:
    """Cells of the chosen settings over all workloads of the table: `cells`, `n`, other states."""
    entries = contest.ranked
    names = [name for name in ("cells", "n", *STATES) if name in entries and name != COMPLETED]
    sums = entries.groupby("contestant")[names].sum()
    return {int(number): {name: int(sums.loc[number, name]) for name in names} for number in sums.index}


def counted(contest: Contest) -> str:
    """How many workloads the table has."""
    workloads = contest.table.shape[1]
    return f"{workloads} workload{'s' * (workloads != 1)}"


def _names(table: pd.DataFrame, axes: Sequence[str], nameless: str) -> dict[int, str]:
    words = {number: [axis_cell(_row(table, number), axis) for axis in axes] for number in range(len(table))}
    return {number: " ".join(word for word in row if word != ABSENT) or nameless for number, row in words.items()}


def _row(table: pd.DataFrame, number: int) -> Row:
    return {axis: table[axis].iloc[number] for axis in table}
