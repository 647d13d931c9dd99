"""What the fork server does before the first cell: import, read and keep whatever every cell would need.

Importing this module is doing it. The server never trains and never touches CUDA.
"""

import atexit
import contextlib
import gc
import importlib
import os
import signal

# Slurm's signal to stop goes to every process of a job: this one must not leave before its cells.
# Blocked, not ignored: what reaches a cell before it can listen waits until it does.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

# Nothing that is imported is garbage: looking for some while importing costs half a second.
gc.disable()

import filelock  # noqa: E402, F401 (here, so that no cell has to)
import hydra.utils  # noqa: E402, F401

from sweeplab.launch import child  # noqa: E402, F401
from sweeplab.launch.entry import MODULES_AHEAD, TARGETS_AHEAD  # noqa: E402
from sweeplab.signature import find_signature  # noqa: E402


def know_ahead(modules: str, targets: str) -> None:
    """Import and read what cells will need, once; what cannot be is reported by the cell that needs it."""
    for name in modules.split():
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    for target in targets.split():
        with contextlib.suppress(Exception):
            find_signature(target)


know_ahead(os.environ.get(MODULES_AHEAD, ""), os.environ.get(TARGETS_AHEAD, ""))
# A cell's first garbage collection would touch, and so copy, every page that it shares with the server: 0.25 s.
gc.freeze()
gc.enable()
atexit.register(gc.unfreeze)  # extension modules look for leaks when the server ends
