"""Tidy cells in, tables out: pure functions over pandas that read and write no file and know no training code."""

from sweeplab.compare.choice import choose, mark_chosen, tuned_axes
from sweeplab.compare.comparison import Comparison, compare
from sweeplab.compare.interval import mean_interval
from sweeplab.compare.pairs import compare_pairs
from sweeplab.compare.pivot import pivot
from sweeplab.compare.published import against_figures, against_orderings
from sweeplab.compare.settings import metrics_of, setting_axes, summarise, varying

__all__ = [
    "Comparison",
    "against_figures",
    "against_orderings",
    "choose",
    "compare",
    "compare_pairs",
    "mark_chosen",
    "mean_interval",
    "metrics_of",
    "pivot",
    "setting_axes",
    "summarise",
    "tuned_axes",
    "varying",
]
