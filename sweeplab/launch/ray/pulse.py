"""What a Ray task tells the driver while its cell trains, and hears from it."""

import contextlib
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from sweeplab.launch.local import Launcher

_PULSE_S = 0.5
_ANSWER_S = 30.0


class Pulse:
    """Tells the driver how the cell is doing, twice a second, and hears whether it should stop."""

    def __init__(self, board: Any, launcher: Launcher) -> None:
        self._board = board
        self._launcher = launcher
        self._news: list[tuple[Any, ...]] = []
        self._told = 0
        self._over = threading.Event()
        self._heart = threading.Thread(target=self._live, daemon=True, name="pulse")

    def __enter__(self) -> "Pulse":
        self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._over.set()
        self._heart.join()

    def waiting(self, reason: str) -> None:
        """It never does: Ray has found the place."""

    def started(self, cell_id: str) -> None:
        """A cell has got its process."""
        self._news.append(("started", cell_id))

    def progress(self, cell_id: str, epoch: int, max_epochs: int, metrics: Mapping[str, float]) -> None:
        """A cell has finished an epoch."""
        self._news.append(("progress", cell_id, epoch, max_epochs, dict(metrics)))

    def ended(
        self, cell_id: str, state: str, metrics: Mapping[str, float], wall_time_s: float, error: str | None
    ) -> None:
        """The driver learns it from the task."""

    def _live(self) -> None:
        self._beat()
        while not self._over.wait(_PULSE_S):
            self._beat()

    def _beat(self) -> None:
        news, self._news = self._news, []
        # A driver that has gone takes its tasks along; a view that has gone must not stop a cell.
        with contextlib.suppress(Exception):
            # a future, since `ray.get` in a task would lend its CPUs to others meanwhile
            asked = self._board.tell.remote(news).future().result(timeout=_ANSWER_S)
            while self._told < asked:
                self._told += 1
                self._launcher.interrupt()
