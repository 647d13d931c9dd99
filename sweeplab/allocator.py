"""The C library's allocator, told that this process trains."""

import ctypes
import platform

_M_MMAP_THRESHOLD = -3
_M_TRIM_THRESHOLD = -1


def keep_freed_memory() -> None:
    """Keep what a step frees for the next one, which wants as much: glibc would give it back and fault it in again.

    Measured on LeNet at batch 128: hundreds to thousands of page faults a step, 1 to 4 ms of 10.
    No effect where the C library is another one.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(_M_MMAP_THRESHOLD, 32 << 20)
    libc.mallopt(_M_TRIM_THRESHOLD, 1 << 30)
