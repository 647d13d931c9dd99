"""Ranks over workloads and what they prove; blocks are workloads, never seeds.

Refuses any verdict that so few workloads cannot carry, and lets nobody leave a workload by failing on it.
"""

from dataclasses import dataclass
from itertools import combinations
from math import comb, inf, nan, sqrt
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from sweeplab.compare.interval import Numbers
from sweeplab.compare.pairs import BETTER, INDISTINGUISHABLE, LEVEL, WORSE
from sweeplab.compare.significance import holm

NOT_ENOUGH = "not enough workloads"
MIN_WORKLOADS = 5
FEW_WORKLOADS = 10
_DIGITS = 10  # significant; equal differences of decimals are equal only so


@dataclass(frozen=True)
class Friedman:
    """Whether contestants differ at all: `statistic` (chi-squared) and its `p`; NaN with a `reason` where refused."""

    statistic: float
    p: float
    reason: str


def average_ranks(table: pd.DataFrame) -> pd.DataFrame:
    """Mean rank of every contestant over the workloads; 1 is the best, ties share the mean of their ranks.

    Args:
        table: contestants down, workloads across; the highest score is best. NaN (no result: failed, diverged) and
            -inf stand last, and several of them share the last ranks.

    Returns:
        One row per contestant, as in `table`: `rank` (NaN without a workload), `first` (workloads it won, alone or
        tied), `lost` (workloads without a result), `workloads`.
    """
    ranks = _ranks(table)
    wins = ranks.eq(ranks.min()) & table.notna()
    return pd.DataFrame(
        {
            "rank": ranks.mean(axis=1),
            "first": wins.sum(axis=1),
            "lost": table.isna().sum(axis=1),
            "workloads": table.shape[1],
        }
    )


def refusal(table: pd.DataFrame) -> str:
    """Why ranks over these workloads prove nothing, in words (guard G15); `""` where they may."""
    contestants, workloads = table.shape
    if contestants < 2 or not workloads:
        return "there are not two contestants with a workload in common"
    if workloads < MIN_WORKLOADS:
        least = nemenyi(contestants, MIN_WORKLOADS)
        return (
            f"{_counted(workloads)}, at least {MIN_WORKLOADS} are needed: even with {MIN_WORKLOADS} the average ranks"
            f" of {contestants} contestants would have to differ by {least:.2f} of at most {contestants - 1}"
        )
    return ""


def warning(table: pd.DataFrame) -> str:
    """What makes ranks over these workloads weak evidence, in words; `""` where nothing does."""
    if refusal(table) or table.shape[1] >= FEW_WORKLOADS:
        return ""
    return f"{_counted(table.shape[1])}: below {FEW_WORKLOADS} only large differences of rank can be told from chance"


def friedman(table: pd.DataFrame) -> Friedman:
    """Friedman's test on the ranks, corrected for ties; refused below 5 workloads.

    Args:
        table: as for `average_ranks`.

    Source:
        Friedman 1937; Demšar 2006, "Statistical comparisons of classifiers over multiple data sets", JMLR 7.
    """
    reason = refusal(table)
    if reason:
        return Friedman(nan, nan, reason)
    contestants, workloads = table.shape
    ranks = _ranks(table).to_numpy()
    centre = (contestants + 1) / 2
    spread = ((ranks - centre) ** 2).sum()
    if not spread:
        return Friedman(0.0, 1.0, "")
    between = ((ranks.mean(axis=1) - centre) ** 2).sum()
    statistic = (contestants - 1) * workloads**2 * between / spread
    return Friedman(float(statistic), float(stats.chi2.sf(statistic, contestants - 1)), "")


def nemenyi(num_contestants: int, num_workloads: int, level: float = LEVEL) -> float:
    """By how much two average ranks must differ at least: the critical difference of Nemenyi's test.

    Source:
        Nemenyi 1963; Demšar 2006, section 3.2.2: q * sqrt(k (k + 1) / (6 N)), q from the studentised range over sqrt 2.
    """
    quantile = stats.studentized_range.isf(level, num_contestants, inf) / sqrt(2)
    return float(quantile * sqrt(num_contestants * (num_contestants + 1) / (6 * num_workloads)))


