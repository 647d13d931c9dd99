"""A running sweep as one looks on: a live view on a terminal, one plain line per finished cell anywhere else.

Imports neither pandas nor torch, and trusts no text it is given.
"""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sweeplab.report.words import (
    ABSENT,
    duration_text,
    encodable,
    last_line,
    metric_text,
    numbered,
    plain_text,
    state_text,
)

MAX_ROWS = 16
_FIELDS = ("loss", "accuracy")


@dataclass
class _Running:
    since: float
    epoch: int = 0
    max_epochs: int = 0
    metrics: dict[str, float] = field(default_factory=dict)

    def fraction(self) -> float:
        return min(1.0, self.epoch / self.max_epochs) if self.max_epochs else 0.0


class LiveView:
    """Shows cells as they start, advance and end; used as a context.

    Args:
        console: a terminal gets a view that redraws itself, anything else plain lines.
        total: cells of the sweep.
        finished_before: those of them that need no training.
        labels: readable name by cell id; an id without one is shown itself.
    """

    def __init__(self, console: Console, total: int, finished_before: int, labels: Mapping[str, str]) -> None:
        self._console = console
        self._total = total
        self._finished_before = finished_before
        self._labels = labels
        self._running: dict[str, _Running] = {}
        self._states: Counter[str] = Counter()
        self._durations: list[float] = []
        self._is_waiting = False
        self._since = time.monotonic()
        self._lock = Lock()  # rich redraws in a thread of its own
        self._live = Live(console=console, get_renderable=self._render, transient=True, refresh_per_second=4)

    def __enter__(self) -> Self:
        self._since = time.monotonic()
        if self._console.is_interactive:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()
        self._say(self._summary())

    def started(self, cell_id: str) -> None:
        """A cell has begun to train."""
        with self._lock:
            self._is_waiting = False
            self._running[cell_id] = _Running(since=time.monotonic())

    def waiting(self, reason: str) -> None:
        """No cell trains, and none can start now; said once, until one does."""
        if not self._is_waiting:
            self._is_waiting = True
            self._say(f"waiting: {reason}", "yellow")

    def progress(self, cell_id: str, epoch: int, max_epochs: int, metrics: Mapping[str, float]) -> None:
        """A running cell has finished `epoch` of `max_epochs` epochs, with these metrics (`split/name`)."""
        with self._lock:
            # news of a cell that has ended may still be on its way
            if cell := self._running.get(cell_id):
                cell.epoch, cell.max_epochs = epoch, max_epochs
                cell.metrics.update(metrics)

    def ended(
        self, cell_id: str, state: str, metrics: Mapping[str, float], wall_time_s: float, error: str | None
    ) -> None:
        """A cell has ended in `state`; `error` may be a whole traceback, of which the last line is shown."""
        with self._lock:
            self._running.pop(cell_id, None)
            self._states[state] += 1
            self._durations.append(wall_time_s)
            place = f"[{self._num_done()}/{self._total}]"
        # a terminal keeps only what went wrong, the rest is in the counts and the tables to come
        if state != "completed" or not self._console.is_interactive:
            values = [f"{name} {metric_text(name, value)}" for name, value in _final(metrics).items()]
            name = plain_text(self._labels.get(cell_id, cell_id))
            parts = [f"{place} {state_text(state)}", name, *values, duration_text(wall_time_s), last_line(error or "")]
            self._say(
                "  ".join(filter(None, parts)), "yellow" if state == "diverged" else "red" * (state != "completed")
            )

    def _num_done(self) -> int:
        return self._finished_before + self._states.total()

    def _say(self, line: str, style: str = "") -> None:
        self._console.print(self._text(line, style), soft_wrap=True)

    def _text(self, text: str, style: str = "") -> Text:
        return Text(encodable(text, self._console.encoding), style=style)

    def _summary(self) -> str:
        counts = [f"{count} {state_text(state)}" for state, count in self._states.items()]
        before = [f"{self._finished_before} finished before"] if self._finished_before else []
        done = ", ".join([*before, *counts]) or "none finished"
        return f"{numbered(self._total, 'cell')}: {done} · {duration_text(time.monotonic() - self._since)}"

    def _render(self) -> RenderableType:
        with self._lock:
            running = dict(self._running)
            left = self._time_left()
            counts = [f"{count} {state_text(state)}" for state, count in self._states.items()]
            head = [f"{self._num_done()}/{numbered(self._total, 'cell')}", *counts, f"{len(running)} running"]
        head.append(duration_text(time.monotonic() - self._since))
        head += [f"about {duration_text(left)} left"] if left is not None else []
        more = len(running) - MAX_ROWS
        foot = [self._text(f"and {more} more", "dim")] if more > 0 else []
        return Group(self._text(" · ".join(head), "bold"), self._rows(running), *foot)

    def _rows(self, running: Mapping[str, _Running]) -> Table:
        grid = Table.grid(padding=(0, 2, 0, 0))
        for justify in ("left", "left", "right", "right", "right"):
            grid.add_column(justify=justify, no_wrap=True, overflow="ellipsis")
        for cell_id, cell in list(running.items())[:MAX_ROWS]:
            name = plain_text(self._labels.get(cell_id, cell_id))
            bar = ProgressBar(total=1, completed=cell.fraction(), width=16)
            epochs = f"{cell.epoch}/{cell.max_epochs}" if cell.max_epochs else "starting"
            values = [f"{word} {_latest(cell.metrics, word)}" for word in _FIELDS]
            grid.add_row(self._text(name), bar, *map(self._text, [epochs, *values]))
        return grid

    def _time_left(self) -> float | None:
        """Seconds, from how long cells took so far and how many train at once; None before anything is known."""
        now = time.monotonic()
        advanced = [cell for cell in self._running.values() if cell.fraction() > 0]
        known = self._durations or [(now - cell.since) / cell.fraction() for cell in advanced]
        if not known:
            return None
        begun = sum(cell.fraction() for cell in self._running.values())
        work = (self._total - self._num_done() - begun) * sum(known) / len(known)
        return max(0.0, work) / max(1, len(self._running))


def _final(metrics: Mapping[str, float]) -> dict[str, float]:
    """The accuracies of validation and test, or the losses where there is no accuracy."""
    pairs = [{name: metrics[name] for name in (f"val/{word}", f"test/{word}") if name in metrics} for word in _FIELDS]
    return pairs[1] or pairs[0]


def _latest(metrics: Mapping[str, float], word: str) -> str:
    names = [name for name in (f"val/{word}", f"train/{word}") if name in metrics]
    return metric_text(word, metrics[names[0]]) if names else ABSENT
