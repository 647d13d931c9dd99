"""Times of cells that shared their device: marked, and left out of what compares times."""

import math

import pandas as pd
import pytest

from sweeplab.compare.clock import fair_unit, shared_cells, sharing_notes, without_shared_times

CELLS = pd.DataFrame(
    {
        "cell_id": ["a", "b", "c"],
        "workload": [0, 0, 0],
        "train_time_s": [1.0, 2.0, 3.0],
        "wall_time_s": [2.0, 3.0, 4.0],
        "test/accuracy": [0.1, 0.2, 0.3],
    }
)


def origins(*shares):
    return pd.DataFrame({"cell_id": ["a", "b", "c"], "device": "card", "threads": 1, "device_share": shares})


ALONE = origins(None, None, 1.0)
SHARED = origins(None, 0.33, 0.5)


def test_shared_cells_are_told_by_their_record():
    assert shared_cells(SHARED) == ["b", "c"]
    assert shared_cells(ALONE) == []
    assert shared_cells(SHARED.drop(columns="device_share")) == []


def test_times_of_shared_cells_are_left_out_and_nothing_else_is():
    found = without_shared_times(CELLS, SHARED)

    assert found["train_time_s"].tolist()[0] == 1
    assert found[["train_time_s", "wall_time_s"]].isna().all(axis=1).tolist() == [False, True, True]
    pd.testing.assert_frame_equal(
        found.drop(columns=["train_time_s", "wall_time_s"]), CELLS.drop(columns=["train_time_s", "wall_time_s"])
    )


def test_curves_are_treated_alike():
    curves = pd.DataFrame({"cell_id": ["a", "b", "b"], "epoch": [1, 1, 2], "train_time_s": [1.0, 1.0, 2.0]})

    assert [math.isnan(time) for time in without_shared_times(curves, SHARED)["train_time_s"]] == [False, True, True]


@pytest.mark.parametrize("known", [ALONE, None, ALONE.drop(columns="device_share")])
def test_times_of_cells_that_were_alone_stay(known):
    pd.testing.assert_frame_equal(without_shared_times(CELLS, known), CELLS)
    assert sharing_notes(known) == []


def test_it_is_said_below_the_table():
    assert sharing_notes(SHARED) == ["2 cells shared their device with others: their times are left out."]
    assert sharing_notes(origins(None, None, 0.5))[0].startswith("1 cell shared")


def test_seconds_are_fair_where_records_say_that_all_were_alone():
    assert fair_unit("seconds", CELLS, ALONE, ran_alone=False) == ("seconds", [])


def test_seconds_become_steps_where_some_shared():
    words = "seconds were asked for, steps are shown: 2 cells shared their device with others"
    assert fair_unit("seconds", CELLS, SHARED, ran_alone=True) == ("steps", [words])
    assert fair_unit("steps", CELLS, SHARED, ran_alone=True) == ("steps", [])
