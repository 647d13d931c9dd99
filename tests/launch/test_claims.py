"""Claims of one process on the cells of a folder, and the schedule that goes by them."""

import time

import pytest
from sweeping import wait_for

from sweeplab import record
from sweeplab.launch.claims import FolderClaims
from sweeplab.launch.needs import FixedNeeds
from sweeplab.launch.queue import Queue
from sweeplab.launch.schedule import Schedule
from sweeplab.launch.slots import CoreSlots

RUNTIME = {"devices": 1}


@pytest.fixture
def cells(make_cell):
    return [make_cell(seed=seed, runtime=RUNTIME) for seed in range(4)]


def claims_on(folder, before=(), lease_s=60.0):
    return FolderClaims(str(folder), lease_s=lease_s, before=dict(before))


def schedule_of(cells, claims, **more):
    queue = Queue(cells, order="as_written", seconds_per_epoch={})
    return Schedule(queue, slots=CoreSlots(8, 1), needs=FixedNeeds(1), claims=claims, **more)


def test_what_is_left_is_released_at_the_end(tmp_path, cells):
    with claims_on(tmp_path) as claims:
        assert claims.take(cells[0])
        assert claims.take(cells[1])
        assert not claims.take(cells[1])
        claims.give_back(cells[1])

    assert list(tmp_path.glob("cells/*/*")) == []


def test_a_cell_that_another_has_ended_is_not_taken(tmp_path, cells, finish):
    """Interrupted ones are; failed ones are not, unless that failure is what one set out to try again."""
    finish(tmp_path, cells[0], attempt=1)
    finish(tmp_path, cells[1], state=record.FAILED, attempt=2)
    finish(tmp_path, cells[2], state=record.INTERRUPTED, attempt=1)
    with claims_on(tmp_path) as claims:
        fresh = [claims.take(cell) for cell in cells]
    with claims_on(tmp_path, {cells[0].id: 1, cells[1].id: 2}) as claims:
        again = [claims.take(cell) for cell in cells]
    with claims_on(tmp_path, {cells[1].id: 1}) as claims:
        failed_since = [claims.take(cell) for cell in cells]

    assert fresh == [False, False, True, True]
    assert again == [True] * 4
    assert failed_since == fresh


def test_a_cell_of_ones_own_may_be_taken_again(tmp_path, cells, finish):
    """One that ran out of memory tries again with its device for itself."""
    with claims_on(tmp_path) as claims:
        assert claims.take(cells[0])
        finish(tmp_path, cells[0], state=record.OUT_OF_MEMORY, attempt=1)
        claims.give_back(cells[0])
        assert claims.take(cells[0])


def test_claims_are_renewed_while_they_are_held(tmp_path, cells):
    path = record.cell_folder(tmp_path, cells[0].id).claim(1)
    with claims_on(tmp_path, lease_s=0.3) as claims:
        claims.take(cells[0])
        first = path.stat().st_mtime_ns
        renewed = wait_for(lambda: path.stat().st_mtime_ns > first, seconds=20)

    assert renewed


def test_a_lost_claim_is_noticed_and_the_cell_is_somebody_elses(tmp_path, cells):
    with claims_on(tmp_path, lease_s=0.3) as claims:
        schedule = schedule_of(cells[:1], claims)
        placed = schedule.start()
        was_lost = schedule.is_lost(placed)
        record.cell_folder(tmp_path, cells[0].id).claim(1).unlink()
        noticed = wait_for(lambda: schedule.is_lost(placed), seconds=20)
        schedule.lost(placed)

        assert not was_lost
        assert noticed
        assert schedule.held_elsewhere == 1
        assert not schedule.is_lost(placed)
        assert schedule.states == {}


def test_what_the_dead_have_left_on_finished_cells_is_removed(tmp_path, cells, finish):
    """And what the living hold is not."""
    for cell in cells[:2]:
        finish(tmp_path, cell, attempt=1)
        assert record.claim(record.cell_folder(tmp_path, cell.id), lease_s=60)
    [path] = record.cell_folder(tmp_path, cells[0].id).claims()
    path.write_text(path.read_text().replace('"process_start": "', '"process_start": "7'))
    claims_on(tmp_path).tidy(cells)

    assert [len(record.cell_folder(tmp_path, cell.id).claims()) for cell in cells] == [0, 1, 0, 0]


def test_a_schedule_starts_no_more_than_its_limit(tmp_path, cells):
    with claims_on(tmp_path) as claims:
        schedule = schedule_of(cells, claims, limit=2)
        placed = [schedule.start() for _ in range(3)]

        assert [one.cell.id for one in placed[:2]] == [cell.id for cell in cells[:2]]
        assert placed[2] is None
        assert schedule.is_done


def test_a_schedule_that_does_not_stay_is_done_when_all_is_held_by_others(tmp_path, cells):
    with claims_on(tmp_path) as others, claims_on(tmp_path) as claims:
        for cell in cells:
            others.take(cell)
        leaves = schedule_of(cells, claims, stays=False)
        stays = schedule_of(cells, claims, clock=time.monotonic)

        assert leaves.start() is None
        assert stays.start() is None
        assert leaves.is_done
        assert not stays.is_done
        assert leaves.held_elsewhere == stays.held_elsewhere == 4
