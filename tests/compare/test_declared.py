"""Declared tables: mean and spread by place, the choice on validation, and what varies without a place."""

import math

import numpy as np
import pandas as pd
import pytest

from sweeplab.compare.declared import MAX_PAIRS, automatic, lay_out
from sweeplab.errors import ConfigFault

SELECT = {"monitor": "val/accuracy", "mode": "max"}
AXES = ["optimizer", "dataset", "lr", "seed"]


@pytest.fixture
def cells() -> pd.DataFrame:
    """Two optimizers, two data sets, three rates, three seeds; validation is best where test is worst."""
    rng = np.random.default_rng(7)
    rows = [
        {"optimizer": optimizer, "dataset": dataset, "lr": lr, "seed": seed, "state": "completed"}
        for optimizer in ("adam", "sgd")
        for dataset in ("digits", "mnist")
        for lr in (0.1, 0.01, 0.001)
        for seed in range(3)
    ]
    frame = pd.DataFrame(rows)
    frame.insert(0, "cell_id", [f"c{i:02d}" for i in range(len(frame))])
    noise = rng.normal(0, 0.001, len(frame))
    frame["val/accuracy"] = 0.5 + frame["lr"].map({0.1: 0.0, 0.01: 0.2, 0.001: 0.1}) + noise
    frame["test/accuracy"] = 0.9 - frame["lr"].map({0.1: 0.0, 0.01: 0.2, 0.001: 0.1}) + rng.normal(0, 0.01, len(frame))
    return frame


def table(cells: pd.DataFrame, **changes: object) -> dict[str, object]:
    whole = {"title": None, "columns": [], "value": ["test/accuracy"], "over": ["seed"], "select_over": [], "where": {}}
    return {"rows": ["optimizer"], **whole, "cells": cells["cell_id"].tolist(), "values": {}, **changes}


def test_places_hold_test_figures_of_what_validation_chose(cells: pd.DataFrame) -> None:
    layout = lay_out(cells, AXES, table(cells, columns=["dataset"], select_over=["lr"]), SELECT)

    assert layout.reason == ""
    assert list(layout.frame[["optimizer", "dataset"]].itertuples(index=False, name=None)) == [
        ("adam", "digits"),
        ("adam", "mnist"),
        ("sgd", "digits"),
        ("sgd", "mnist"),
    ]
    assert (layout.frame["lr"] == 0.01).all()
    for row in layout.frame.to_dict("records"):
        mine = cells.query("optimizer == @row['optimizer'] and dataset == @row['dataset'] and lr == 0.01")
        assert row["mean"] == pytest.approx(np.mean(mine["test/accuracy"]))
        assert row["std"] == pytest.approx(np.std(mine["test/accuracy"], ddof=1))
        assert (row["n"], row["cells"], row["recorded"]) == (3, 3, 3)


def test_shuffling_the_cells_changes_no_number(cells: pd.DataFrame) -> None:
    asked = table(cells, columns=["dataset"], select_over=["lr"])
    order = ["optimizer", "dataset"]
    one, other = (
        lay_out(frame, AXES, asked, SELECT).frame.drop(columns="setting").sort_values(order).reset_index(drop=True)
        for frame in (cells, cells.sample(frac=1, random_state=3))
    )
    pd.testing.assert_frame_equal(one, other)


def test_averaging_over_more_than_seeds_is_asked_for(cells: pd.DataFrame) -> None:
    frame = lay_out(cells, AXES, table(cells, over=["seed", "dataset"], select_over=["lr"]), SELECT).frame

    mine = cells.query("optimizer == 'sgd' and lr == 0.01")["test/accuracy"]
    assert frame["n"].tolist() == [6, 6]
    assert frame["mean"].iloc[1] == pytest.approx(mine.mean())


def test_what_varies_without_a_place_is_named(cells: pd.DataFrame) -> None:
    layout = lay_out(cells, AXES, table(cells), SELECT)

    assert layout.frame.empty
    assert layout.reason.startswith("it puts several settings into one place: dataset, lr varies there")


