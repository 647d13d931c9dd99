"""Every two contestants over many workloads, as a table of text."""

from collections.abc import Sequence

from sweeplab.compare.pairs import LEVEL
from sweeplab.compare.ranks import average_ranks, wilcoxon
from sweeplab.compare.workloads import Contest
from sweeplab.report.contest import contestant_names, counted, left_out_notes, p_text
from sweeplab.report.table import Table
from sweeplab.report.words import plain_text


def wilcoxon_table(contest: Contest, notes: Sequence[str] = ()) -> Table:
    """Every two contestants over the workloads, the better ranked one first: wins, p, what may be said.

    Args:
        contest: who and where.
        notes: to stand first below the table.
    """
    ranked = average_ranks(contest.table)["rank"].sort_values(kind="stable").index
    pairs, names = wilcoxon(contest.table.loc[ranked]), contestant_names(contest)
    rows = [
        [
            names[row["a"]],
            names[row["b"]],
            *(str(row[name]) for name in ("wins", "losses", "ties")),
            p_text(row["p"]),
            p_text(row["p_holm"]),
            row["verdict"],
        ]
        for row in pairs.to_dict("records")
    ]
    told = (
        f"Wilcoxon's signed-rank test over {counted(contest)}, two-sided, exact; p (Holm): adjusted for all"
        f" {len(pairs)} pairs; verdict: on the first of the two, level {LEVEL}. won, lost, tied: workloads, of the"
        " first. What is tied is left out of p."
    )
    title = f"Every two over {counted(contest)} by {plain_text(contest.metric)}"
    header = ["first", "second", "won", "lost", "tied", "p", "p (Holm)", "verdict"]
    return Table(title, header, rows, 2, [*notes, told, *left_out_notes(contest)])
