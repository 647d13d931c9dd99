"""Many workloads as tables of text: ranks, normalised scores, time to target."""

import math
from collections.abc import Sequence

import pandas as pd

from sweeplab.compare.pairs import BETTER, LEVEL, WORSE
from sweeplab.compare.profiles import aggregate
from sweeplab.compare.ranks import average_ranks, min_workloads, wilcoxon
from sweeplab.compare.target import LATEST, Race
from sweeplab.compare.workloads import Contest
from sweeplab.report.contest import (
    NEVER,
    contestant_cells,
    contestant_header,
    contestant_names,
    counted,
    counts_by_contestant,
    evidence_notes,
    left_out_notes,
    scale_notes,
    target_notes,
    workload_names,
)
from sweeplab.report.table import MAX_NAMED, Row, Table
from sweeplab.report.words import ABSENT, count_text, duration_text, interval_text, metric_text, plain_text

MAX_WORKLOADS = 8  # that have a column each
_OPPOSITE = {BETTER: WORSE, WORSE: BETTER}


def ranks_table(contest: Contest, notes: Sequence[str] = ()) -> Table:
    """Contestants by average rank, each against the first, and what the tests over workloads allow to be said.

    Args:
        contest: who and where.
        notes: to stand first below the table.
    """
    ranks = average_ranks(contest.table)
    known = ranks[ranks["workloads"] > 0].sort_values("rank", kind="stable")
    counts = counts_by_contestant(contest)
    verdicts = _against_first(contest, [number for number, _ in _rows(known)])
    rows = [
        [
            *contestant_cells(contest, number),
            f"{row['rank']:.2f}",
            str(int(row["first"])),
            str(int(row["lost"])),
            count_text(counts[number]),
            verdicts[number],
        ]
        for number, row in _rows(known)
    ]
    first = next((contestant_names(contest)[number] for number, _ in _rows(known)), "the first")
    columns = ["average rank", "first", "no result", "n", f"verdict against {first}"]
    title = f"Average ranks over {counted(contest)} by {plain_text(contest.metric)}"
    told = [*_ranks_notes(contest), *evidence_notes(contest.table), *left_out_notes(contest)]
    return Table(title, [*contestant_header(contest), *columns], rows, len(contestant_header(contest)), [*notes, *told])


def profile_table(contest: Contest, scored: pd.DataFrame, notes: Sequence[str] = ()) -> Table:
    """Interquartile mean and optimality gap of normalised scores over seeds and workloads.

    Args:
        contest: who and where.
        scored: as `sweeplab.compare.profiles.scored` or `normalise` gives it.
        notes: to stand first below the table.
    """
    found = aggregate(scored).sort_values("iqm", ascending=False, kind="stable")
    rows = [
        [
            *contestant_cells(contest, number),
            f"{row['iqm']:.4f}",
            interval_text("score", row["iqm_low"], row["iqm_high"], row["iqm"]),
            f"{row['gap']:.4f}",
            interval_text("score", row["gap_low"], row["gap_high"], row["gap"]),
            f"{row['cells'] - row['lost']:.0f}/{row['cells']:.0f}",
        ]
        for number, row in _rows(found)
    ]
    told = [*scale_notes(contest, scored), _spread_note(found), *left_out_notes(contest)]
    title = f"Normalised {plain_text(contest.metric)} over {counted(contest)}"
    header = [*contestant_header(contest), "interquartile mean", "95 %", "optimality gap", "95 %", "n"]
    return Table(title, header, rows, len(contestant_header(contest)), [*notes, *told])