def test_lost_cells_stay_in_the_count_and_in_the_choice(cells: pd.DataFrame) -> None:
    lost = (cells["lr"] == 0.01) & (cells["seed"] > 0) & (cells["optimizer"] == "adam")
    cells.loc[lost, "state"] = "diverged"
    cells.loc[lost, ["val/accuracy", "test/accuracy"]] = math.nan
    chosen = lay_out(cells, AXES, table(cells, columns=["dataset"], select_over=["lr"]), SELECT).frame
    shown = lay_out(cells, AXES, table(cells, columns=["lr"], where={}, over=["seed", "dataset"]), SELECT).frame

    assert chosen["lr"].tolist() == [0.001, 0.001, 0.01, 0.01]
    row = shown[(shown["optimizer"] == "adam") & (shown["lr"] == 0.01)].iloc[0]
    assert (row["cells"], row["n"], row["diverged"]) == (6, 2, 4)


def test_several_values_are_rows_of_their_own_and_an_unknown_one_is_empty(cells: pd.DataFrame) -> None:
    asked = table(cells, value=["test/accuracy", "val/accuracy", "test/f1"], columns=["dataset"], select_over=["lr"])
    frame = lay_out(cells, AXES, asked, SELECT).frame

    assert frame.groupby("metric", sort=False).size().to_dict() == dict.fromkeys(asked["value"], 4)  # type: ignore[call-overload]
    unknown = frame[frame["metric"] == "test/f1"]
    assert unknown["mean"].isna().all()
    assert unknown["recorded"].tolist() == [0] * 4


def test_a_name_that_is_no_axis_has_the_values_that_were_written_down(cells: pd.DataFrame) -> None:
    model = dict.fromkeys(cells["cell_id"], "lenet")
    asked = table(cells, rows=["model"], columns=["optimizer"], select_over=["lr", "dataset"], values={"model": model})
    frame = lay_out(cells, AXES, asked, SELECT).frame

    assert frame["model"].tolist() == ["lenet", "lenet"]
    absent = lay_out(cells, AXES, table(cells, columns=["width"]), SELECT)
    assert absent.reason == "no axis of the sweep: width"


def test_choosing_by_test_data_is_refused(cells: pd.DataFrame) -> None:
    asked = table(cells, columns=["dataset"], select_over=["lr"])
    with pytest.raises(ConfigFault, match="test data is refused"):
        lay_out(cells, AXES, asked, {"monitor": "test/accuracy", "mode": "max"})


def names(tables: list[dict[str, object]]) -> list[tuple[object, ...]]:
    return [(each["rows"], each["columns"], each["select_over"], each["where"]) for each in tables]


def test_workloads_get_one_table_of_all_and_one_each(cells: pd.DataFrame) -> None:
    found = automatic(cells, AXES, "test/accuracy")

    assert names(found) == [
        (["optimizer"], ["dataset"], ["lr"], {}),
        (["optimizer"], ["lr"], [], {"dataset": "digits"}),
        (["optimizer"], ["lr"], [], {"dataset": "mnist"}),
    ]
    assert all(lay_out(cells, AXES, each, SELECT).reason == "" for each in found)


def test_pairs_of_axes_get_a_table_each_up_to_a_few(cells: pd.DataFrame) -> None:
    one = cells[cells["dataset"] == "digits"]
    assert names(automatic(one, AXES, "test/accuracy")) == [(["optimizer"], ["lr"], [], {})]

    wide = pd.concat([one.assign(batch_size=size, width=size * 2 + i) for size in (32, 64) for i in (0, 1)])
    wide["cell_id"] = [f"c{i}" for i in range(len(wide))]
    found = automatic(wide, [*AXES, "batch_size", "width"], "test/accuracy")
    assert len(found) <= MAX_PAIRS
    assert (["optimizer"], ["batch_size"], ["width", "lr"], {}) in names(found)
    assert all(lay_out(wide, [*AXES, "batch_size", "width"], each, SELECT).reason == "" for each in found)


def test_one_axis_and_lists_of_cases_need_no_table(cells: pd.DataFrame) -> None:
    one = cells[(cells["dataset"] == "digits") & (cells["optimizer"] == "adam")]
    cases = cells[(cells["dataset"] == "digits") & ((cells["optimizer"] == "adam") == (cells["lr"] == 0.1))]

    assert automatic(one, AXES, "test/accuracy") == []
    diagonal = cases[cases["lr"] != 0.001]
    assert automatic(diagonal, AXES, "test/accuracy") == []
