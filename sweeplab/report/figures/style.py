"""How every figure looks: colours that colour-blind readers tell apart, markers and dashes that print in grey."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from sweeplab.report.lines import COLOURS, above_floor
from sweeplab.report.words import axis_text

WIDTH_IN, DPI = 8.0, 150  # 1200 pixels
GREY = "0.35"
_DASHES = ("-", (0, (4, 1.5)))
_MARKERS = "osD^vP>p<hd8"  # none like the crosses that mark lost cells
_MARGIN = 0.01  # of the width
_NOTE_SIZE = 7.5
_MAX_TICKS = 8


def style() -> AbstractContextManager[None]:
    """Settings in which every figure is made and saved, whatever the user's own are."""
    return mpl.rc_context(
        {
            "text.usetex": False,
            "text.parse_math": False,  # a name may hold dollar signs
            "font.family": "DejaVu Sans",
            "font.size": 9,
            "axes.titlesize": 9,
            "axes.labelsize": 9,
            "legend.fontsize": 8.5,
            "xtick.labelsize": 8,
            "ytick.labelsize": 8,
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "axes.facecolor": "white",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "0.92",
            "grid.linewidth": 0.8,
            "lines.linewidth": 1.3,
            "lines.markersize": 4.5,
            "pdf.fonttype": 42,  # text stays text
        }
    )


def line_style(number: int) -> dict[str, Any]:
    """Colour, dashes and marker of the line of this number, from 0."""
    return {
        "color": COLOURS[number % len(COLOURS)],
        "linestyle": _DASHES[number // len(COLOURS) % len(_DASHES)],
        "marker": _MARKERS[number % len(_MARKERS)],
        "markeredgecolor": "white",
        "markeredgewidth": 0.5,
    }


def new_figure(height_in: float) -> Figure:
    """An empty figure of the common width."""
    return Figure(figsize=(WIDTH_IN, height_in), dpi=DPI, layout="constrained")


def draw_line(axes: Axes, x: Any, mean: Any, low: Any, high: Any, **look: Any) -> Line2D:
    """A line of means in its band, which is where `low` and `high` are numbers."""
    (line,) = axes.plot(x, mean, **look)
    low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    if (high > low).any():
        axes.fill_between(x, above_floor(low, mean), high, color=look["color"], alpha=0.15, linewidth=0)
    return line


def ink(image: AxesImage, value: float) -> str:
    """A colour in which words can be read on that of `value`."""
    red, green, blue, _ = np.asarray(image.to_rgba(np.array([value])))[0]
    return "white" if 0.3 * red + 0.59 * green + 0.11 * blue < 0.5 else "0.15"


def label_metric(axes: Axes, metric: str) -> None:
    """Names a metric above the panel and its unit beside it; a loss, which spans decades, gets a log scale."""
    name = metric.partition("/")[2]
    axes.set_title(metric, loc="left", fontweight="bold")
    axes.set_ylabel({"accuracy": "fraction of examples", "loss": "nats per example (log scale)"}.get(name, name))
    if name == "loss":
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())


def label_rates(axes: Axes, rates: Sequence[float]) -> None:
    """A logarithmic scale of learning rates, ticked at the rates themselves if there is room."""
    axes.set_xscale("log")
    axes.set_xlabel("learning rate lr (log scale)")
    if len(rates) <= _MAX_TICKS:
        axes.xaxis.set_major_locator(FixedLocator(rates))
        axes.xaxis.set_major_formatter(FixedFormatter([axis_text("lr", rate) for rate in rates]))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: axis_text("lr", float(value))))


def write_around(figure: Figure, title: str, lines: Sequence[Line2D], notes: Sequence[str]) -> None:
    """The title on top, the legend to the right, what a reader must know below."""
    figure.suptitle(title, x=_MARGIN, ha="left", fontsize=10.5)
    if any(str(line.get_label()) for line in lines):
        names = [str(line.get_label()) for line in lines]
        figure.legend(lines, names, loc="outside right upper", frameon=False, handlelength=3)
    words = "\n".join(map(_filled, notes))
    figure.supxlabel(words, x=_MARGIN, ha="left", fontsize=_NOTE_SIZE, color=GREY)


def _filled(note: str) -> str:
    """A note on lines that end before the figure does."""
    font, room, lines = FontProperties(size=_NOTE_SIZE), (0.98 - 2 * _MARGIN) * WIDTH_IN * 72, [""]
    for word in note.split():
        longer = f"{lines[-1]} {word}".strip()
        width, _, _ = text_to_path.get_text_width_height_descent(longer, font, ismath=False)
        if width > room and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines)
