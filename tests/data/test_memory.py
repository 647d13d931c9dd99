import sys

import pytest
import torch

from sweeplab.data import memory
from sweeplab.errors import ConfigFault

CPU = torch.device("cpu")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """What the kernel says of this machine, made up."""

    def describe(*, meminfo, limit=None):
        for name, text in (("_MEMINFO", meminfo), ("_CONTAINER_LIMIT", limit)):
            path = tmp_path / name
            if text is not None:
                path.write_text(text)
            monkeypatch.setattr(memory, name, path)

    return describe


def test_free_memory_counts_what_the_file_cache_would_give_back(machine):
    machine(meminfo="MemTotal:  8000 kB\nMemFree:  100 kB\nMemAvailable:  5000 kB\n")
    assert memory.free_bytes(CPU) == 5000 * 1024


@pytest.mark.parametrize(("limit", "free"), [("1000000\n", 1000000), ("max\n", 5000 * 1024)])
def test_container_has_no_more_than_its_limit(machine, limit, free):
    machine(meminfo="MemAvailable: 5000 kB\n", limit=limit)
    assert memory.free_bytes(CPU) == free


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_agrees_with_psutil():
    psutil = pytest.importorskip("psutil")
    assert memory.free_bytes(CPU) <= psutil.virtual_memory().total
    assert memory._free_in_machine() == pytest.approx(psutil.virtual_memory().available, rel=0.5)


@pytest.mark.gpu
def test_gpu_has_its_own_memory():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    assert 0 < memory.free_bytes(torch.device("cuda")) <= torch.cuda.get_device_properties(0).total_memory


def test_auto_holds_what_takes_less_than_half_of_the_free_memory(synthetic, monkeypatch):
    """50 + 23 float32 examples of 90 values and 8 bytes of label each, and four headers of 128 bytes."""
    num_bytes = 73 * (90 * 4 + 8) + 4 * 128
    source = synthetic(in_memory="auto")
    source.prepare()
    for free, is_held in ((2 * num_bytes, False), (2 * num_bytes + 1, True)):
        monkeypatch.setattr("sweeplab.data.source.free_bytes", lambda device, free=free: free)
        assert source.is_held(CPU) is is_held


@pytest.mark.parametrize("in_memory", [True, False])
def test_otherwise_memory_is_not_asked_for(synthetic, monkeypatch, in_memory):
    monkeypatch.delattr("sweeplab.data.source.free_bytes")
    assert synthetic(in_memory=in_memory).is_held(CPU) is in_memory


def test_other_words_than_auto_are_a_fault(synthetic):
    with pytest.raises(ConfigFault, match=r"dataset.in_memory must be true, false or auto, got yes"):
        synthetic(in_memory="yes")


@pytest.mark.parametrize("free", [0, 1 << 40])
def test_auto_gives_the_same_batches_as_true_and_false(synthetic, monkeypatch, free):
    monkeypatch.setattr("sweeplab.data.source.free_bytes", lambda device: free)
    batching = {"batch_size": 8, "eval_batch_size": 8, "seed": 0, "device": "cpu", "workers": 0, "steps_per_call": 2}
    batching |= {"limit_batches": None, "overfit_batches": 0, "drop_last": False, "select_data": "held_out"}
    epochs = []
    for in_memory in ("auto", True, False):
        loaders = synthetic(in_memory=in_memory).loaders(**batching)
        batches = [batch for call in loaders.train for batch in call] + [*loaders.val, *loaders.test]
        epochs.append([torch.cat([part[i] for part in batches]) for i in (0, 1)])
    for other in epochs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(epochs[0], other, strict=True))
