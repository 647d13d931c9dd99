"""How often each contestant is how good, and how soon: profiles over all workloads together."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweeplab.compare import Comparison
from sweeplab.compare import profiles as normalised
from sweeplab.compare import target as timed
from sweeplab.compare.workloads import contest
from sweeplab.report.contest import contestant_names, counted, left_out_notes, scale_notes, target_notes
from sweeplab.report.figures.style import line_style, new_figure, write_around
from sweeplab.report.lines import MAX_LINES
from sweeplab.report.table import data_notes

_THRESHOLDS = np.linspace(0, 1, 101).tolist()
_FACTORS = np.linspace(1, timed.LATEST, 121).tolist()
_NUM_MARKERS = 6  # on a line


def profiles(
    comparison: Comparison,
    cells: pd.DataFrame,
    curves: pd.DataFrame,
    confusions: Mapping[str, Sequence[Sequence[int]]],
    origins: pd.DataFrame | None,
) -> Figure | None:
    """Share of cells above each normalised score, and share of workloads done within each multiple of the best time.

    Args:
        comparison: of settings; the chosen ones are drawn.
        cells: the cells that were compared.
        curves: `cell_id`, `epoch`, `step`, the monitored metric, of the chosen settings' cells; may be empty.
        confusions: test examples by true (rows) and predicted class, by cell id: for chance as the floor of accuracies.
        origins: `cell_id`, `batch_size` of cells with a result.

    Returns:
        None below two workloads or two contestants.
    """
    found = contest(comparison)
    if min(found.table.shape) < 2:
        return None
    scored = normalised.scored(found, comparison, cells, confusions)
    best = normalised.aggregate(scored)["iqm"].sort_values(ascending=False, kind="stable").index[:MAX_LINES]
    looks = {int(number): line_style(place) for place, number in enumerate(sorted(best))}
    names = contestant_names(found)
    panels = [(normalised.profile(scored, _THRESHOLDS), "threshold")]
    notes = [*data_notes(comparison), *scale_notes(found, scored)]
    if comparison.monitor in curves and "step" in curves:
        race = timed.race(found, comparison, cells, curves, origins=origins)
        panels.append((timed.profile(race.times, _FACTORS), "factor"))
        notes += target_notes(race)
    if len(names) > len(looks):
        notes.append(f"The best {len(looks)} by interquartile mean are shown, {len(names) - len(looks)} are not.")
    figure = new_figure(4.4)
    for axes, (shares, name) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        _label(axes, name, found.metric)
        own = {number: shares[shares["contestant"] == number] for number in looks}
        lines = [_draw(axes, own[int(number)], name, label=names[int(number)], **looks[int(number)]) for number in best]
    write_around(figure, f"Profiles over {counted(found)}", lines, [*notes, *left_out_notes(found)])
    return figure


def _label(axes: Axes, name: str, metric: str) -> None:
    titles = {"threshold": f"{metric}, normalised", "factor": "time to target"}
    across = {"threshold": "score", "factor": "times the fastest on the workload"}
    down = {"threshold": "share of cells above it", "factor": "share of workloads done by then"}
    axes.set_title(titles[name], loc="left", fontweight="bold")
    axes.set_xlabel(across[name])
    axes.set_ylabel(down[name])
    axes.set_ylim(-0.03, 1.03)


def _draw(axes: Axes, shares: pd.DataFrame, name: str, **look: object) -> Line2D:
    every = max(1, len(shares) // _NUM_MARKERS)
    (line,) = axes.plot(shares[name], shares["share"], drawstyle="steps-post", markevery=every, **look)  # type: ignore[arg-type]
    return line
