"""Average ranks over workloads on one scale, what chance cannot tell apart joined by bars."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sweeplab.compare import Comparison
from sweeplab.compare.pairs import LEVEL
from sweeplab.compare.ranks import average_ranks, cliques, nemenyi, refusal
from sweeplab.compare.workloads import contest
from sweeplab.report.contest import contestant_names, counted, evidence_notes, left_out_notes
from sweeplab.report.figures.style import GREY, new_figure, write_around
from sweeplab.report.table import data_notes

_ROW_IN = 0.22
_INK = "0.15"
_BAR = "#AA3377"


def ranks(comparison: Comparison) -> Figure | None:
    """Critical-difference diagram of the contestants, after Demšar 2006.

    Args:
        comparison: of settings; the chosen ones are ranked on every workload by the metric `tested`.

    Returns:
        None below five workloads or two contestants.
    """
    found = contest(comparison)
    if refusal(found.table):
        return None
    table = average_ranks(found.table)
    means = table["rank"].sort_values(kind="stable")
    critical = nemenyi(*found.table.shape)
    groups = cliques(means, critical)
    places = {number: place for place, number in enumerate(means.index)}
    num_left = (len(means) + 1) // 2
    figure = new_figure(1.7 + _ROW_IN * (num_left + 0.6 * len(groups)))
    axes = figure.subplots()
    depth = 0.6 * len(groups) + 0.8
    _draw_scale(axes, len(means), depth + num_left)
    _draw_critical(axes, critical)
    for row, group in enumerate(groups):
        ends = means[group[0]], means[group[-1]]
        axes.plot(ends, [0.6 * (row + 1)] * 2, color=_BAR, linewidth=3.5, solid_capstyle="round", gid="clique")
    names = contestant_names(found)
    lost = {number: f" ({count} without a result)" for number, count in table["lost"].items() if count}
    for number, rank in means.items():
        place = places[number]
        row = place if place < num_left else len(means) - 1 - place
        words = f"{names[int(str(number))]}{lost.get(number, '')}"
        _draw_contestant(axes, words, float(rank), depth + row, is_left=place < num_left, last=len(means))
    write_around(
        figure,
        f"Average ranks over {counted(found)} by {found.metric}",
        [],
        [
            *data_notes(comparison),
            f"Rank 1 is the best. Bars join contestants whose average ranks differ by less than the critical difference"
            f" (CD, Nemenyi, level {LEVEL}); a workload without a result counts as the last rank.",
            *evidence_notes(found.table),
            *left_out_notes(found),
        ],
    )
    return figure


def _draw_scale(axes: Axes, last: int, depth: float) -> None:
    margin = 0.35 * (last - 1)
    axes.set_xlim(1 - margin, last + margin)
    axes.set_ylim(depth, -1.6)
    axes.grid(visible=False)
    axes.set_yticks([])
    axes.set_xticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.plot([1, last], [0, 0], color=_INK, linewidth=1.2, gid="scale")
    ticks = np.unique(np.round(np.linspace(1, last, min(last, 11))))
    for tick in ticks:
        axes.plot([tick, tick], [-0.2, 0], color=_INK, linewidth=1.0)
        axes.annotate(f"{tick:g}", (tick, -0.3), ha="center", va="bottom", fontsize=8)


def _draw_critical(axes: Axes, critical: float) -> None:
    end = 1 + critical  # fits for any number of contestants: fewer than 5 workloads are refused
    axes.plot([1, end], [-1.3, -1.3], color=GREY, linewidth=1.4, marker="|", markersize=6, gid="critical")
    axes.annotate(f"CD {critical:.2f}", (end, -1.3), (6, 0), textcoords="offset points", va="center", fontsize=8)


def _draw_contestant(axes: Axes, words: str, rank: float, row: float, *, is_left: bool, last: int) -> None:
    edge = 1 - 0.05 * (last - 1) if is_left else last + 0.05 * (last - 1)
    axes.plot([rank, rank, edge], [0, row, row], color=_INK, linewidth=0.8, gid="contestant")
    axes.annotate(
        f"{words}  {rank:.2f}" if is_left else f"{rank:.2f}  {words}",
        (edge, row),
        (-4 if is_left else 4, 0),
        textcoords="offset points",
        ha="right" if is_left else "left",
        va="center",
        fontsize=8.5,
        annotation_clip=False,
    )