def target_table(contest: Contest, race: Race, notes: Sequence[str] = ()) -> Table:
    """Time to target of every contestant: score over all workloads, then each workload if they are few.

    Args:
        contest: who and where.
        race: as `sweeplab.compare.target.race` gives it.
        notes: to stand first below the table.
    """
    scores = race.scores.sort_values("score", ascending=False, kind="stable")
    names = workload_names(contest)
    places = [*map(int, contest.table.columns.to_numpy())] if contest.table.shape[1] <= MAX_WORKLOADS else []
    times = {(row["contestant"], row["workload"]): row for row in race.times.to_dict("records")}
    rows = [
        [
            *contestant_cells(contest, number),
            f"{row['score']:.3f}",
            str(int(row["fastest"])),
            f"{row['hit']:.0f}/{row['workloads']:.0f}",
            f"{row['reached']:.0f}/{row['cells']:.0f}",
            *(_time(times[number, place], race.unit) for place in places),
        ]
        for number, row in _rows(scores)
    ]
    columns = ["score", "fastest", "workloads reached", "cells reached", *(names[place] for place in places)]
    title = f"{race.unit.capitalize()} to a target {plain_text(race.metric)}"
    told = [*target_notes(race), *_score_notes(contest, race), *left_out_notes(contest)]
    return Table(title, [*contestant_header(contest), *columns], rows, len(contestant_header(contest)), [*notes, *told])


def _ranks_notes(contest: Contest) -> list[str]:
    contestants, workloads = contest.table.shape
    pairs = contestants * (contestants - 1) // 2
    lost = int(contest.table.isna().sum().sum())
    notes = [
        "average rank: 1 is the best, ties share ranks; first: workloads won, alone or tied; n: cells completed of"
        " cells asked, of the chosen settings.",
        *(["no result: workloads without a completed cell; they count as the last rank."] if lost else []),
        f"verdict: Wilcoxon's signed-rank test over workloads, Holm over all {pairs} pairs, level {LEVEL}.",
    ]
    entries = contest.ranked
    if ((entries["n"] > 0) & (entries["n"] < entries["cells"])).any():
        worst = "0" if contest.mode == "max" else "infinitely bad"
        notes.append(f"In the ranks a lost cell of a chosen setting counts as {worst}.")
    needed = min_workloads(contestants)
    if workloads and needed > workloads:
        notes.append(
            f"With {contestants} contestants no verdict is possible below {needed} workloads, were one ahead on all."
        )
    return notes


def _against_first(contest: Contest, ranked: Sequence[int]) -> dict[int, str]:
    """Verdicts on all others of those against the one that ranks first."""
    verdicts = dict.fromkeys(ranked, "")
    for a, b, verdict in wilcoxon(contest.table)[["a", "b", "verdict"]].to_numpy():
        if ranked and ranked[0] in (a, b):
            other, seen = (b, _OPPOSITE.get(verdict, verdict)) if ranked[0] == a else (a, verdict)
            verdicts[other] = seen
    return verdicts


def _spread_note(found: pd.DataFrame) -> str:
    few = " none where a workload has fewer than 3 cells" if (found["fewest"] < 3).any() else ""
    return (
        "interquartile mean: of the middle half of all cells' scores; optimality gap: how far scores below 1 fall short"
        f" of it on average; 95 %: bootstrap over the seeds of each workload{few and f',{few}'}; n: cells with a result"
        " of cells that ended."
    )


def _score_notes(contest: Contest, race: Race) -> list[str]:
    names = workload_names(contest)
    targets = race.times.drop_duplicates("workload")[["workload", "target"]].to_numpy()[:MAX_NAMED]
    listed = [f"{names[int(number)]} {_target(race, target)}" for number, target in targets]
    more = race.times["workload"].nunique() - len(listed)
    return [
        f"Targets: {'; '.join(listed)}{f'; {more} more' if more else ''}.",
        f"score: area under the share of workloads done within 1 to {LATEST:g} times the fastest; 1 is the fastest"
        " everywhere; it depends on who takes part.",
    ]


def _target(race: Race, target: float) -> str:
    return metric_text(race.metric, target) if math.isfinite(target) else ABSENT


def _time(row: Row, unit: str) -> str:
    text = NEVER
    if math.isfinite(row["time"]):
        text = duration_text(row["time"]) if unit == "seconds" else f"{row['time']:.10g}"
    return text if row["reached"] == row["cells"] else f"{text} ({row['reached']}/{row['cells']})"


def _rows(table: pd.DataFrame) -> list[tuple[int, Row]]:
    return list(zip(map(int, table.index), table.to_dict("records"), strict=True))
