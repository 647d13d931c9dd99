"""`sweeplab doctor`: the GPUs there are, what is free of them, and who leases how much."""

import os
import sys

import pytest

from sweeplab.launch.lease import Leases
from sweeplab.verbs import doctor

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="locks of open files as Linux has them")


@pytest.fixture
def told(monkeypatch, capsys):
    """What it says of devices, without asking torch, which takes seconds."""
    monkeypatch.setattr(doctor, "_ASK_TORCH", "print('torch was asked')")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def lines():
        assert doctor.run([]) == 0
        return [line for line in capsys.readouterr().out.splitlines() if line.startswith("device")]

    return lines


def test_each_gpu_is_shown_with_its_memory_and_its_leases(told, tmp_path, monkeypatch):
    monkeypatch.setenv("SWEEPLAB_FAKE_GPUS", "2x8GiB")
    monkeypatch.setenv("SWEEPLAB_LEASES", str(tmp_path / "leases"))
    lease = Leases(tmp_path / "leases").take("GPU-fake-1", 40, is_ours=False)
    found = told()
    lease.release()

    assert found[0].endswith("CPU cores, 2 GPUs pretended by SWEEPLAB_FAKE_GPUS")
    assert found[1] == "device  GPU 0  pretended  GPU-fake-0  8.0 of 8.0 GiB free  not leased"
    assert found[2] == (
        f"device  GPU 1  pretended  GPU-fake-1  8.0 of 8.0 GiB free  40 % leased (processes {os.getpid()})"
    )
    assert found[3] == "device  torch was asked"


def test_without_gpus_no_lock_file_is_made(told, tmp_path, monkeypatch):
    monkeypatch.setenv("SWEEPLAB_FAKE_GPUS", "0x8GiB")
    monkeypatch.setenv("SWEEPLAB_LEASES", str(tmp_path / "leases"))

    assert len(told()) == 2
    assert not (tmp_path / "leases").exists()
