"""Ctrl-C, counted: the first time asks to stop, the second to stop at once."""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any


class Interrupts:
    """Counts SIGINT and SIGTERM while it is entered; does nothing outside the main thread.

    Raised at once, a first one could come while a library listens to no exception, and be lost.

    Args:
        again: handles every signal after the first, which is only counted.
    """

    def __init__(self, again: Callable[[int, FrameType | None], object] | None = None) -> None:
        self.count = 0
        self._again = again
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self.add) for number in _NUMBERS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def add(self, number: int = 0, frame: FrameType | None = None) -> None:
        """One more; also what answers the signals."""
        self.count += 1
        if self._again is not None and self.count > 1:
            self._again(number, frame)


_NUMBERS = (signal.SIGINT, signal.SIGTERM)
