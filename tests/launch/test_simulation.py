"""Schedules on pretended GPUs with a clock of our own and no processes: nothing overbooked, nothing starved, all ended.

Leases are the real ones, in real files: several sweeps in one process keep off each other as several processes do.
"""

import heapq
import itertools
import random
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeplab import record
from sweeplab.cell import Cell
from sweeplab.launch.gpu_slots import GpuSlots, Threads
from sweeplab.launch.inventory import GIB, FakeInventory
from sweeplab.launch.lease import Leases
from sweeplab.launch.needs import make_needs
from sweeplab.launch.queue import Queue
from sweeplab.launch.schedule import Placed, Schedule

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="locks of open files as Linux has them")

NUM_GPUS = 8
MEMORY = 16 * GIB
STATES = [record.COMPLETED] * 6 + [record.FAILED, record.CRASHED, record.DIVERGED]


class Everything:
    """All cells are ours."""

    def __init__(self):
        self.held = set()

    def take(self, cell):
        assert cell.id not in self.held
        self.held.add(cell.id)
        return True

    def give_back(self, cell):
        self.held.remove(cell.id)

    def is_lost(self, cell):
        return False

    def finished(self, cell):
        return None


@dataclass
class Sweep:
    """One of those that share the machine."""

    schedule: Schedule
    claims: Everything
    cells: list[Cell]
    fates: dict[str, dict]
    ended: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    was_alone: set[str] = field(default_factory=set)


class World:
    """Devices, what is on them, and the time."""

    def __init__(self):
        self.now = 0.0
        self.running = []  # (end, tie, sweep, placed)
        self.load = defaultdict(Counter)  # per cent by cell, by device
        self.ties = itertools.count()
        self.head_since = {}
        self.longest_wait = 0.0
        self.most_at_once = 0

    def start(self, sweep, placed):
        share, devices = placed.slot.share, placed.slot.environment["CUDA_VISIBLE_DEVICES"].split(",")
        assert len(set(devices)) == len(devices) == placed.slot.devices
        assert placed.slot.devices == placed.cell.config["runtime"]["devices"]
        assert share == 1 or placed.slot.devices == 1
        for device in devices:
            self.load[device][placed.cell.id] = round(share * 100)
            assert sum(self.load[device].values()) <= 100, f"{device} is overbooked"
            assert share < 1 or len(self.load[device]) == 1, f"{device} is not whole"
        seconds = sweep.fates[placed.cell.id]["seconds"]
        heapq.heappush(self.running, (self.now + seconds, next(self.ties), sweep, placed))
        self.most_at_once = max(self.most_at_once, len(self.running))
        if share == 1:
            sweep.was_alone.add(placed.cell.id)

    def end(self):
        self.now, _, sweep, placed = heapq.heappop(self.running)
        for device in placed.slot.environment["CUDA_VISIBLE_DEVICES"].split(","):
            del self.load[device][placed.cell.id]
        self.conclude(sweep, placed)

    def conclude(self, sweep, placed: Placed):
        fate = sweep.fates[placed.cell.id]
        state = fate["state"]
        if fate["memory"] and placed.slot.share < 1 and len(sweep.ended[placed.cell.id]) == 0:
            state = record.OUT_OF_MEMORY
        sweep.ended[placed.cell.id].append(state)
        result = {
            **record.blank_result(placed.cell),
            "state": state,
            "epochs": 1,
            "wall_time_s": fate["seconds"],
            "peak_memory_bytes": fate["peak"] if state == record.COMPLETED else None,
            "num_parameters": 1000,
        }
        again = sweep.schedule.ended(placed, result)
        assert again == (state == record.OUT_OF_MEMORY)

    def run(self, sweeps, rng):
        """Everyone starts what can be, in any order, whenever something has ended."""
        while True:
            # twice, since who comes first in line may only then keep what it waits for
            for sweep in [*rng.sample(sweeps, len(sweeps)), *rng.sample(sweeps, len(sweeps))]:
                while placed := sweep.schedule.start():
                    self.start(sweep, placed)
            if not self.running:
                break
            self.end()
        assert all(sweep.schedule.is_done for sweep in sweeps)


