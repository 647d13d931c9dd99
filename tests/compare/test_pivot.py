"""Settings laid out over two directions, each in its own place."""

import math

import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sweeplab.compare import pivot, summarise
from sweeplab.errors import ConfigFault

CELLS = pd.DataFrame(
    {
        "state": ["completed", "completed", "completed", "diverged"],
        "optimizer": ["radam", "radam", "adam", "adam"],
        "momentum": [None, None, 0.9, 0.9],
        "lr": [0.1, 0.1, 0.1, 0.01],
        "seed": [0, 1, 0, 0],
        "test/accuracy": [0.2, 0.4, 0.5, math.nan],
    }
)
SUMMARY = summarise(CELLS, ["optimizer", "momentum", "lr", "seed"])


def test_mean_spread_and_counts_lie_over_each_other() -> None:
    grid = pivot(SUMMARY, ["optimizer"], "lr", "test/accuracy")
    assert grid.index.tolist() == [("radam",), ("adam",)]
    assert grid["mean"].columns.tolist() == [0.1, 0.01]
    assert_allclose(grid["mean"].to_numpy(), [[0.3, math.nan], [0.5, math.nan]])
    # 0.2 and 0.4 lie 0.1 from their mean: sqrt(0.01 + 0.01)
    assert grid["std"].to_numpy()[0, 0] == pytest.approx(math.sqrt(0.02))
    assert_allclose(grid["n"].to_numpy(), [[2, math.nan], [1, 0]])
    assert_allclose(grid["diverged"].to_numpy(), [[0, math.nan], [0, 1]])


def test_rows_may_be_named_by_axes_that_do_not_exist_everywhere() -> None:
    grid = pivot(SUMMARY, ["optimizer", "momentum"], "lr", "test/accuracy")
    assert_allclose(grid["mean"].to_numpy(), [[0.3, math.nan], [0.5, math.nan]])


def test_missing_value_can_head_a_column() -> None:
    grid = pivot(SUMMARY, ["optimizer", "lr"], "momentum", "test/accuracy")
    assert_allclose(grid["cells"].to_numpy(), [[2, math.nan], [math.nan, 1], [math.nan, 1]])


def test_two_settings_in_one_place_are_refused() -> None:
    with pytest.raises(ConfigFault, match=r"one place of the pivot · momentum by optimizer · rows that also name lr"):
        pivot(SUMMARY, ["momentum"], "optimizer", "test/accuracy")


def test_cells_that_recorded_the_metric_are_counted() -> None:
    cells = CELLS.assign(**{"optimizer/x": [1.0, 2.0, math.nan, math.nan]})
    grid = pivot(summarise(cells, ["optimizer", "lr", "seed"]), ["optimizer"], "lr", "optimizer/x")
    assert grid["recorded"].loc["adam", 0.1].item() == 0
    assert grid["recorded"].loc["radam", 0.1].item() == 2
