"""Two settings at a time: what can be believed, and what cannot."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from sweeplab.compare import compare, compare_pairs
from sweeplab.compare.significance import holm, least_p, sign_flip
from sweeplab.errors import ConfigFault

METRIC = "test/accuracy"
AXES = ["optimizer", "seed"]
LOST = math.inf  # in the values of these tests: a cell that diverged
TO_COME = math.nan  # and one that has not ended
OPPOSITE = {"better": "worse", "worse": "better"}


def cells(arms: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    states = {True: "completed", False: "pending"}
    rows = [
        (name, seed, "diverged" if value == LOST else states[math.isfinite(value)], value)
        for name, values in arms.items()
        for seed, value in enumerate(values)
    ]
    table = pd.DataFrame(rows, columns=["optimizer", "seed", "state", METRIC])
    return table.assign(**{METRIC: table[METRIC].where(table["state"] == "completed")})


def pairs(mode: str = "max", num_test: int | None = None, **arms: Sequence[float]) -> pd.DataFrame:
    return compare_pairs(cells(arms), AXES, metric=METRIC, mode=mode, num_test=num_test)


def only(mode: str = "max", num_test: int | None = None, **arms: Sequence[float]) -> pd.Series:  # type: ignore[type-arg]
    return pairs(mode, num_test, **arms).iloc[0]


def test_six_pairs_on_paper() -> None:
    # differences 1 2 3 4 5 6: of 64 changes of sign two give a sum as far from 0
    row = only(a=[2, 4, 6, 8, 10, 12], b=[1, 2, 3, 4, 5, 6])
    assert (row["a"], row["b"], row["n_pairs"]) == ("a", "b", 6)
    assert row["difference"] == 3.5
    assert row["p"] == row["p_holm"] == 2 / 64
    assert 0 < row["low"] < 3.5 < row["high"]
    assert (row["probability"], row["verdict"], row["remark"]) == (1.0, "better", "")


def test_lowest_is_best_when_asked_and_the_difference_keeps_its_sign() -> None:
    row = only("min", a=[2, 4, 6, 8, 10, 12], b=[1, 2, 3, 4, 5, 6])
    assert (row["difference"], row["probability"], row["verdict"]) == (3.5, 0.0, "worse")


def test_ties_count_half() -> None:
    assert only(a=[1, 1, 2, 0], b=[1, 1, 1, 1])["probability"] == 0.5
    assert only(a=[1, 1, 2, 3], b=[1, 1, 1, 1])["probability"] == 0.75


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_fewer_than_six_pairs_have_no_verdict_however_far_apart(n: int) -> None:
    row = only(a=[100.0 + i for i in range(n)], b=[1.0] * n)
    assert row["verdict"] == "not enough seeds"
    assert row["p"] == 2 ** (1 - n)


def test_six_pairs_are_too_few_for_three_comparisons() -> None:
    table = pairs(a=[9.0] * 6, b=[5.0] * 6, c=[1.0] * 6)
    assert table["p_holm"].tolist() == [6 / 64] * 3
    assert table["verdict"].tolist() == ["not enough seeds"] * 3
    assert pairs(a=[9.0] * 7, b=[5.0] * 7, c=[1.0] * 7)["verdict"].tolist() == ["better"] * 3


def test_equal_settings_of_many_seeds_are_indistinguishable() -> None:
    row = only(a=[0.5] * 10, b=[0.5] * 10)
    assert (row["p"], row["verdict"], row["low"], row["high"]) == (1.0, "indistinguishable", 0.0, 0.0)


def test_pairing_finds_what_the_spread_over_seeds_hides() -> None:
    seeds = np.random.default_rng(0).normal(size=8)
    assert only(a=(seeds + 0.01).tolist(), b=seeds.tolist())["verdict"] == "better"
    assert stats.ttest_ind(seeds + 0.01, seeds).pvalue > 0.9


def test_only_seeds_that_both_completed_are_pairs_and_the_others_are_said() -> None:
    row = only(a=[1.0, 2.0, 3.0, TO_COME], b=[1.0, TO_COME, 1.0, 5.0, 5.0])
    assert (row["n_pairs"], row["only_a"], row["only_b"], row["difference"]) == (2, 1, 2, 1.0)
    assert row["remark"] == "1 seed of a unpaired; 2 seeds of b unpaired"
    assert math.isnan(row["low"])


def test_lost_cells_count_against_the_one_that_lost_them() -> None:
    ahead = [1.0, 1.1, 1.2, 1.0, 1.1, 1.2, 1.3]
    whole = only(a=ahead, b=[0.0] * 7)
    lossy = only(a=[*ahead, LOST, LOST, LOST], b=[0.0] * 10)
    assert whole["verdict"] == "better"
    assert lossy["verdict"] == "indistinguishable"
    assert (lossy["n_pairs"], lossy["lost_a"], lossy["lost_b"], lossy["probability"]) == (7, 3, 0, 0.7)
    assert (lossy["difference"], lossy["low"]) == (whole["difference"], whole["low"])
    assert lossy["remark"] == "a lost 3 of 10 seeds"
    # 7 of about 1.1 and three of -1.3, the largest
    assert lossy["p"] == sign_flip(np.array([*ahead, -1.3, -1.3, -1.3]))


def test_losing_every_cell_loses_the_comparison() -> None:
    row = only(a=[0.9] * 8, b=[LOST] * 8)
    assert (row["verdict"], row["n_pairs"], row["lost_b"]) == ("better", 0, 8)
    assert math.isnan(row["difference"])
    assert only(a=[0.9] * 5, b=[LOST] * 5)["verdict"] == "not enough seeds"


def test_seeds_that_both_lost_are_no_pair() -> None:
    row = only(a=[LOST, 1.0], b=[LOST, 2.0])
    assert (row["n_pairs"], row["lost_a"], row["lost_b"]) == (1, 0, 0)


def test_lost_cells_do_not_turn_a_verdict_against_the_interval() -> None:
    # a is ahead on every seed it completed, and lost most
    row = only(a=[2.0, 2.1, 2.2, *[LOST] * 20], b=[1.0] * 23)
    assert row["p_holm"] < 0.05
    assert row["low"] > 0
    assert row["verdict"] == "indistinguishable"


def test_infinite_loss_of_a_completed_cell_is_a_lost_one() -> None:
    table = cells({"a": [1.0, 1.0], "b": [1.0, 1.0]})
    table.loc[0, METRIC] = math.inf
    row = compare_pairs(table, AXES, metric=METRIC, mode="min").iloc[0]
    assert (row["n_pairs"], row["lost_a"]) == (1, 1)


def test_each_pair_stands_once_in_the_order_of_the_settings_named() -> None:
    table = compare_pairs(
        cells({"a": [1.0], "b": [2.0], "c": [3.0], "d": [4.0]}), AXES, metric=METRIC, mode="max", settings=[3, 0, 2]
    )
    assert table[["a", "b"]].to_numpy().tolist() == [["d", "a"], ["d", "c"], ["a", "c"]]
    assert table[["setting_a", "setting_b"]].to_numpy().tolist() == [[3, 0], [3, 2], [0, 2]]


def test_settings_are_named_by_the_axes_that_vary_among_them() -> None:
    table = pd.DataFrame({"optimizer": ["adam", "sgdm"], "momentum": [None, 0.9], "lr": 0.1, "state": "completed"})
    row = compare_pairs(table.assign(**{METRIC: 0.5}), ["optimizer", "momentum", "lr"], metric=METRIC, mode="max").iloc[
        0
    ]
    assert (row["a"], row["b"]) == ("adam", "sgdm momentum=0.9")


@pytest.mark.parametrize(
    ("num", "reason"),
    [
        (1, "there are not two settings to compare"),
        (21, "21 settings make 210 pairs: more than 20 are not compared"),
    ],
)
def test_too_few_and_too_many_settings_are_refused_in_words(num: int, reason: str) -> None:
    table = pairs(**{f"o{i}": [1.0] for i in range(num)})
    assert table.empty
    assert table.attrs["reason"] == reason


def test_same_seed_twice_is_refused() -> None:
    twice = pd.concat([cells({"a": [1.0], "b": [2.0]})] * 2, ignore_index=True)
    with pytest.raises(ConfigFault, match=r"same seed · seed=0 · one cell each · see sweep\.json"):
        compare_pairs(twice, AXES, metric=METRIC, mode="max")


def test_difference_below_the_noise_of_the_test_examples_is_marked() -> None:
    # p = 0.9: 1.96 * sqrt(2 * 0.09 / 10000) = 0.0083
    assert only(num_test=10_000, a=[0.903] * 6, b=[0.897] * 6)["below_noise"]
    assert not only(num_test=10_000, a=[0.905] * 6, b=[0.895] * 6)["below_noise"]
    assert pd.isna(only(a=[0.903] * 6, b=[0.897] * 6)["below_noise"])


def test_a_loss_has_no_noise_of_test_examples() -> None:
    table = cells({"a": [0.903] * 6, "b": [0.897] * 6}).rename(columns={METRIC: "test/loss"})
    assert compare_pairs(table, AXES, metric="test/loss", mode="min", num_test=10)["below_noise"].isna().all()


def test_a_metric_that_nobody_recorded_gives_no_verdict() -> None:
    row = compare_pairs(cells({"a": [1.0] * 6, "b": [2.0] * 6}), AXES, metric="test/f1", mode="max").iloc[0]
    assert (row["n_pairs"], row["verdict"]) == (0, "not enough seeds")
    assert math.isnan(row["p_holm"])


def test_chosen_settings_of_a_comparison_are_compared_on_test_data() -> None:
    rates = {0.1: "a", 0.2: "b", 0.3: "a", 0.4: "b"}
    rows = [(name, lr, seed, "completed", lr, 1 - lr + seed / 100) for lr, name in rates.items() for seed in range(6)]
    table = pd.DataFrame(rows, columns=["optimizer", "lr", "seed", "state", "val/accuracy", METRIC])
    comparison = compare(table, ["optimizer", "lr", "seed"], select={"monitor": "val/accuracy", "mode": "max"})
    found = comparison.pairs(table)
    assert found[["a", "b", "metric", "verdict"]].to_numpy().tolist() == [["a lr=0.3", "b lr=0.4", METRIC, "better"]]


P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@settings(max_examples=25)
@given(P_VALUES)
def test_holm_is_that_of_statsmodels(p: list[float]) -> None:
    assert holm(np.array(p)) == pytest.approx(multipletests(p, method="holm")[1])


def test_what_has_no_p_is_no_comparison() -> None:
    assert holm(np.array([0.01, math.nan, 0.02])) == pytest.approx([0.02, math.nan, 0.02], nan_ok=True)


DIFFERENCES = st.lists(st.integers(-20, 20), min_size=2, max_size=9)


@given(DIFFERENCES)
def test_sign_flip_is_that_of_scipy(values: list[int]) -> None:
    differences = np.array(values, dtype=float)
    expected = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", alternative="two-sided", n_resamples=np.inf
    )
    assert sign_flip(differences) == pytest.approx(expected.pvalue)


def test_many_pairs_are_drawn_from_and_come_close_to_all() -> None:
    differences = np.random.default_rng(3).normal(0.4, size=20)
    signs = np.array(np.meshgrid(*[[-1, 1]] * 19)).reshape(19, -1)
    exact = np.mean(abs(differences[0] + differences[1:] @ signs) >= abs(differences.sum()) - 1e-9)
    assert sign_flip(differences) == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 20_000))
    assert sign_flip(np.arange(1.0, 41.0)) == least_p(40)


ARM = st.lists(st.one_of(st.integers(0, 9).map(float), st.just(LOST), st.just(TO_COME)), min_size=9, max_size=9)


@given(ARM, ARM, ARM, st.sampled_from(["max", "min"]))
def test_both_ways_of_looking_agree(a: list[float], b: list[float], c: list[float], mode: str) -> None:
    forth, back = pairs(mode, a=a, b=b, c=c), pairs(mode, c=c, b=b, a=a)
    turned = back.set_index(["b", "a"]).loc[list(zip(forth["a"], forth["b"], strict=True))].reset_index(drop=True)
    assert (forth["probability"] + turned["probability"]).dropna().eq(1).all()
    assert forth["verdict"].tolist() == [OPPOSITE.get(verdict, verdict) for verdict in turned["verdict"]]
    assert forth["p_holm"].tolist() == pytest.approx(turned["p_holm"].tolist(), nan_ok=True)
    assert forth["low"].tolist() == pytest.approx((-turned["high"]).tolist(), nan_ok=True)
    assert forth["lost_a"].tolist() == turned["lost_b"].tolist()


@given(ARM, ARM, st.randoms())
def test_order_of_cells_is_of_no_account(a: list[float], b: list[float], random: object) -> None:
    table = cells({"a": a, "b": b})
    order = sorted(range(len(table)), key=lambda _: random.random())  # type: ignore[attr-defined]
    shuffled = compare_pairs(table.iloc[order], AXES, metric=METRIC, mode="max").iloc[0]
    whole = compare_pairs(table, AXES, metric=METRIC, mode="max").iloc[0]
    if shuffled["a"] == "a":
        pd.testing.assert_series_equal(whole, shuffled, check_names=False)
    else:
        assert shuffled["p_holm"] == whole["p_holm"] or math.isnan(whole["p_holm"])
        assert shuffled["verdict"] == OPPOSITE.get(whole["verdict"], whole["verdict"])


@pytest.mark.parametrize("chance_of_loss", [0.0, 0.15])
def test_settings_that_are_the_same_seldom_get_a_verdict(chance_of_loss: float) -> None:
    random = np.random.default_rng(5)
    false = 0
    for _ in range(400):
        seeds = random.normal(0.9, 0.01, size=8)
        values = seeds + random.normal(0, 0.01, size=(3, 8))
        values[random.random((3, 8)) < chance_of_loss] = LOST
        verdicts = pairs(a=values[0].tolist(), b=values[1].tolist(), c=values[2].tolist())["verdict"]
        false += verdicts.isin(OPPOSITE).any()
    assert false / 400 <= 0.05


def test_a_clear_difference_is_found() -> None:
    values = np.random.default_rng(6).normal(0.9, 0.01, size=(2, 10))
    assert only(a=(values[0] + 0.05).tolist(), b=values[1].tolist())["verdict"] == "better"


def test_settings_of_different_data_sets_are_not_compared() -> None:
    """An accuracy on one data set is neither better nor worse than one on another."""
    rows = [
        {
            "dataset": dataset,
            "optimizer": optimizer,
            "seed": seed,
            "state": "completed",
            "test/accuracy": 0.5 + seed / 100,
        }
        for dataset in ("digits", "mnist")
        for optimizer in ("adam", "sgd")
        for seed in range(6)
    ]
    table, axes = pd.DataFrame(rows), ["dataset", "optimizer", "seed"]
    found = compare_pairs(table, axes, metric="test/accuracy", mode="max", within=["dataset"])
    assert found[["setting_a", "setting_b"]].to_numpy().tolist() == [[0, 1], [2, 3]]
    alone = compare_pairs(
        table[table["optimizer"] == "adam"], axes, metric="test/accuracy", mode="max", within=["dataset"]
    )
    assert alone.empty
    assert alone.attrs["reason"] == "no two settings share dataset"
