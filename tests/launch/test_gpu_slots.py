"""Places on GPUs: whole or shared, spread, kept for those that wait, and explained where there is none."""

import pytest

from sweeplab.errors import ConfigFault
from sweeplab.launch import machine
from sweeplab.launch.gpu_slots import GpuSlots, Threads
from sweeplab.launch.inventory import GIB, FakeInventory
from sweeplab.launch.lease import Leases
from sweeplab.launch.machine import check_devices, make_slots
from sweeplab.launch.slots import CoreSlots, Need

WHOLE = Need()


class Busy(FakeInventory):
    """Devices of which others, who know nothing of sweeplab, use the memory."""

    def __init__(self, asked, free):
        super().__init__(asked)
        self.free = free

    def free_bytes(self, uuid):
        return self.free[uuid] * GIB


@pytest.fixture(autouse=True)
def _plain_environment(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("SWEEPLAB_FAKE_GPUS", raising=False)
    monkeypatch.setenv("SWEEPLAB_LEASES", str(tmp_path / "leases"))


@pytest.fixture
def make(tmp_path):
    """Slots of one sweep; several of them share the machine."""

    def slots(gpus="4x10GiB", *, inventory=None, per_device=1, most=None, min_free=0, threads=1):
        return GpuSlots(
            inventory or FakeInventory(gpus),
            Leases(tmp_path / "leases"),
            cells_per_device=per_device,
            most=most,
            threads=Threads(threads, 4.0),
            min_free_bytes=min_free * GIB,
        )

    return slots


def shown(slot):
    """Numbers of the devices that a cell sees."""
    return [int(uuid.rsplit("-", 1)[1]) for uuid in slot.environment["CUDA_VISIBLE_DEVICES"].split(",")]


def test_each_cell_sees_a_device_of_its_own_by_uuid(make):
    slots = make("2x10GiB")
    first, second = slots.take(WHOLE), slots.take(WHOLE)

    assert first.environment == {"CUDA_VISIBLE_DEVICES": "GPU-fake-0"}
    assert second.environment == {"CUDA_VISIBLE_DEVICES": "GPU-fake-1"}
    assert (first.share, first.devices, first.index, second.index) == (1, 1, 0, 1)
    assert slots.take(WHOLE) is None
    slots.give_back(first)
    assert shown(slots.take(WHOLE)) == [0]


def test_shares_spread_over_the_emptiest_devices(make):
    """Two that share a device slow each other down while another is idle."""
    slots = make("3x10GiB", per_device=3)
    taken = [slots.take(Need(1, 0.33)) for _ in range(9)]

    assert [shown(slot)[0] for slot in taken] == [0, 1, 2] * 3
    assert slots.take(Need(1, 0.33)) is None


def test_two_sweeps_share_the_machine(make):
    one, other = make("2x10GiB"), make("2x10GiB")
    held = one.take(WHOLE)

    assert shown(other.take(WHOLE)) == [1]
    assert other.take(WHOLE) is None
    assert one.take(WHOLE) is None
    one.give_back(held)
    assert shown(other.take(WHOLE)) == [0]


def test_a_cell_on_several_devices_has_them_for_itself(make):
    slots = make("3x10GiB", threads=2)
    slot = slots.take(Need(2))

    assert (shown(slot), slot.devices, slot.share, slot.threads) == ([0, 1], 2, 1, 4)
    assert slots.take(Need(2)) is None
    assert shown(slots.take(WHOLE)) == [2]


def test_more_devices_than_there_are_can_never_be_had(make):
    with pytest.raises(ConfigFault, match=r"runtime\.devices must be <= 4, the number of GPUs .* got 5"):
        make().take(Need(5))


def test_devices_are_kept_for_a_cell_that_waits_for_several(make):
    """Another sweep's short cells would otherwise take each one as it comes free."""
    wide, narrow = make("2x10GiB"), make("2x10GiB")
    running = [narrow.take(WHOLE), narrow.take(WHOLE)]
    assert wide.take(Need(2)) is None
    narrow.give_back(running[0])

    assert narrow.take(WHOLE) is None
    assert wide.take(Need(2)) is None
    narrow.give_back(running[1])
    assert narrow.take(WHOLE) is None
    assert shown(wide.take(Need(2))) == [0, 1]


def test_two_wide_cells_of_two_sweeps_never_wait_for_each_other(make):
    one, other, third = make("4x10GiB"), make("4x10GiB"), make("4x10GiB")
    running = [third.take(WHOLE) for _ in range(4)]
    assert one.take(Need(3)) is None
    assert other.take(Need(3)) is None
    for slot in running:
        third.give_back(slot)
        assert other.take(Need(3)) is None  # whoever asks first after it came free

    first = one.take(Need(3))
    assert first is not None
    assert other.take(Need(3)) is None
    one.give_back(first)
    assert other.take(Need(3)) is not None


def test_sweeps_take_turns(make):
    """Whoever has all devices when another comes gives them up by and by."""
    early, late = make("2x10GiB"), make("2x10GiB")
    running = {0: [early.take(WHOLE), early.take(WHOLE)], 1: []}
    for _ in range(20):
        for which, slots in enumerate((early, late)):
            while slot := slots.take(WHOLE):
                running[which].append(slot)
        longest = 0 if len(running[0]) >= len(running[1]) else 1
        (early, late)[longest].give_back(running[longest].pop(0))
        if running[1]:
            break

    assert running[1]


def test_what_is_kept_is_let_go_of_when_something_else_is_asked_for(make):
    wide, narrow = make("2x10GiB"), make("2x10GiB")
    held = narrow.take(WHOLE)
    assert wide.take(Need(2)) is None
    assert narrow.take(WHOLE) is None
    assert wide.take(Need(1, 0.5)) is not None
    narrow.give_back(held)

    assert narrow.take(WHOLE) is not None


def test_devices_that_others_fill_are_left_alone(make):
    """Those who know nothing of leases are seen by what they use."""
    slots = make(inventory=Busy("3x10GiB", {"GPU-fake-0": 2.1, "GPU-fake-1": 10, "GPU-fake-2": 9.5}), min_free=9)

    assert [shown(slots.take(WHOLE)) for _ in range(2)] == [[1], [2]]
    assert slots.take(WHOLE) is None


def test_the_memory_of_our_own_cells_is_no_hindrance(make):
    inventory = Busy("1x10GiB", {"GPU-fake-0": 10})
    slots = make(inventory=inventory, min_free=9, per_device=2)
    assert slots.take(Need(1, 0.5)) is not None
    inventory.free["GPU-fake-0"] = 4

    assert slots.take(Need(1, 0.5)) is not None


def test_trouble_is_told_in_plain_words(make):
    other = make("4x10GiB")
    for _ in range(3):
        other.take(WHOLE)
    slots = make(inventory=Busy("4x10GiB", {f"GPU-fake-{index}": 2.1 for index in range(4)}), min_free=10)

    assert slots.take(WHOLE) is None
    assert slots.trouble() == ("no GPU is free: 3 are leased by other sweeps, GPU 3 has 2.1 of the 10 GiB asked for")


def test_trouble_names_what_is_ours_and_what_is_kept(make):
    slots, other = make("3x10GiB"), make("3x10GiB")
    slots.take(WHOLE)
    assert slots.take(Need(3)) is None
    assert slots.trouble() == "no 3 GPUs are free at once: 1 is used by this sweep, 2 are free"
    assert other.take(WHOLE) is None
    assert other.trouble() == ("no GPU is free: 1 is leased by other sweeps, 2 are kept for a cell of another sweep")


def test_no_more_cells_train_at_once_than_was_asked_for(make):
    slots = make(most=2)
    first = slots.take(WHOLE)
    slots.take(WHOLE)

    assert slots.at_once == 2
    assert slots.take(WHOLE) is None
    assert slots.trouble() == "2 cells train already, as many as runtime.cells_at_once allows"
    slots.give_back(first)
    assert slots.take(WHOLE) is not None


RUNTIME = {
    "accelerator": "auto",
    "devices": 1,
    "cells_at_once": "auto",
    "cells_per_device": 1,
    "min_free_memory": 0,
    "threads_per_cell": "auto",
}


@pytest.fixture
def _sixteen_cores(monkeypatch):
    monkeypatch.setattr(machine, "available_cores", lambda: 16)


@pytest.mark.usefixtures("_sixteen_cores")
@pytest.mark.parametrize(
    ("changes", "num_cells", "at_once", "threads"),
    [
        ({}, 100, 4, 4),
        ({}, 2, 4, 8),
        ({"cells_at_once": 2}, 100, 2, 8),
        ({"cells_per_device": 2}, 100, 8, 2),
        ({"cells_per_device": 2, "cells_at_once": 4}, 100, 4, 4),
        ({"cells_per_device": 100}, 1000, 400, 1),
        ({"threads_per_cell": 3}, 100, 4, 3),
        ({"cells_per_device": "auto", "threads_per_cell": 3}, 100, 4, 3),
    ],
)
def test_cores_are_divided_among_cells(monkeypatch, changes, num_cells, at_once, threads):
    monkeypatch.setenv("SWEEPLAB_FAKE_GPUS", "4x10GiB")
    slots = make_slots(RUNTIME | changes, num_cells)

    assert slots.at_once == at_once
    assert slots.take(WHOLE).threads == threads
    assert f"torch threads each: {threads}" in slots.describe()


@pytest.mark.usefixtures("_sixteen_cores")
def test_where_shares_are_measured_cores_follow_them(monkeypatch):
    monkeypatch.setenv("SWEEPLAB_FAKE_GPUS", "4x10GiB")
    slots = make_slots(RUNTIME | {"cells_per_device": "auto"}, 100)

    assert slots.describe() == "on 4 GPUs (pretended), as many on each as fit"
    assert [slots.take(need).threads for need in (WHOLE, Need(1, 0.5), Need(1, 0.1))] == [4, 2, 1]


@pytest.mark.parametrize(
    ("accelerator", "places"), [("cpu", 16), ("mps", 1)], ids=["on the CPU", "on a Mac's one device"]
)
@pytest.mark.usefixtures("_sixteen_cores")
def test_gpus_that_nobody_wants_are_left_alone(monkeypatch, accelerator, places):
    monkeypatch.setenv("SWEEPLAB_FAKE_GPUS", "4x10GiB")
    slots = make_slots(RUNTIME | {"accelerator": accelerator}, 100)

    assert isinstance(slots, CoreSlots)
    assert slots.at_once == places


def test_pretended_gpus_cannot_be_trained_on(monkeypatch):
    monkeypatch.setenv("SWEEPLAB_FAKE_GPUS", "4x10GiB")

    with pytest.raises(ConfigFault, match="must be auto or cpu where GPUs are only pretended, got gpu"):
        make_slots(RUNTIME | {"accelerator": "gpu"}, 1)


def test_a_driver_without_a_visible_gpu_is_told_before_cells_fail(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(machine, "has_driver", lambda: True)

    with pytest.raises(ConfigFault, match=r"none can be used \(CUDA_VISIBLE_DEVICES is '';"):
        make_slots(RUNTIME | {"accelerator": "gpu"}, 1)
    assert isinstance(make_slots(RUNTIME, 1), CoreSlots)


def test_cells_that_are_too_wide_are_refused_before_any_trains(monkeypatch, make_cell):
    monkeypatch.setenv("SWEEPLAB_FAKE_GPUS", "2x10GiB")
    cells = [make_cell(runtime={"devices": devices}) for devices in (1, 3)]

    check_devices(RUNTIME, cells[:1])
    check_devices(RUNTIME | {"accelerator": "cpu"}, cells)
    with pytest.raises(ConfigFault, match=r"runtime\.devices must be <= 2"):
        check_devices(RUNTIME, cells)
