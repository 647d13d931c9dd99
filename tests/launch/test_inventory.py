"""Which GPUs a process may use, and what an outer CUDA_VISIBLE_DEVICES leaves of them."""

import sys
from types import SimpleNamespace

import pytest

from sweeplab.errors import ConfigFault
from sweeplab.launch import inventory
from sweeplab.launch.inventory import GIB, Device, FakeInventory, NvidiaInventory, find_inventory, visible

MIG = "MIG-6f8a7c1e-0c6c-5a3b-9d5c-111111111111"
DEVICES = [
    Device("GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", "card", 80 * GIB, 0),
    Device("GPU-89aa0000-0000-0000-0000-000000000001", "card", 80 * GIB, 1),
    Device("GPU-1c000000-0000-0000-0000-000000000002", "card", 80 * GIB, 2),
    Device(MIG, "card MIG 1g.10gb", 10 * GIB, 3),
]


@pytest.mark.parametrize(
    ("outer", "expected"),
    [
        (None, [0, 1, 2, 3]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("2,0", [2, 0]),
        (" 2 , 0 ", [2, 0]),
        ("0,7,1", [0]),
        ("0,-1,1", [0]),
        ("1,1", []),
        ("GPU-1c", [2]),
        ("GPU-89", []),
        ("GPU-8932,GPU-89aa", [0, 1]),
        ("GPU-89aa0000-0000-0000-0000-000000000001,0", [1, 0]),
        ("GPU-ffff,0", []),
        (MIG, [3]),
        ("0,GPU-8932", []),
    ],
)
def test_an_outer_list_of_devices_is_honoured_as_cuda_honours_it(outer, expected):
    """Order counts, the first name that is none ends the list, and a device named twice hides all."""
    assert [device.index for device in visible(DEVICES, outer)] == expected


def test_a_mig_instance_that_the_driver_does_not_list_passes_through():
    assert [device.uuid for device in visible(DEVICES, "MIG-GPU-8932f937/1/0")] == ["MIG-GPU-8932f937/1/0"]


def test_pretended_gpus_have_names_and_memory(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("SWEEPLAB_FAKE_GPUS", "3x1.5GiB")
    found = find_inventory()

    assert not found.is_real
    assert [device.uuid for device in found.devices()] == ["GPU-fake-0", "GPU-fake-1", "GPU-fake-2"]
    assert {device.memory_bytes for device in found.devices()} == {3 * GIB // 2}
    assert found.free_bytes("GPU-fake-1") == 3 * GIB // 2


def test_pretended_gpus_are_hidden_by_an_outer_list_too(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-fake-2,0")

    assert [device.index for device in FakeInventory("4x2GiB").devices()] == [2, 0]


@pytest.mark.parametrize("asked", ["4", "x2GiB", "4x2GB", "4x2", "-1x2GiB"])
def test_a_pretence_that_cannot_be_read_is_refused(asked):
    with pytest.raises(ConfigFault, match=f"SWEEPLAB_FAKE_GPUS must read like 4x2GiB, got '{asked}'"):
        FakeInventory(asked)


def test_without_a_driver_nothing_is_asked(monkeypatch):
    """A laptop without NVIDIA must not wait for a library that is not there."""
    monkeypatch.setattr(inventory, "has_driver", lambda: False)
    monkeypatch.setitem(sys.modules, "pynvml", None)

    assert NvidiaInventory().devices() == []


class Library(SimpleNamespace):
    """NVIDIA's management library on a machine with one plain GPU and one that is divided into two instances."""

    NVML_DEVICE_MIG_ENABLE = 1

    class NVMLError(Exception):
        pass

    class NVMLError_NotFound(NVMLError):  # noqa: N801 (the library's name)
        pass

    class NVMLError_NotSupported(NVMLError):  # noqa: N801
        pass

    is_broken = False

    def nvmlInit(self):  # noqa: N802
        if self.is_broken:
            raise self.NVMLError("driver/library version mismatch")

    def nvmlDeviceGetCount(self):  # noqa: N802
        return 2

    def nvmlDeviceGetHandleByIndex(self, index):  # noqa: N802
        return ("plain", "divided")[index]

    def nvmlDeviceGetMigMode(self, handle):  # noqa: N802
        if handle == "plain":
            raise self.NVMLError_NotSupported
        return [1, 1]

    def nvmlDeviceGetMaxMigDeviceCount(self, handle):  # noqa: N802
        return 4

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle, number):  # noqa: N802
        if number not in (0, 2):
            raise self.NVMLError_NotFound
        return f"{handle}.{number}"

    def nvmlDeviceGetName(self, handle):  # noqa: N802
        return f"name of {handle}"

    def nvmlDeviceGetUUID(self, handle):  # noqa: N802
        return f"{'MIG' if '.' in handle else 'GPU'}-{handle}".encode()

    def nvmlDeviceGetHandleByUUID(self, uuid):  # noqa: N802
        if uuid == "GPU-lost":
            raise self.NVMLError_NotFound
        return uuid

    def nvmlDeviceGetMemoryInfo(self, handle):  # noqa: N802
        return SimpleNamespace(total=10 * GIB, free=3 * GIB)


@pytest.fixture
def library(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(inventory, "has_driver", lambda: True)
    fake = Library()
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    return fake


def test_the_driver_is_asked_and_instances_of_a_divided_gpu_stand_for_it(library):
    found = NvidiaInventory()

    assert found.devices() == [
        Device("GPU-plain", "name of plain", 10 * GIB, 0),
        Device("MIG-divided.0", "name of divided.0", 10 * GIB, 1),
        Device("MIG-divided.2", "name of divided.2", 10 * GIB, 1),
    ]
    assert found.free_bytes("GPU-plain") == 3 * GIB
    assert found.free_bytes("GPU-lost") == 0


def test_a_driver_that_does_not_answer_has_no_gpus(library):
    library.is_broken = True

    assert NvidiaInventory().devices() == []


@pytest.mark.gpu
@pytest.mark.skipif(not inventory.has_driver(), reason="no NVIDIA driver here")
def test_the_devices_are_those_that_torch_sees():
    """By UUID, in torch's own order."""
    import torch

    if not torch.cuda.is_available():
        pytest.skip("torch sees no GPU")
    found = find_inventory().devices()

    seen = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    assert [device.uuid for device in found] == [f"GPU-{about.uuid}" for about in seen]
    assert all(abs(d.memory_bytes - a.total_memory) < 2 * GIB for d, a in zip(found, seen, strict=True))
