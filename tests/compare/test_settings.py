"""Cells become settings: nothing is dropped, nothing is averaged in silence."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeplab.compare import summarise, varying
from sweeplab.compare.settings import STATISTICS
from sweeplab.errors import EmptyComparison

ON_PAPER = pd.DataFrame(
    {
        "cell_id": list("abcdefg"),
        "state": ["completed", "completed", "completed", "completed", "diverged", "failed", "pending"],
        "optimizer": ["adam", "adam", "adam", "sgdm", "sgdm", "sgdm", "lion"],
        "optimizer.momentum": [None, None, None, 0.9, 0.9, 0.9, None],
        "seed": [0, 1, 2, 0, 1, 2, 0],
        "val/accuracy": [0.5, 0.6, 0.7, 0.9, math.nan, math.nan, math.nan],
    }
)
AXES = ["optimizer", "optimizer.momentum", "seed"]


def row(summary: pd.DataFrame, optimizer: str) -> dict[str, object]:
    return summary[summary["optimizer"] == optimizer].iloc[0].to_dict()


def test_mean_and_sample_deviation_over_seeds() -> None:
    adam = row(summarise(ON_PAPER, AXES), "adam")
    assert (adam["cells"], adam["n"]) == (3, 3)
    # 0.5, 0.6, 0.7: squared deviations 0.01 + 0 + 0.01, over n - 1 = 2
    assert adam["val/accuracy/mean"] == pytest.approx(0.6)
    assert adam["val/accuracy/std"] == pytest.approx(0.1)


def test_lost_cells_stay_in_the_row_and_are_named() -> None:
    sgdm = row(summarise(ON_PAPER, AXES), "sgdm")
    assert (sgdm["cells"], sgdm["n"], sgdm["diverged"], sgdm["failed"], sgdm["pending"]) == (3, 1, 1, 1, 0)
    assert sgdm["val/accuracy/mean"] == 0.9
    assert math.isnan(sgdm["val/accuracy/std"])


def test_setting_without_result_stays_a_row() -> None:
    lion = row(summarise(ON_PAPER, AXES), "lion")
    assert (lion["cells"], lion["n"], lion["pending"]) == (1, 0, 1)
    assert math.isnan(lion["val/accuracy/mean"])


def test_axis_that_does_not_exist_for_a_cell_loses_no_row() -> None:
    assert summarise(ON_PAPER, AXES)["optimizer"].tolist() == ["adam", "sgdm", "lion"]


def test_only_states_that_occur_get_a_column() -> None:
    columns = list(summarise(ON_PAPER, AXES).columns)
    assert columns[:7] == ["optimizer", "optimizer.momentum", "cells", "n", "diverged", "failed", "pending"]


def test_nan_of_a_completed_cell_is_not_averaged_away() -> None:
    cells = pd.DataFrame({"state": ["completed"] * 3, "seed": [0, 1, 2], "val/accuracy": [0.9, math.nan, 0.9]})
    summary = summarise(cells, ["seed"])
    assert summary["n"].tolist() == [3]
    assert summary[["val/accuracy/mean", "val/accuracy/std"]].isna().all(axis=None)


def test_metric_of_a_cell_without_result_does_not_count() -> None:
    cells = pd.DataFrame({"state": ["completed", "interrupted"], "seed": [0, 1], "val/accuracy": [0.8, 0.2]})
    assert summarise(cells, ["seed"])["val/accuracy/mean"].tolist() == [0.8]


def test_number_flag_and_word_are_three_values_and_whole_floats_are_integers() -> None:
    cells = pd.DataFrame({"state": ["completed"] * 5, "x": pd.Series([1, 1.0, True, "1", [1]], dtype=object)})
    summary = summarise(cells, ["x"])
    assert summary["cells"].tolist() == [2, 1, 1, 1]


def test_no_axes_make_one_setting() -> None:
    assert summarise(ON_PAPER, ["seed"])[["cells", "n"]].to_numpy().tolist() == [[7, 4]]


def test_no_result_at_all_gives_counts_only() -> None:
    cells = pd.DataFrame({"state": ["pending", "running"], "lr": [0.1, 0.2]})
    assert summarise(cells, ["lr"])["n"].tolist() == [0, 0]


def test_no_cell_is_refused_in_words() -> None:
    with pytest.raises(EmptyComparison, match=r"nothing to compare · 0 cells · .*sweep\.json"):
        summarise(ON_PAPER.iloc[:0], AXES)


def test_varying_counts_absence_as_a_value() -> None:
    assert varying(ON_PAPER, AXES) == AXES
    assert varying(ON_PAPER.iloc[:3], AXES) == ["seed"]


STATES = st.sampled_from(["completed", "diverged", "failed", "out_of_memory", "running"])
CELLS = st.lists(
    st.tuples(st.sampled_from(["adam", "sgdm", None]), st.sampled_from([0.1, 0.01]), STATES, st.floats(0, 1)),
    min_size=1,
    max_size=20,
)


def frame(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["optimizer", "lr", "state", "val/accuracy"])


@given(CELLS)
def test_every_cell_is_counted_once(rows: list[tuple[object, ...]]) -> None:
    summary = summarise(frame(rows), ["optimizer", "lr"])
    states = summary.drop(columns=["optimizer", "lr", "cells", *(name for name in summary if "/" in name)])
    assert summary["cells"].sum() == len(rows)
    assert (states.sum(axis=1) == summary["cells"]).all()


@given(CELLS, st.randoms())
def test_order_of_rows_changes_only_the_order_of_settings(rows: list[tuple[object, ...]], random: object) -> None:
    shuffled = sorted(rows, key=lambda _: random.random())  # type: ignore[attr-defined]
    one, other = (
        summarise(frame(cells), ["optimizer", "lr"]).fillna({"optimizer": ""}).set_index(["optimizer", "lr"])
        for cells in (rows, shuffled)
    )
    pd.testing.assert_frame_equal(one, other.loc[one.index, one.columns], check_exact=False)


@given(CELLS)
def test_settings_come_in_order_of_first_appearance(rows: list[tuple[object, ...]]) -> None:
    summary = summarise(frame(rows), ["optimizer", "lr"])
    found = [
        (None if pd.isna(name) else name, lr) for name, lr in zip(summary["optimizer"], summary["lr"], strict=True)
    ]
    assert found == list(dict.fromkeys((name, lr) for name, lr, *_ in rows))


def test_metric_that_some_cells_recorded_is_counted_beside_its_mean() -> None:
    cells = pd.DataFrame(
        {
            "state": ["completed", "completed", "completed", "diverged"],
            "optimizer": ["swats", "swats", "adam", "swats"],
            "optimizer/switch_step": [10.0, math.nan, math.nan, 30.0],
            "val/accuracy": [0.5, 0.5, 0.5, math.nan],
        }
    )
    summary = summarise(cells, ["optimizer"])
    assert summary["optimizer/switch_step/n"].tolist() == [1, 0]
    assert summary["optimizer/switch_step/mean"].isna().all()
    assert "val/accuracy/n" not in summary


def test_statistics_over_seeds_on_paper() -> None:
    values = [0.9, 0.1, 0.5, 0.6, 0.7, 0.3, 0.4, 0.8]
    cells = pd.DataFrame({"state": "completed", "seed": range(8), "val/accuracy": values, "val/loss": values})
    summary = summarise(cells, ["seed"]).iloc[0]
    # 0.1 0.3 | 0.4 0.5 0.6 0.7 | 0.8 0.9
    assert summary["val/accuracy/iqm"] == pytest.approx(0.55)
    assert summary["val/accuracy/median"] == pytest.approx(0.55)
    assert (summary["val/accuracy/best"], summary["val/loss/best"]) == (0.9, 0.1)
    assert summary["val/accuracy/low"] < summary["val/accuracy/mean"] < summary["val/accuracy/high"]


def test_interval_of_three_seeds_is_that_of_students_t() -> None:
    adam = row(summarise(ON_PAPER, AXES), "adam")
    # 0.6 ± 4.302653 * 0.1 / sqrt(3)
    assert (adam["val/accuracy/low"], adam["val/accuracy/high"]) == pytest.approx((0.3515862, 0.8484138))


def test_settings_of_different_numbers_of_seeds_keep_their_own_numbers() -> None:
    groups = {"a": [0.1, 0.2, 0.3], "b": [0.5], "c": [0.6, 0.7, 0.8], "d": [0.2, 0.9]}
    rows = [(name, "completed", value) for name, values in groups.items() for value in values]
    cells = pd.DataFrame([rows[i] for i in (8, 3, 0, 4, 7, 1, 5, 2, 6)], columns=["x", "state", "val/accuracy"])
    summary = summarise(cells, ["x"]).set_index("x")
    for name, values in groups.items():
        assert summary.loc[name, "val/accuracy/median"] == pytest.approx(sum(values) / len(values))
        assert summary.loc[name, "val/accuracy/best"] == max(values)
        assert math.isnan(summary.loc[name, "val/accuracy/low"]) == (len(values) < 3)


def test_a_completed_cell_without_the_number_takes_every_statistic_of_it() -> None:
    cells = pd.DataFrame(
        {"state": "completed", "x": [1] * 4 + [2] * 4, "val/accuracy": [0.1, 0.2, math.nan, *[0.3] * 5]}
    )
    lacking, whole = summarise(cells, ["x"])[[f"val/accuracy/{name}" for name in STATISTICS]].to_numpy()
    assert pd.isna(lacking).all()
    assert whole == pytest.approx([0.3, 0, 0.3, 0.3, 0.3, 0.3, 0.3])


@given(CELLS)
def test_middle_mean_and_median_lie_among_the_seeds(rows: list[tuple[object, ...]]) -> None:
    cells = frame(rows)
    summary = summarise(cells, ["optimizer", "lr"])
    done = cells[cells["state"] == "completed"].groupby(["optimizer", "lr"], dropna=False, sort=False)["val/accuracy"]
    by_setting = summary.set_index(["optimizer", "lr"])
    for name in ("iqm", "median", "mean"):
        value = by_setting[f"val/accuracy/{name}"].dropna()
        assert (value >= done.min().reindex(value.index) - 1e-12).all()
        assert (value <= done.max().reindex(value.index) + 1e-12).all()
    best = by_setting["val/accuracy/best"].dropna()
    assert (best == done.max().reindex(best.index)).all()
