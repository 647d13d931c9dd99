"""From what a cell measures to the tracker that people look at.

A mirror, never the truth: no failure in here changes a cell's outcome, and nothing is ever read back from a tracker.

A tracker's `_target_` is called with a `CellIdentity` and gives a `Tracker`. It may have, besides,
`describe(output_dir) -> str`; `preload`, a tuple of module names; to take a sweep's comparison,
`publish(sweep=…, tables=…, figures=…, page=…, folder=…, tags=…) -> str | None`, and `takes_sweeps`, false where it
would not take one now.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from sweeplab.secrets import scrub
from sweeplab.tracking.login import login_state
from sweeplab.tracking.none import NoTracker

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CellIdentity",
    "Tracker",
    "describe",
    "is_mirror",
    "login_state",
    "open_tracker",
    "preload",
    "publish_sweep",
]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CellIdentity:
    """What a tracker may know of a cell."""

    cell_id: str
    attempt: int  # counts the times this cell was started, from 1
    sweep: str
    name: str  # for people: "adam lr=0.001 seed=0"
    setting: str  # the same without the seed: cells of one setting are replicates of each other
    job_type: str
    tags: tuple[str, ...]
    config: dict[str, Any]  # the resolved science config, plain
    folder: Path  # the cell's folder: a tracker writes to folder/<its own name> only


class Tracker(Protocol):
    """Takes what one cell measures while it trains."""

    def log(self, metrics: Mapping[str, float], *, epoch: int, step: int) -> None:
        """Take an epoch's metrics; `step` is the number of optimizer updates so far."""

    def finish(self, *, state: str, summary: Mapping[str, Any]) -> None:
        """Close with the cell's end state and what is to be seen of it in a list of cells."""


def open_tracker(config: Mapping[str, Any], cell: CellIdentity) -> Tracker:
    """The tracker of one cell; one that does nothing if it cannot be opened. Never raises.

    Args:
        config: the resolved `tracker` node, plain, with its `_target_`.
    """
    try:
        return _Mirror(_factory(config)(cell))
    except Exception as error:
        _report("could not be opened", error)
        return NoTracker(cell)


def describe(config: Mapping[str, Any], *, output_dir: str = "outputs") -> str:
    """One line for the user: where to, and why; empty if the tracker has nothing to say.

    Raises:
        ConfigFault: the tracker's configuration asks for what cannot be.
    """
    description = getattr(_factory(config), "describe", None)
    return str(description(output_dir)) if description else ""


def preload(config: Mapping[str, Any]) -> list[str]:
    """Modules that cells of this tracker import: a forkserver that has them starts cells faster."""
    return list(getattr(_factory(config), "preload", ()))


def is_mirror(config: Mapping[str, Any]) -> bool:
    """Whether a tracker takes a sweep's comparison; if not, what is only for it need not be made. Never raises."""
    try:
        factory = _factory(config)
        return bool(getattr(factory, "takes_sweeps", hasattr(factory, "publish")))
    except Exception:
        return True  # `publish_sweep` says what is wrong


def publish_sweep(
    config: Mapping[str, Any],
    *,
    sweep: str,
    tables: "Mapping[str, pd.DataFrame]",
    figures: Sequence[Path],
    page: Path | None,
    folder: Path,
    tags: Iterable[str],
) -> str | None:
    """Show a sweep's comparison in the tracker. Never raises.

    Args:
        tables: by name, the one of all settings first; any types, NaN and None included.
        figures: files of any type; a tracker takes those it can show.
        page: the report, one self-contained HTML file; None if there is none.
        folder: the sweep's folder.
    Returns:
        A line that says where it went and what was left out, or None if there is nothing to say.
    """
    parts = {"tables": tables, "figures": tuple(figures), "page": page}
    try:
        publish = getattr(_factory(config), "publish", None)
        line: str | None = publish(sweep=sweep, **parts, folder=folder, tags=tuple(tags)) if publish else None
    except Exception as error:
        _report("could not publish the comparison", error)
        return None
    return line


def _factory(config: Mapping[str, Any]) -> Callable[[CellIdentity], Tracker]:
    from hydra.utils import instantiate  # only a process that tracks pays for the import

    return cast("Callable[[CellIdentity], Tracker]", instantiate(dict(config)))


class _Mirror:
    """A tracker whose failures are said once and go no further."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._has_complained = False

    def log(self, metrics: Mapping[str, float], *, epoch: int, step: int) -> None:
        self._attempt("could not take metrics", lambda: self._tracker.log(metrics, epoch=epoch, step=step))

    def finish(self, *, state: str, summary: Mapping[str, Any]) -> None:
        self._attempt("could not be closed", lambda: self._tracker.finish(state=state, summary=summary))

    def _attempt(self, what: str, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:
            if not self._has_complained:
                _report(what, error)
            self._has_complained = True


def _report(what: str, error: Exception) -> None:
    cause = " ".join(f"{type(error).__name__}: {error}".split())
    _logger.warning("tracker %s (%s); records are not affected", what, scrub(cause))
