"""How much memory is free on a device, in bytes; asked without packages, and never guessed too high."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_MEMINFO = Path("/proc/meminfo")
_CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")


def free_bytes(device: torch.device) -> int:
    """Memory that could be taken now, on a GPU its own; 0 where that cannot be known."""
    if device.type == "cuda":
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    return min(_free_in_machine(), _most_in_container())


def _free_in_machine() -> int:
    try:
        # not SC_AVPHYS_PAGES: that leaves out what the cache of files would give back
        lines = dict(line.split(":") for line in _MEMINFO.read_text(encoding="ascii").splitlines())
        return int(lines["MemAvailable"].removesuffix("kB")) * 1024
    except (OSError, ValueError, KeyError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0


def _most_in_container() -> int:
    try:
        return int(_CONTAINER_LIMIT.read_text(encoding="ascii"))
    except (OSError, ValueError):  # no such limit, or `max`
        return 1 << 62
