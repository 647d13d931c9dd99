"""Being told to stop: by a signal, by a limit of time."""

from dataclasses import dataclass


class Stopped(Exception):
    """The cell was told to stop; carries the state it ends in."""

    def __init__(self, state: str) -> None:
        super().__init__(f"told to stop ({state})")
        self.state = state


@dataclass
class StopSignal:
    """Set from outside (a signal handler), looked at before every minibatch."""

    state: str | None = None

    def set(self, state: str) -> None:
        """Tell the cell to stop; the first reason counts."""
        self.state = self.state or state

    def check(self) -> None:
        """Raise when told to stop."""
        if self.state is not None:
            raise Stopped(self.state)
