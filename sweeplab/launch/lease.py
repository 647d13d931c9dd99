"""A lease of a device, or of a share of one: bytes of a lock file that is named for it.

The kernel ends a lease when the last process that holds it has gone, however it went. A lease that is sent to a child
process is held by both.
"""

import os
from multiprocessing import reduction
from typing import Any


class Lease:
    """An open lock file; the locks live as long as it is open in any process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go; a child that still lives keeps it."""
        os.close(self._descriptor)

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, (reduction.DupFd(self._descriptor),)


def _received(sent: Any) -> Lease:
    return Lease(sent.detach())
