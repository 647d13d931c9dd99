"""The GPUs of this machine that this process may use, found without importing torch."""

import importlib.metadata
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sweeplab.errors import ConfigFault

FAKE = "SWEEPLAB_FAKE_GPUS"  # such as 4x2GiB: pretend that there were so many, each with so much memory
GIB = 2**30


@dataclass(frozen=True)
class Device:
    """A GPU, or a MIG instance of one: `index` as nvidia-smi counts; `memory_bytes` in all, 0 where not known."""

    uuid: str
    name: str
    memory_bytes: int
    index: int


class Inventory(Protocol):
    """The GPUs that this process may use."""

    @property
    def is_real(self) -> bool:
        """Whether torch can train on them."""

    def devices(self) -> list[Device]:
        """In the order of `CUDA_VISIBLE_DEVICES`, or else as nvidia-smi counts them."""

    def free_bytes(self, uuid: str) -> int:
        """Memory of a device that nobody uses now."""


class FakeInventory:
    """Devices that are not there; cells that get one train on the CPU.

    Args:
        asked: how many, and of what memory, such as `4x2GiB`.

    Raises:
        ConfigFault: it reads otherwise.
    """

    is_real = False

    def __init__(self, asked: str) -> None:
        found = re.fullmatch(r"(\d+)x(\d+(?:\.\d+)?)GiB", asked.strip())
        if found is None:
            raise ConfigFault(f"{FAKE} must read like 4x2GiB, got '{asked}'")
        memory = int(float(found[2]) * GIB)
        self._devices = [Device(f"GPU-fake-{index}", "pretended", memory, index) for index in range(int(found[1]))]

    def devices(self) -> list[Device]:
        """All of them."""
        return visible(self._devices, os.environ.get("CUDA_VISIBLE_DEVICES"))

    def free_bytes(self, uuid: str) -> int:
        """All of it."""
        return next(device.memory_bytes for device in self._devices if device.uuid == uuid)


class NvidiaInventory:
    """What NVIDIA's management library tells; of a GPU that is divided by MIG, its instances."""

    is_real = True

    def __init__(self) -> None:
        self._devices = _ask_driver()

    def devices(self) -> list[Device]:
        """Those that an outer `CUDA_VISIBLE_DEVICES` shows."""
        return visible(self._devices, os.environ.get("CUDA_VISIBLE_DEVICES"))

    def free_bytes(self, uuid: str) -> int:
        """Memory of a device that nobody uses now; 0 where the driver does not say."""
        import pynvml

        try:
            return int(pynvml.nvmlDeviceGetMemoryInfo(pynvml.nvmlDeviceGetHandleByUUID(uuid)).free)
        except pynvml.NVMLError:
            return 0


def find_inventory() -> Inventory:
    """What is to be pretended, or else what the driver tells.

    Raises:
        ConfigFault: `SWEEPLAB_FAKE_GPUS` cannot be read.
    """
    asked = os.environ.get(FAKE)
    return FakeInventory(asked) if asked else NvidiaInventory()


def visible_gpus() -> list[str]:
    """UUIDs of the NVIDIA GPUs that this process may use, never of pretended ones."""
    return [device.uuid for device in NvidiaInventory().devices()]


def has_driver() -> bool:
    """Whether a NVIDIA driver is to be seen."""
    return any(Path(path).exists() for path in ("/dev/nvidiactl", "/dev/dxg", "/proc/driver/nvidia/version"))


def torch_is_for_cpu() -> bool:
    """Whether the torch that is installed was built without CUDA, as far as its version says."""
    return importlib.metadata.version("torch").endswith("+cpu")


def visible(devices: Sequence[Device], outer: str | None) -> list[Device]:
    """Those devices that `CUDA_VISIBLE_DEVICES` names: indices, UUIDs or their beginnings, MIG instances.

    As CUDA does it, the first name that is none ends the list, and a device that is named twice hides all. Indices are
    those of nvidia-smi (`CUDA_DEVICE_ORDER=PCI_BUS_ID`). A MIG instance that the driver does not list is trusted.

    Args:
        devices: all there are.
        outer: the variable's value; None where it is not set.

    Source:
        https://docs.nvidia.com/cuda/cuda-c-programming-guide/index.html#env-vars
    """
    if outer is None:
        return list(devices)
    found: list[Device] = []
    for word in outer.split(","):
        device = _named(devices, word.strip())
        if device is None:
            break
        if device in found:
            return []
        found.append(device)
    return found


def _named(devices: Sequence[Device], word: str) -> Device | None:
    if word.isdecimal():
        return next((device for device in devices if device.index == int(word)), None)
    if not word.startswith(("GPU-", "MIG-")):
        return None
    exact = [device for device in devices if device.uuid == word]
    found = exact or [device for device in devices if device.uuid.startswith(word)]
    if not found and word.startswith("MIG-"):
        return Device(word, "MIG instance", 0, -1)
    return found[0] if len(found) == 1 else None


def _ask_driver() -> list[Device]:
    if not has_driver():
        return []
    import pynvml

    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        return [_device(part, index) for index, handle in enumerate(handles) for part in _parts(handle)]
    except pynvml.NVMLError:
        return []


def _parts(handle: Any) -> list[Any]:
    """The MIG instances of a GPU, or the GPU itself."""
    import pynvml

    parts = []
    try:
        if pynvml.nvmlDeviceGetMigMode(handle)[0] != pynvml.NVML_DEVICE_MIG_ENABLE:
            return [handle]
        for number in range(pynvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
            try:
                parts.append(pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, number))
            except pynvml.NVMLError_NotFound:
                continue
    except pynvml.NVMLError_NotSupported:
        return [handle]
    return parts


def _device(handle: Any, index: int) -> Device:
    import pynvml

    name, uuid = (_text(ask(handle)) for ask in (pynvml.nvmlDeviceGetName, pynvml.nvmlDeviceGetUUID))
    return Device(uuid, name, int(pynvml.nvmlDeviceGetMemoryInfo(handle).total), index)


def _text(told: str | bytes) -> str:
    return told.decode() if isinstance(told, bytes) else told
