"""Whether the system has killed for want of memory."""

from pathlib import Path


def oom_kills() -> int:
    """How often Linux has killed a process for want of memory since it started; 0 where it does not say."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
