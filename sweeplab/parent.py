"""A process that must not outlive the one that started it."""

import ctypes
import os
import signal
import sys
import threading
import time

_TICK_S = 0.5


def end_with_parent(pid: int | None = None) -> None:
    """End this process when its parent has gone, however it went.

    Args:
        pid: of the parent, where it may have gone already.
    """
    if sys.platform == "linux":
        set_parent_death_signal = 1  # PR_SET_PDEATHSIG in linux/prctl.h
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    elif pid is not None:
        threading.Thread(target=_wait_for_end_of, args=(pid,), daemon=True, name="watch the parent").start()
    if pid is not None and os.getppid() != pid:
        os._exit(1)


def _wait_for_end_of(pid: int) -> None:
    while os.getppid() == pid:
        time.sleep(_TICK_S)
    os._exit(1)
