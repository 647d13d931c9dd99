"""What tuning is worth: the expected best validation score against the number of settings tried."""

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sweeplab.compare import Comparison
from sweeplab.compare.tuning import tuning_curve
from sweeplab.report.figures.style import label_metric, line_style, new_figure, write_around
from sweeplab.report.lines import best_groups
from sweeplab.report.tuning import curve_of, has_curves, tuning_notes

_NUM_MARKERS = 12  # on a line


def tuning(comparison: Comparison) -> Figure | None:
    """A line for each group of settings that differ in tuned axes only, from one trial to all of them.

    Args:
        comparison: of settings.

    Returns:
        None where nobody tried two settings of a tuned axis.
    """
    curves = tuning_curve(comparison)
    if not has_curves(comparison, curves):
        return None
    figure = new_figure(3.7)
    panel = figure.subplots()
    label_metric(panel, comparison.monitor)
    panel.set_xlabel("tuning budget: settings tried")
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    groups, lines = best_groups(comparison), []
    for group in groups:
        curve = curve_of(group, curves, comparison)
        every = max(1, len(curve) // _NUM_MARKERS)
        look = {**line_style(group.place), "label": group.name, "markevery": every}
        lines += panel.plot(curve["k"], curve["expected"], **look)
    title = f"Expected best {comparison.monitor} against tuning budget"
    write_around(figure, title, lines, tuning_notes(comparison, groups, curves))
    return figure
