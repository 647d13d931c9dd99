"""The machine in words: what figures depend on, and nothing that names it."""

import importlib.metadata
import os
import platform
from contextlib import suppress
from pathlib import Path

_PACKAGES = (
    "sweeplab",
    "torch",
    "torchvision",
    "pytorch-lightning",
    "torchmetrics",
    "hydra-core",
    "hydra-joblib-launcher",
    "joblib",
    "wandb",
    "pandas",
)


def use_cores(number: int) -> int:
    """Keep this process and its children to `number` cores; returns how many there are now."""
    if not hasattr(os, "sched_setaffinity"):
        return os.cpu_count() or 1
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:number])
    return len(os.sched_getaffinity(0))


def describe(cores: int) -> list[str]:
    """Processor, cores in use, memory, load before the start, versions."""
    versions = ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)
    return [
        f"processor: {_processor()}, {cores} of {os.cpu_count()} cores used, {_memory_gib():.0f} GiB of memory",
        f"load average of the last minute, before the start: {os.getloadavg()[0]:.2f}",
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        versions,
    ]


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