def cells_of(rng, num_cells, widest, number):
    cells, fates = [], {}
    for index in range(num_cells):
        config = {
            "model": {"width": rng.randint(1, 3)},
            "dataset": {},
            "batch_size": 1,
            "max_epochs": 1,
            "optimizer": {"_target_": rng.choice(["Adam", "SGD"])},
            "runtime": {"devices": rng.choice([1, 1, 1, *range(2, widest + 1)])},
        }
        cell = Cell(f"{number}.{index}", config, {"lr": index // 2, "seed": index % 2})
        peak = config["model"]["width"] * GIB + rng.randrange(GIB // 8)
        memory = rng.random() < 0.2
        state = record.COMPLETED if memory else rng.choice(STATES)
        fates[cell.id] = {"seconds": rng.uniform(0.1, 10), "state": state, "peak": peak, "memory": memory}
        cells.append(cell)
    return cells, fates


def sweep_of(rng, folder, per_device, world, *, number=0, num_cells=40, widest=4, order="breadth", gpus=NUM_GPUS):
    cells, fates = cells_of(rng, num_cells, widest, number)
    slots = GpuSlots(
        FakeInventory(f"{gpus}x16GiB"),
        Leases(folder),
        cells_per_device=None if per_device == "auto" else per_device,
        most=None,
        threads=Threads(1, 1.0),
        min_free_bytes=0,
    )
    claims = Everything()
    queue = Queue(cells, order=order, seconds_per_epoch={})
    needs = make_needs({"cells_per_device": per_device}, slots)
    schedule = Schedule(queue, slots=slots, needs=needs, claims=claims, clock=lambda: world.now)
    return Sweep(schedule, claims, cells, fates)


@pytest.fixture(autouse=True)
def _all_gpus(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def check(world, sweeps, folder):
    """Every cell has ended once in its last state; one that ran out of memory was tried alone, once; all is free."""
    for sweep in sweeps:
        assert sorted(sweep.ended) == sorted(cell.id for cell in sweep.cells)
        for cell in sweep.cells:
            found, fate = sweep.ended[cell.id], sweep.fates[cell.id]
            assert found[-1] == fate["state"]
            assert found[:-1] in ([], [record.OUT_OF_MEMORY])
            assert len(found) == 1 or cell.id in sweep.was_alone
            assert (len(found) == 2) <= fate["memory"]
        assert not sweep.claims.held
    assert not any(+load for load in world.load.values())
    assert all(Leases(folder).free(f"GPU-fake-{index}") == 100 for index in range(NUM_GPUS))


@pytest.mark.parametrize("per_device", [1, 3, "auto"])
@given(seed=st.integers(0, 2**32), order=st.sampled_from(["breadth", "shuffle", "as_written"]))
@settings(max_examples=20)
def test_forty_cells_on_eight_gpus(tmp_path_factory, per_device, seed, order):
    rng, world, folder = random.Random(seed), World(), tmp_path_factory.mktemp("leases")
    sweep = sweep_of(rng, folder, per_device, world, order=order)
    world.run([sweep], rng)

    check(world, [sweep], folder)
    assert world.most_at_once <= NUM_GPUS * {1: 1, 3: 3, "auto": 100}[per_device]


@pytest.mark.parametrize("per_device", [1, 3, "auto"])
@given(seed=st.integers(0, 2**32), num_sweeps=st.integers(2, 3))
@settings(max_examples=10)
def test_several_sweeps_on_the_same_gpus(tmp_path_factory, per_device, seed, num_sweeps):
    rng, world, folder = random.Random(seed), World(), tmp_path_factory.mktemp("leases")
    kinds = [per_device, *rng.choices([1, 3, "auto"], k=num_sweeps - 1)]
    sweeps = [sweep_of(rng, folder, kind, world, number=n, num_cells=15) for n, kind in enumerate(kinds)]
    world.run(sweeps, rng)

    check(world, sweeps, folder)


def test_shares_are_used(tmp_path):
    """What fits is put together: peaks of 1 to 3 GiB on devices of which 12.8 GiB are to be used."""
    rng, world = random.Random(0), World()
    sweep = sweep_of(rng, tmp_path / "leases", "auto", world, num_cells=200, widest=1)
    world.run([sweep], rng)

    check(world, [sweep], tmp_path / "leases")
    assert world.most_at_once > 2 * NUM_GPUS
    assert sum(len(found) == 2 for found in sweep.ended.values()) > 10


@given(seed=st.integers(0, 2**32))
@settings(max_examples=8)
def test_a_wide_cell_does_not_starve_beside_a_sweep_of_narrow_ones(tmp_path_factory, seed):
    """However many of those are to come: it waits for one to be served first, and then for those that already train.

    Each takes at most the 10 seconds of the longest cell.
    """
    rng, world, folder = random.Random(seed), World(), tmp_path_factory.mktemp("leases")
    narrow = sweep_of(rng, folder, 3, world, number=0, num_cells=200, widest=1, gpus=4)
    while placed := narrow.schedule.start():
        world.start(narrow, placed)
    wide = sweep_of(rng, folder, 1, world, number=1, num_cells=1, widest=1, gpus=4)
    wide.cells[0].config["runtime"]["devices"] = 4
    since, started = world.now, None
    assert wide.schedule.start() is None
    while started is None:
        world.end()
        sweeps = rng.sample([narrow, wide], 2)
        for sweep in sweeps:
            while placed := sweep.schedule.start():
                world.start(sweep, placed)
                started = world.now if sweep is wide else started

    assert started - since <= 20
    world.run([narrow, wide], rng)
    check(world, [narrow, wide], folder)
