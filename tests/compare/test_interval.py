"""95 % intervals of means over seeds: they cover what they promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sweeplab.compare import mean_interval

SEEDS = st.lists(st.floats(-100, 100), min_size=3, max_size=12)


@pytest.mark.parametrize("n", [3, 4, 5, 10, 30])
def test_covers_the_mean_of_normal_draws_as_often_as_promised(n: int) -> None:
    draws = np.random.default_rng(n).normal(0.9, 0.01, size=(2000, n))
    low, high = mean_interval(draws)
    assert 0.93 <= np.mean((low <= 0.9) & (high >= 0.9)) <= 0.97


@pytest.mark.parametrize("values", [[0.5, 0.6, 0.8], [1.0, 1.5, 0.5, 3.0]])
def test_three_and_four_seeds_have_the_interval_of_students_t(values: list[float]) -> None:
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean_interval(values) == pytest.approx((expected.low, expected.high))


def test_bootstrap_of_many_seeds_is_that_of_scipy_but_for_the_smallness_of_samples() -> None:
    values = np.random.default_rng(1).gamma(2.0, size=200)
    expected = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=20_000, rng=1).confidence_interval
    assert mean_interval(values) == pytest.approx((expected.low, expected.high), rel=0.02)


def test_bootstrap_is_as_lopsided_as_the_sample() -> None:
    low, high = mean_interval([0.0, 0.0, 0.0, 0.0, 1.0])
    assert high - 0.2 > 1.5 * (0.2 - low)


@pytest.mark.parametrize("n", [1, 2])
def test_one_and_two_seeds_have_none(n: int) -> None:
    assert np.isnan(mean_interval(np.ones((4, n)))).all()


@pytest.mark.parametrize("n", [3, 4, 5, 30])
def test_equal_seeds_have_an_interval_without_width(n: int) -> None:
    low, high = mean_interval(np.full((2, n), 0.1))
    assert (low == high).all()
    assert low == pytest.approx(0.1)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_takes_the_interval_of_its_own_row_only(wrong: float) -> None:
    values = np.arange(10.0).reshape(2, 5)
    values[0, 2] = wrong
    low, high = mean_interval(values)
    assert np.isnan([low[0], high[0]]).all()
    assert low[1] < 7 < high[1]


@given(SEEDS, st.randoms())
def test_order_of_seeds_is_of_no_account(values: list[float], random: object) -> None:
    shuffled = sorted(values, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert mean_interval(values) == mean_interval(shuffled)


@given(SEEDS)
def test_interval_of_the_negated_is_the_negated_interval(values: list[float]) -> None:
    low, high = mean_interval(values)
    assert mean_interval([-value for value in values]) == pytest.approx((-high, -low), abs=1e-9)


@given(SEEDS, st.floats(0.01, 100), st.floats(-100, 100))
def test_interval_moves_and_stretches_with_the_scale(values: list[float], factor: float, shift: float) -> None:
    low, high = mean_interval(values)
    moved = mean_interval([factor * value + shift for value in values])
    assert moved == pytest.approx((factor * low + shift, factor * high + shift), abs=1e-6)


@given(SEEDS)
def test_mean_lies_in_its_interval(values: list[float]) -> None:
    low, high = mean_interval(values)
    assert low - 1e-9 <= np.mean(values) <= high + 1e-9


def test_many_groups_give_what_each_gives_alone() -> None:
    values = np.random.default_rng(2).normal(size=(3, 7, 6))
    low, high = mean_interval(values)
    assert low.shape == high.shape == (3, 7)
    assert (low[2, 4], high[2, 4]) == pytest.approx(mean_interval(values[2, 4]))
    # more than fit into memory at once
    many = np.tile(values.reshape(-1, 6), (60, 1))
    assert mean_interval(many)[0] == pytest.approx(np.tile(low.reshape(-1), 60))
