"""The good range of learning rates: interpolated on paper, and no lost cell passes for a good one."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeplab.compare import Comparison, choose, compare, mark_chosen
from sweeplab.compare.sensitivity import rate_profile, sensitivity

RATES = [1e-4, 1e-3, 1e-2, 1e-1]


def make_cells(scores: dict[str, list[float]], rates: list[float] = RATES, seeds: int = 1) -> pd.DataFrame:
    """NaN is a cell that diverged."""
    rows = [
        {"cell_id": f"{name}{lr}{seed}", "state": "diverged" if math.isnan(score) else "completed", "optimizer": name}
        | {"lr": lr, "seed": seed, "val/accuracy": score, "val/loss": score}
        for name, values in scores.items()
        for lr, score in zip(rates, values, strict=True)
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows)


def compared(cells: pd.DataFrame, axes: tuple[str, ...] = ("optimizer", "lr", "seed"), **select: str) -> Comparison:
    return compare(cells, list(axes), select={"monitor": "val/accuracy", "mode": "max", **select})


def only(cells: pd.DataFrame, **select: str) -> pd.Series:
    [row] = [row for _, row in sensitivity(compared(cells, **select)).iterrows()]
    return row


def test_range_is_interpolated_between_the_rates() -> None:
    row = only(make_cells({"adam": [0.80, 0.90, 0.895, 0.855]}))
    assert (row["best_lr"], row["best"], row["tolerance"]) == (1e-3, 0.9, 0.01)
    # down: 0.89 lies a tenth of the way from 0.90 to 0.80; up: an eighth of the way from 0.895 to 0.855
    assert math.log10(row["good_from"]) == pytest.approx(-3.1)
    assert math.log10(row["good_to"]) == pytest.approx(-2 + 0.125)
    assert row["decades"] == pytest.approx(1.225)
    assert (row["good_rates"], row["open"], row["edge"], row["suggested"], row["reason"]) == (2, "", "", (), "")


def test_loss_takes_five_percent_and_the_lowest() -> None:
    row = only(make_cells({"adam": [2.0, 1.0, 1.1, 3.0]}), monitor="val/loss", mode="min")
    assert (row["best_lr"], row["tolerance"]) == (1e-3, pytest.approx(0.05))
    assert math.log10(row["good_from"]) == pytest.approx(-3.05)
    assert math.log10(row["good_to"]) == pytest.approx(-2.5)


def test_stated_tolerance_is_taken() -> None:
    frame = sensitivity(compared(make_cells({"adam": [0.8, 0.9, 0.85, 0.6]})), tolerance=0.2)
    assert frame[["good_rates", "open"]].iloc[0].tolist() == [3, "low"]


def test_only_the_stretch_around_the_best_counts() -> None:
    row = only(make_cells({"adam": [0.9, 0.5, 0.5, 0.895]}))
    assert row["good_rates"] == 1
    assert math.log10(row["good_to"]) == pytest.approx(-4 + 0.01 / 0.4)


@pytest.mark.parametrize(
    ("scores", "edge", "suggested"),
    [
        ([0.9, 0.8, 0.7, 0.6], "lowest", (1e-5, 1e-6)),
        ([0.6, 0.7, 0.8, 0.9], "highest", (1.0, 10.0)),
        ([0.6, 0.9, 0.8, 0.7], "", ()),
    ],
)
def test_best_at_the_edge_is_flagged_with_rates_to_go_on(scores: list[float], edge: str, suggested: tuple) -> None:
    row = only(make_cells({"adam": scores}))
    assert row["edge"] == edge
    assert row["suggested"] == pytest.approx(suggested)
    assert row["open"] == {"lowest": "low", "highest": "high", "": ""}[edge]


def test_two_rates_are_both_edges_and_one_is_no_range() -> None:
    two = only(make_cells({"adam": [0.9, 0.8]}, rates=[1e-3, 1e-2]))
    assert (two["edge"], two["reason"]) == ("", "two learning rates: every one is at an edge")
    frame = sensitivity(compared(make_cells({"adam": [0.9], "sgd": [0.8]}, rates=[1e-3])))
    assert frame["reason"].tolist() == ["one learning rate: no range"] * 2
    assert frame["decades"].isna().all()


def test_range_ends_at_the_last_good_rate_beside_a_lost_one() -> None:
    row = only(make_cells({"adam": [0.895, 0.9, math.nan, 0.9]}))
    assert (row["good_from"], row["good_to"]) == (pytest.approx(1e-4), pytest.approx(1e-3))
    assert (row["cells"], row["n"], row["lost"], row["open"]) == (4, 3, 1, "low")


def test_a_lost_seed_counts_as_it_does_in_the_choice() -> None:
    cells = make_cells({"adam": [0.7, 0.9, 0.95, 0.7]}, seeds=2)
    cells.loc[5, ["state", "val/accuracy"]] = ["diverged", math.nan]  # a seed of 1e-2
    comparison = compared(cells)
    profile = rate_profile(comparison)
    assert profile["score"].tolist() == pytest.approx([0.7, 0.9, 0.475, 0.7])
    assert profile["mean"].tolist() == pytest.approx([0.7, 0.9, 0.95, 0.7])
    assert profile["lost"].tolist() == [0, 0, 1, 0]
    row = sensitivity(comparison).iloc[0]
    assert row["best_lr"] == comparison.choice["lr"].iloc[0] == 1e-3
    assert row["good_to"] == pytest.approx(1e-3)


def test_all_lost_or_none_ended_keeps_its_row_with_a_reason() -> None:
    cells = make_cells({"adam": [0.5, 0.6, 0.7, 0.6], "sgd": [math.nan] * 4})
    for state in ("diverged", "pending"):
        frame = sensitivity(compared(cells.replace({"diverged": state})))
        sgd = frame[frame["optimizer"] == "sgd"].iloc[0]
        assert sgd["reason"] == "no learning rate has a result"
        assert (sgd["cells"], sgd["n"], sgd["lost"]) == (4, 0, 4 if state == "diverged" else 0)


def test_a_loss_that_lost_a_seed_everywhere_has_no_range() -> None:
    cells = make_cells({"adam": [0.5, 0.6, 0.7, 0.6]}, seeds=2)
    cells.loc[cells["seed"] == 1, "state"] = "diverged"
    row = only(cells, monitor="val/loss", mode="min")
    assert (row["reason"], row["n"], row["lost"]) == ("every learning rate lost cells", 4, 4)


@pytest.mark.parametrize("best", [0.7, 0.9, 0.95])
def test_a_rate_exactly_at_the_limit_is_good(best: float) -> None:
    assert only(make_cells({"adam": [0.1, best, round(best - 0.01, 2), 0.1]}))["good_rates"] == 2


def test_without_a_learning_rate_there_is_nothing_to_tell() -> None:
    cells = make_cells({"adam": [0.5, 0.6, 0.7, 0.6]}).drop(columns="lr").drop_duplicates("optimizer")
    assert sensitivity(compared(cells, ("optimizer", "seed"))).empty
    assert "decades" in sensitivity(compared(cells, ("optimizer", "seed")))


def test_rates_that_are_no_positive_numbers_are_no_rates() -> None:
    cells = make_cells({"adam": [0.9, 0.8, 0.7, 0.6, 0.5]}, rates=[0.0, *RATES]).astype({"lr": object})
    assert rate_profile(compared(cells))["lr"].tolist() == RATES


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4), st.floats(0.001, 0.5), st.randoms())
@settings(max_examples=40)
def test_laws(scores: list[float], tolerance: float, random) -> None:
    cells = make_cells({"adam": scores})
    row = sensitivity(compared(cells), tolerance).iloc[0]
    assert RATES[0] * 0.999 <= row["good_from"] <= row["best_lr"] * 1.001
    assert row["best_lr"] * 0.999 <= row["good_to"] <= RATES[-1] * 1.001
    assert row["decades"] == pytest.approx(math.log10(row["good_to"] / row["good_from"]), abs=1e-9)
    wider = sensitivity(compared(cells), 2 * tolerance).iloc[0]
    assert wider["decades"] >= row["decades"] - 1e-9
    if len(set(scores)) == 4:
        shuffled = cells.iloc[random.sample(range(4), 4)].reset_index(drop=True)
        again = sensitivity(compared(shuffled), tolerance).iloc[0]
        assert np.allclose([again["decades"], again["best_lr"]], [row["decades"], row["best_lr"]])


def test_each_rate_stands_with_the_best_of_the_other_tuned_axes() -> None:
    low, high = make_cells({"adam": [0.1, 0.2, 0.9, 0.3]}), make_cells({"adam": [0.2, 0.1, 0.5, 0.4]})
    cells = pd.concat([low.assign(wd=0.0), high.assign(wd=0.1)], ignore_index=True)
    comparison = compared(cells, ("optimizer", "lr", "wd", "seed"))
    over = ["lr", "wd"]
    choice = choose(comparison.settings, over)
    both = replace(comparison, over=over, choice=choice, settings=mark_chosen(comparison.settings, choice))
    assert rate_profile(both)["mean"].tolist() == pytest.approx([0.2, 0.2, 0.9, 0.4])
    row = sensitivity(both).iloc[0]
    assert (row["best_lr"], row["best"], row["rates"]) == (0.01, 0.9, 4)


def test_rates_stand_in_order_with_the_spread_that_is_known() -> None:
    cells = make_cells({"adam": [0.1, 0.2, 0.3, 0.4]}, seeds=2).sample(frac=1, random_state=0).reset_index(drop=True)
    profile = rate_profile(compared(cells))
    assert profile["lr"].tolist() == RATES
    assert profile["std"].tolist() == pytest.approx([0, 0, 0, 0])
