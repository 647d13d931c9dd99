"""Curves of one setting against sums by hand: the mean and its interval by epoch."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sweeplab.compare.curves import MAX_POINTS, mean_curve

METRIC = "val/accuracy"


def evaluations(values: list[list[float]]) -> pd.DataFrame:
    """One list per cell, a number per epoch from 1."""
    rows = [
        {"cell_id": str(cell), "epoch": epoch, METRIC: value, "train_time_s": epoch * (cell + 1.0)}
        for cell, own in enumerate(values)
        for epoch, value in enumerate(own, start=1)
    ]
    return pd.DataFrame(rows, columns=["cell_id", "epoch", METRIC, "train_time_s"])


def test_interval_of_four_seeds_is_students_and_goes_with_the_seeds() -> None:
    curve = mean_curve(evaluations([[0.1, 0.5, 0.9], [0.2, 0.6, 0.8], [0.4, 0.5], [0.3, 0.9]]), METRIC)
    assert curve["epoch"].tolist() == [1, 2, 3]
    assert curve["n"].tolist() == [4, 4, 2]
    assert curve["mean"].tolist() == pytest.approx([0.25, 0.625, 0.85])
    own = np.array([0.5, 0.6, 0.5, 0.9])
    expected = stats.t.interval(0.95, 3, loc=own.mean(), scale=stats.sem(own))
    assert (curve["low"][1], curve["high"][1]) == pytest.approx(expected)
    assert curve[["low", "high"]].iloc[2].isna().all()


def test_a_cell_without_a_number_is_left_out_of_everything() -> None:
    curve = mean_curve(evaluations([[0.1, math.nan], [0.2, 0.6], [0.6, 0.8]]), METRIC, also=["train_time_s"])
    assert curve["n"].tolist() == [3, 2]
    assert curve["mean"].tolist() == pytest.approx([0.3, 0.7])
    assert curve["train_time_s"].tolist() == pytest.approx([2, 5])


def test_many_epochs_are_thinned_to_first_and_last() -> None:
    curve = mean_curve(evaluations([list(np.linspace(0, 1, 1234))] * 3), METRIC)
    assert len(curve) <= MAX_POINTS + 1
    assert curve["epoch"].iloc[[0, -1]].tolist() == [1, 1234]
    assert set(curve["epochs"]) == {1234}
    assert curve["mean"].tolist() == pytest.approx(((curve["epoch"] - 1) / 1233).tolist())


def test_nothing_gives_nothing() -> None:
    assert mean_curve(evaluations([]), METRIC).empty
    assert mean_curve(evaluations([[math.nan]]), METRIC).empty


@given(st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=6), min_size=3, max_size=7), st.randoms())
def test_order_of_rows_is_of_no_account(values: list[list[float]], random: st.DataObject) -> None:
    table = evaluations(values)
    shuffled = table.sample(frac=1, random_state=random.randrange(2**32))  # type: ignore[attr-defined]
    pd.testing.assert_frame_equal(mean_curve(shuffled, METRIC), mean_curve(table, METRIC), rtol=1e-9)
