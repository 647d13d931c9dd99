"""Expected best score against tuning budget: the published estimators, and no trial forgotten."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeplab.compare import compare
from sweeplab.compare.tuning import expected_best, expected_best_with_replacement, tuning_curve

SCORES = np.array([0.1, 0.5, 0.6, 0.62, 0.63, 0.7])
LISTS = st.lists(st.floats(-5, 5, allow_subnormal=False), min_size=1, max_size=40)


def curve(cells: pd.DataFrame, mode: str = "max", metric: str = "val/accuracy") -> pd.DataFrame:
    return tuning_curve(compare(cells, ["optimizer", "lr", "seed"], select={"monitor": metric, "mode": mode}))


def make_cells(**scores: list[float]) -> pd.DataFrame:
    """One seed; NaN is a cell that diverged."""
    rows = [
        {"cell_id": f"{name}{i}", "state": "diverged" if math.isnan(score) else "completed", "optimizer": name}
        | {"lr": 10.0**-i, "seed": 0, "val/accuracy": score, "val/loss": score}
        for name, values in scores.items()
        for i, score in enumerate(values)
    ]
    return pd.DataFrame(rows)


def test_published_vectors() -> None:
    assert expected_best(SCORES)[[0, 1, 2, 5]] == pytest.approx([0.525, 0.638667, 0.662, 0.7], abs=1e-6)
    with_replacement = expected_best_with_replacement(SCORES)[[0, 1, 2, 5]]
    assert with_replacement == pytest.approx([0.525, 0.619722, 0.648472, 0.675221], abs=1e-6)


def test_equals_the_mean_over_all_subsets_and_over_all_sequences() -> None:
    values = SCORES[[3, 0, 5, 2]]
    for k in range(1, 5):
        subsets = [max(picked) for picked in itertools.combinations(values, k)]
        sequences = [max(picked) for picked in itertools.product(values, repeat=k)]
        assert expected_best(values)[k - 1] == pytest.approx(np.mean(subsets))
        assert expected_best_with_replacement(values)[k - 1] == pytest.approx(np.mean(sequences))


@given(LISTS)
def test_laws(values: list[float]) -> None:
    without, again = expected_best(np.array(values)), expected_best_with_replacement(np.array(values))
    for estimate in (without, again):
        assert len(estimate) == len(values)
        assert estimate[0] == pytest.approx(np.mean(values), abs=1e-9)
        assert (np.diff(estimate) >= -1e-9).all()
    assert without[-1] == pytest.approx(max(values))
    # the biased estimate is never the better one
    assert (again <= without + 1e-9).all()


@given(LISTS, st.randoms())
def test_order_is_nothing_and_the_lowest_is_the_mirror(values: list[float], random) -> None:
    shuffled = random.sample(values, len(values))
    for estimate in (expected_best, expected_best_with_replacement):
        assert estimate(np.array(shuffled)) == pytest.approx(estimate(np.array(values)))
        assert estimate(np.array(values), "min") == pytest.approx(-estimate(-np.array(values)))


def test_thousands_of_trials_stay_finite() -> None:
    values = np.linspace(0, 1, 3000)
    estimate = expected_best(values)
    # the best of k from an even grid lies at k / (k + 1)
    assert estimate[[0, 1, 9, 2999]] == pytest.approx([0.5, 2 / 3, 10 / 11, 1], abs=1e-3)


def test_failed_trials_stay_and_count_as_the_worst() -> None:
    frame = curve(make_cells(adam=[0.9, math.nan, 0.6], sgd=[0.5, 0.7, 0.6]))
    adam = frame[frame["optimizer"] == "adam"]
    assert adam[["trials", "lost"]].drop_duplicates().to_numpy().tolist() == [[3, 1]]
    # 0.9, 0 and 0.6: the better of two is 0.9, 0.9 or 0.6
    assert adam["expected"].tolist() == pytest.approx([0.5, 0.8, 0.9])


def test_a_failed_trial_is_infinitely_bad_where_the_lowest_is_best() -> None:
    frame = curve(make_cells(adam=[0.9, math.nan, 0.6]), "min", "val/loss")
    # two of three: 0.9 and 0.6, or either with the failed one
    assert frame["expected"].tolist() == pytest.approx([math.inf, 0.7, 0.6])
    assert frame["expected_with_replacement"].tolist() == [math.inf] * 3


def test_a_lost_seed_counts_in_the_mean_of_its_setting() -> None:
    cells = make_cells(adam=[0.8, 0.5])
    lost = cells.iloc[[0]].assign(seed=1, cell_id="lost", state="diverged", **{"val/accuracy": math.nan})
    frame = curve(pd.concat([cells, lost], ignore_index=True))
    assert frame["expected"].tolist() == pytest.approx([0.45, 0.5])


def test_settings_to_come_are_no_trials_and_are_counted() -> None:
    cells = make_cells(adam=[0.8, math.nan, 0.5], sgd=[0.1, 0.2, 0.3])
    cells["state"] = cells["state"].replace("diverged", "pending")
    adam = curve(cells).query("optimizer == 'adam'")
    assert adam["k"].tolist() == [1, 2]
    assert adam[["trials", "lost", "to_come"]].iloc[0].tolist() == [2, 0, 1]


def test_nothing_ended_gives_a_reason_and_no_curve() -> None:
    frame = curve(make_cells(adam=[0.8], sgd=[math.nan]).replace({"diverged": "pending"}))
    sgd = frame.query("optimizer == 'sgd'").iloc[0]
    assert pd.isna(sgd["k"])
    assert sgd["reason"] == "no setting has ended"


def test_every_contestant_lost_is_a_curve_of_worst() -> None:
    frame = curve(make_cells(adam=[0.8, 0.9], sgd=[math.nan, math.nan]))
    assert frame.query("optimizer == 'sgd'")["expected"].tolist() == [0, 0]
