"""What cells need: fixed shares, or those that the first of each kind has measured."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeplab import record
from sweeplab.launch.gpu_slots import GpuSlots, Threads
from sweeplab.launch.inventory import GIB, Device, FakeInventory
from sweeplab.launch.lease import Leases
from sweeplab.launch.needs import FixedNeeds, MeasuredNeeds, make_needs, share_of
from sweeplab.launch.slots import CoreSlots, Need, Slot

ADAM = {"_target_": "torch.optim.Adam"}
SGD = {"_target_": "torch.optim.SGD"}
PARAMETERS = 50_000_000


@pytest.fixture
def cell(make_cell):
    """A cell of one kind unless told otherwise."""

    def make(devices=1, **changes):
        asked = {"optimizer": ADAM, "precision": "32-true", "eval_batch_size": 1000, **changes}
        return make_cell(runtime={"output_dir": "outputs", "devices": devices}, **asked)

    return make


def ended(cell, peak_gib, *, state=record.COMPLETED, device="pretended"):
    known = {"state": state, "peak_memory_bytes": peak_gib and int(peak_gib * GIB), "num_parameters": PARAMETERS}
    return {**record.blank_result(cell), **known, "provenance": {"device": device}}


def slot(share=1.0):
    return Slot(0, 1, share=share)


@given(st.integers(1, 100))
def test_never_more_cells_share_a_device_than_was_asked_for(number):
    per_cent = round(share_of(number) * 100)

    assert per_cent == pytest.approx(share_of(number) * 100)
    assert 100 // per_cent <= number
    assert number > 12 or 100 // per_cent == number


def test_very_many_cells_share_a_device_by_the_smallest_share_there_is():
    assert share_of(500) == 0.01


def test_a_wide_cell_shares_with_nobody(cell):
    needs = FixedNeeds(4)

    assert needs.need(cell()) == Need(1, 0.25)
    assert needs.need(cell(devices=2)) == Need(2, 1.0)
    assert FixedNeeds(1).need(cell()) == Need(1, 1.0)


def test_the_first_of_a_kind_is_alone_and_tells_what_the_others_take(cell):
    """4 GiB of the 0.8 * 20 GiB that cells may use are a quarter."""
    needs = MeasuredNeeds(20 * GIB)
    assert needs.need(cell()) == Need(1, 1.0)
    needs.learn(cell(), slot(), ended(cell(), 4))

    assert needs.need(cell(seed=1)) == Need(1, 0.25)
    assert needs.need(cell(lr=0.5)) == Need(1, 0.25)
    for other in ({"batch_size": 64}, {"precision": "bf16-mixed"}, {"eval_batch_size": 1}, {"model": {"a": 1}}):
        assert needs.need(cell(**other)) == Need(1, 1.0)


def test_shares_are_rounded_up(cell):
    needs = MeasuredNeeds(10 * GIB, [ended(cell(), 1.001)])

    assert needs.need(cell(seed=1)) == Need(1, 0.13)


def test_what_takes_more_than_is_to_be_used_has_its_device_for_itself(cell):
    assert MeasuredNeeds(10 * GIB, [ended(cell(), 8)]).need(cell(seed=1)) == Need(1, 1.0)
    assert MeasuredNeeds(0, [ended(cell(), 8)]).need(cell(seed=1)) == Need(1, 1.0)


def test_the_largest_peak_of_a_kind_counts(cell):
    needs = MeasuredNeeds(20 * GIB, [ended(cell(), 4), ended(cell(seed=1), 8), ended(cell(seed=2), 2)])

    assert needs.need(cell(seed=3)) == Need(1, 0.5)


def test_an_optimizer_that_is_not_known_yet_has_room_for_its_state(cell):
    """Three copies of all parameters in 4 bytes each; and its own figure once there is one."""
    needs = MeasuredNeeds(20 * GIB, [ended(cell(optimizer=SGD), 4)])
    expected = (4 + 3 * 4 * PARAMETERS / GIB) / 16

    assert needs.need(cell(optimizer=SGD, seed=1)) == Need(1, 0.25)
    assert expected < needs.need(cell()).share < expected + 0.01
    needs.learn(cell(), slot(0.29), ended(cell(), 4.1))
    assert needs.need(cell(seed=1)) == Need(1, 0.26)


@pytest.mark.parametrize("state", [record.FAILED, record.DIVERGED, record.CRASHED])
def test_a_cell_that_has_not_completed_tells_nothing(cell, state):
    """Who knows how far it came."""
    needs = MeasuredNeeds(20 * GIB)
    needs.learn(cell(), slot(), ended(cell(), 1, state=state))

    assert needs.need(cell(seed=1)) == Need(1, 1.0)


def test_out_of_memory_raises_what_is_believed(cell):
    needs = MeasuredNeeds(20 * GIB, [ended(cell(), 4)])
    needs.learn(cell(seed=1), slot(0.25), ended(cell(seed=1), None, state=record.OUT_OF_MEMORY))
    assert needs.need(cell(seed=2)) == Need(1, 0.38)
    needs.learn(cell(seed=1), slot(), ended(cell(seed=1), 7))
    assert needs.need(cell(seed=2)) == Need(1, 0.44)
    needs.learn(cell(seed=2), slot(), ended(cell(seed=2), None, state=record.OUT_OF_MEMORY))
    assert needs.need(cell(seed=3)) == Need(1, 1.0)


def test_wide_cells_neither_share_nor_tell(cell):
    """Part of a batch on each device is no measure of a whole one."""
    needs = MeasuredNeeds(20 * GIB, [ended(cell(devices=2), 4)])

    assert needs.need(cell()) == Need(1, 1.0)
    assert needs.need(cell(devices=2)) == Need(2, 1.0)


def slots_on(inventory, tmp_path):
    leases = Leases(Path(tmp_path) / "leases")
    return GpuSlots(inventory, leases, cells_per_device=None, most=None, threads=Threads(1, 1.0), min_free_bytes=0)


class Real(FakeInventory):
    is_real = True

    def devices(self):
        return [Device("GPU-1", "NVIDIA H200", 20 * GIB, 0)]


def test_only_what_was_measured_on_such_a_device_counts(cell, tmp_path):
    """A peak of main memory, or of another card, says nothing of this one."""
    slots = slots_on(Real("1x20GiB"), tmp_path)
    known = [ended(cell(), 4, device="a processor"), ended(cell(batch_size=64), 4, device="NVIDIA H200")]
    needs = make_needs({"cells_per_device": "auto"}, slots, known)

    assert needs.need(cell()) == Need(1, 1.0)
    assert needs.need(cell(batch_size=64)) == Need(1, 0.25)


def test_the_smallest_device_counts(tmp_path):
    class Mixed(FakeInventory):
        def devices(self):
            return [Device("GPU-1", "large", 80 * GIB, 0), Device("GPU-2", "small", 20 * GIB, 1)]

    assert slots_on(Mixed("1x1GiB"), tmp_path).memory_bytes == 20 * GIB


def test_shares_are_measured_only_where_there_are_gpus(cell, tmp_path):
    assert isinstance(make_needs({"cells_per_device": 3}, slots_on(FakeInventory("1x20GiB"), tmp_path)), FixedNeeds)
    on_cores = make_needs({"cells_per_device": "auto"}, CoreSlots(2, 1), [ended(cell(), 4)])

    assert on_cores.need(cell()) == Need(1, 1.0)