def cliques(ranks: "pd.Series[float]", difference: float) -> list[list[Any]]:
    """Largest groups of contestants whose average ranks differ by less than the critical difference, best first.

    Args:
        ranks: average ranks by contestant.
        difference: the critical one.
    """
    ordered = ranks.sort_values(kind="stable")
    values, found, end = ordered.to_numpy(), [], 0
    for start, value in enumerate(values):
        stop = int(np.searchsorted(values, value + difference, side="left"))
        if stop > end and stop - start > 1:
            found.append(ordered.index[start:stop].tolist())
        end = max(end, stop)
    return found


def wilcoxon(table: pd.DataFrame) -> pd.DataFrame:
    """Every two contestants by Wilcoxon's signed-rank test over workloads, Holm over all pairs.

    Workloads with equal scores are left out of p. A contestant without a result loses there by more than any other
    difference of the pair; where both have none they are equal.

    Args:
        table: as for `average_ranks`.

    Returns:
        One row per pair in the order of `table`: `a`, `b` (labels), `wins`, `losses`, `ties` (workloads, of a), `p`
        (two-sided, exact also with ties of differences), `p_holm`, `verdict` on a: `better` or `worse` if p_holm <
        0.05; `not enough workloads` where no outcome of so many pairs over so many workloads could have passed; else
        `indistinguishable`.

    Source:
        Wilcoxon 1945; Demšar 2006, sections 3.1.3 and 3.2.2; Benavoli et al. 2016, "Should we really use post-hoc tests
        based on mean-ranks?", JMLR 17; Holm 1979.
    """
    scores = table.fillna(-inf).to_numpy(float)
    rows = []
    for a, b in combinations(range(len(table)), 2):
        gains = _gains(scores[a], scores[b])
        signs = [int((np.sign(gains) == sign).sum()) for sign in (1, -1, 0)]
        # the heavier side of the ranks, as counts of wins may lie on the other
        rows.append([table.index[a], table.index[b], *signs, *_signed_rank(gains)])
    pairs = pd.DataFrame(rows, columns=["a", "b", "wins", "losses", "ties", "p", "balance"])
    adjusted = holm(pairs["p"].to_numpy(float))
    is_possible = min_workloads(len(table)) <= table.shape[1]
    ahead = np.select([pairs["balance"] > 0, pairs["balance"] < 0], [BETTER, WORSE], INDISTINGUISHABLE)
    verdicts = np.where(adjusted < LEVEL, ahead, INDISTINGUISHABLE if is_possible else NOT_ENOUGH)
    return pairs.drop(columns="balance").assign(p_holm=adjusted, verdict=verdicts)


def min_workloads(num_contestants: int) -> int:
    """The fewest workloads with which a pair can pass Holm's rule, were one contestant ahead on all: 6 for two."""
    pairs, workloads = comb(num_contestants, 2), 1
    while pairs * 2.0 ** (1 - workloads) >= LEVEL:
        workloads += 1
    return workloads


def _ranks(table: pd.DataFrame) -> pd.DataFrame:
    return table.fillna(-inf).rank(axis=0, ascending=False, method="average")


def _counted(workloads: int) -> str:
    return f"{workloads} workload{'s' * (workloads != 1)}"


def _gains(a: Numbers, b: Numbers) -> Numbers:
    """Differences by workload, finite and free of rounding."""
    with np.errstate(invalid="ignore"):
        gains = np.where(a == b, 0.0, a - b)
    finite = np.abs(gains[np.isfinite(gains)])
    largest = finite.max(initial=0.0)
    bounded = np.clip(gains, -2 * largest - 1, 2 * largest + 1)
    return np.array([float(f"{gain:.{_DIGITS}g}") for gain in bounded])


def _signed_rank(gains: Numbers) -> tuple[float, float]:
    """Two-sided p of the signed-rank sum over all changes of sign, and the sum for a less that against it."""
    gains = gains[gains != 0]
    doubled = (2 * stats.rankdata(np.abs(gains))).astype(int)  # whole numbers also where ranks are shared
    chances = np.ones(1)
    for rank in doubled:
        chances = (np.pad(chances, (0, rank)) + np.pad(chances, (rank, 0))) / 2
    won, lost = int(doubled[gains > 0].sum()), int(doubled[gains < 0].sum())
    return min(1.0, 2 * float(chances[: min(won, lost) + 1].sum())), (won - lost) / 2
