"""Ranks over workloads: against Demšar's published example, scipy, scikit-posthocs, autorank, and by law."""

import math
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sweeplab.compare import compare
from sweeplab.compare.ranks import (
    average_ranks,
    cliques,
    friedman,
    min_workloads,
    nemenyi,
    refusal,
    warning,
    wilcoxon,
)
from sweeplab.compare.workloads import Contest, contest
from sweeplab.errors import ConfigFault

# Demšar 2006 (JMLR 7), table 6: ranks of four decision-tree learners on 14 data sets
DEMSAR = pd.DataFrame(
    {
        "C4.5": [4, 1, 4, 4, 4, 1, 3, 2.5, 4, 2.5, 4, 3, 4, 3],
        "C4.5+m": [3, 2, 1, 1, 2, 2.5, 2, 2.5, 3, 2.5, 2.5, 2, 1, 1],
        "C4.5+cf": [2, 3, 2, 3, 3, 4, 4, 4, 2, 2.5, 1, 4, 2, 4],
        "C4.5+m+cf": [1, 4, 3, 2, 1, 2.5, 1, 1, 1, 2.5, 2.5, 1, 3, 2],
    }
).T.mul(-1.0)


def random_table(contestants: int, workloads: int, seed: int = 0) -> pd.DataFrame:
    scores = np.random.default_rng(seed).normal(size=(contestants, workloads))
    return pd.DataFrame(scores, index=[f"c{number}" for number in range(contestants)])


tables = st.integers(2, 6).flatmap(
    lambda rows: st.lists(
        st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.9, math.nan]), min_size=rows, max_size=rows), min_size=1, max_size=12
    ).map(lambda columns: pd.DataFrame(columns).T)
)


class TestAverageRanks:
    def test_demsar_example(self) -> None:
        ranks = average_ranks(DEMSAR)
        assert ranks["rank"].round(3).tolist() == [3.143, 2.0, 2.893, 1.964]
        assert set(ranks["workloads"]) == {14}

    def test_ties_share_ranks_and_wins(self) -> None:
        table = pd.DataFrame([[0.9, 0.5], [0.9, 0.4], [0.1, 0.6]], index=list("abc"))
        ranks = average_ranks(table)
        assert ranks["rank"].to_dict() == {"a": 1.75, "b": 2.25, "c": 2.0}
        assert ranks["first"].to_dict() == {"a": 1, "b": 1, "c": 1}

    def test_no_result_is_the_worst_rank_and_counted(self) -> None:
        table = pd.DataFrame([[0.9, 0.9], [math.nan, 0.1], [math.nan, -math.inf], [0.2, 0.3]], index=list("abcd"))
        ranks = average_ranks(table)
        assert ranks["rank"].to_dict() == {"a": 1.0, "b": 3.25, "c": 3.75, "d": 2.0}
        assert ranks["lost"].to_dict() == {"a": 0, "b": 1, "c": 1, "d": 0}

    def test_where_all_failed_nobody_wins(self) -> None:
        ranks = average_ranks(pd.DataFrame([[math.nan], [math.nan]]))
        assert ranks["rank"].tolist() == [1.5, 1.5]
        assert ranks["first"].tolist() == [0, 0]

    @given(tables)
    def test_ranks_sum_as_they_must_whatever_failed(self, table: pd.DataFrame) -> None:
        ranks = average_ranks(table)
        assert ranks["rank"].sum() == pytest.approx(len(table) * (len(table) + 1) / 2)
        assert ranks["rank"].between(1, len(table)).all()

    @given(tables)
    def test_permuting_contestants_or_workloads_permutes_the_ranks(self, table: pd.DataFrame) -> None:
        shuffled = table.sample(frac=1, random_state=1).sample(frac=1, axis=1, random_state=2)
        pd.testing.assert_frame_equal(average_ranks(shuffled).sort_index(), average_ranks(table))


class TestFriedman:
    def test_demsar_example(self) -> None:
        """The paper's 9.28 is without the correction for ties: 3 pairs and one group of 4."""
        correction = 1 - (3 * (2**3 - 2) + (4**3 - 4)) / (14 * (4**3 - 4))
        found = friedman(DEMSAR)
        assert found.statistic * correction == pytest.approx(9.28, abs=0.005)
        assert found.p < 0.05

    @pytest.mark.parametrize("seed", range(4))
    def test_as_scipy(self, seed: int) -> None:
        table = random_table(4, 9, seed).round(0)  # many ties
        expected = stats.friedmanchisquare(*table.to_numpy())
        assert friedman(table).statistic == pytest.approx(expected.statistic)
        assert friedman(table).p == pytest.approx(expected.pvalue)

    def test_all_equal_shows_no_difference(self) -> None:
        found = friedman(pd.DataFrame(np.ones((3, 6))))
        assert (found.statistic, found.p, found.reason) == (0.0, 1.0, "")

    def test_refused_below_five_workloads_in_words(self) -> None:
        found = friedman(random_table(5, 4))
        assert math.isnan(found.statistic)
        assert math.isnan(found.p)
        assert found.reason == (
            "4 workloads, at least 5 are needed: even with 5 the average ranks of 5 contestants would have to differ by"
            " 2.73 of at most 4"
        )
        assert refusal(random_table(5, 5)) == ""
        assert refusal(random_table(1, 9)) == "there are not two contestants with a workload in common"

    def test_warned_below_ten_workloads(self) -> None:
        words = "9 workloads: below 10 only large differences of rank can be told from chance"
        assert warning(random_table(3, 9)) == words
        assert [warning(random_table(3, 4)), warning(random_table(3, 10))] == ["", ""]

    def test_equal_contestants_seldom_differ(self) -> None:
        """At level 0.05 the chi-squared approximation rejects 1 to 6 % of 400 draws of nothing."""
        rejected = np.mean([friedman(random_table(5, 10, seed)).p < 0.05 for seed in range(400)])
        assert 0.01 <= rejected <= 0.06


class TestNemenyi:
    def test_critical_values_of_the_literature(self) -> None:
        """q_0.05 for k = 2 … 10, Demšar 2006, table 5a (three digits after rounding)."""
        expected = [1.960, 2.344, 2.569, 2.728, 2.850, 2.948, 3.031, 3.102, 3.164]
        for k, q in enumerate(expected, start=2):
            assert nemenyi(k, 6) == pytest.approx(q * math.sqrt(k * (k + 1) / 36), abs=6e-4 * k)

    def test_demsar_example(self) -> None:
        assert nemenyi(4, 14) == pytest.approx(1.25, abs=0.005)
        assert nemenyi(4, 14, level=0.10) == pytest.approx(1.12, abs=0.005)

    def test_demsar_groups(self) -> None:
        """At 0.05 no pair differs, at 0.10 C4.5 differs from both that tune m."""
        ranks = average_ranks(DEMSAR)["rank"]
        assert cliques(ranks, nemenyi(4, 14)) == [["C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5"]]
        assert cliques(ranks, nemenyi(4, 14, level=0.10)) == [
            ["C4.5+m+cf", "C4.5+m", "C4.5+cf"],
            ["C4.5+cf", "C4.5"],
        ]

    def test_a_difference_as_large_as_the_critical_one_parts(self) -> None:
        ranks = pd.Series({"a": 1.0, "b": 2.0, "c": 2.5, "d": 4.0})
        assert cliques(ranks, 1.0) == [["b", "c"]]
        assert cliques(ranks, 10.0) == [["a", "b", "c", "d"]]
        assert cliques(ranks, 0.1) == []

    def test_as_scikit_posthocs(self) -> None:
        posthocs = pytest.importorskip("scikit_posthocs")
        table = random_table(5, 12) + np.arange(5)[:, None] * 0.8
        p = posthocs.posthoc_nemenyi_friedman(table.T)
        ranks = average_ranks(table)["rank"]
        together = {pair for group in cliques(ranks, nemenyi(5, 12)) for pair in product(group, group)}
        pairs = list(combinations(table.index, 2))
        assert [(a, b) in together for a, b in pairs] == [p.loc[a, b] > 0.05 for a, b in pairs]
        assert 0 < sum((a, b) in together for a, b in pairs) < len(pairs)

    def test_as_autorank(self) -> None:
        autorank = pytest.importorskip("autorank")
        table = random_table(4, 12) ** 3  # not normal
        found = autorank.autorank(table.T, alpha=0.05, verbose=False, force_mode="nonparametric")
        expected = found.rankdf["meanrank"].reindex(table.index)
        assert average_ranks(table)["rank"].to_numpy() == pytest.approx(expected.to_numpy())
        assert friedman(table).p == pytest.approx(found.pvalue)
        assert nemenyi(4, 12) == pytest.approx(found.cd, abs=2e-3)


class TestWilcoxon:
    @pytest.mark.parametrize("workloads", [6, 9, 13])
    def test_as_scipy_without_ties(self, workloads: int) -> None:
        table = random_table(4, workloads, workloads)
        pairs = wilcoxon(table)
        expected = [stats.wilcoxon(table.loc[a], table.loc[b]).pvalue for a, b in combinations(table.index, 2)]
        assert pairs["p"].to_numpy() == pytest.approx(expected)

    def test_exact_with_ties_by_all_changes_of_sign(self) -> None:
        gains = np.array([1.0, -1.0, 2.0, 2.0, 2.0, 3.0, -3.0, 0.0])
        ranks = stats.rankdata(np.abs(gains[gains != 0]))
        observed = abs(ranks @ np.sign(gains[gains != 0]))
        sums = np.array([abs(np.dot(ranks, signs)) for signs in product((-1, 1), repeat=len(ranks))])
        (pair,) = wilcoxon(pd.DataFrame([gains, np.zeros(8)], index=["a", "b"])).to_dict("records")
        assert pair["p"] == pytest.approx((sums >= observed).mean())
        assert (pair["wins"], pair["losses"], pair["ties"]) == (5, 2, 1)

    def test_holm_as_statsmodels(self) -> None:
        multitest = pytest.importorskip("statsmodels.stats.multitest")
        pairs = wilcoxon(random_table(5, 12) + np.arange(5)[:, None])
        expected = multitest.multipletests(pairs["p"], method="holm")[1]
        assert pairs["p_holm"].to_numpy() == pytest.approx(expected)

    def test_ahead_everywhere_is_better_from_six_workloads(self) -> None:
        def verdict(workloads: int) -> str:
            rise = np.arange(workloads) / 10
            table = pd.DataFrame([0.5 + rise, 0.4 - rise], index=["a", "b"])
            return str(wilcoxon(table)["verdict"].iloc[0])

        assert [verdict(5), verdict(6)] == ["not enough workloads", "better"]

    def test_a_tiny_scale_is_no_tie(self) -> None:
        table = pd.DataFrame([[1e-16] * 6, [2e-16] * 6], index=["a", "b"])
        assert wilcoxon(table)["verdict"].iloc[0] == "worse"

    def test_failing_loses_more_than_anything(self) -> None:
        table = pd.DataFrame([[0.5, 0.6, 0.7, math.nan], [0.4, 0.4, 0.4, 0.4], [math.nan] * 4], index=list("abc"))
        pairs = wilcoxon(table).set_index(["a", "b"])
        assert pairs[["wins", "losses", "ties"]].to_numpy()[0].tolist() == [3, 1, 0]
        # ranks 1, 2, 3 against 4: as far from the middle as 6 to 4
        assert pairs.loc[("a", "b"), "p"] == pytest.approx(stats.wilcoxon([1, 2, 3, -4]).pvalue)
        assert pairs[["wins", "losses", "ties"]].to_numpy()[1].tolist() == [3, 0, 1]

    def test_fewest_workloads(self) -> None:
        """Holm multiplies the smallest p, 2 / 2^N, by the number of pairs."""
        assert [min_workloads(k) for k in (2, 3, 5, 10)] == [6, 7, 9, 11]

    def test_equals_are_seldom_told_apart(self) -> None:
        """In at most 7 % of 300 tables of noise is any pair better or worse: 5 %, 1.6 standard errors above."""
        verdicts = [wilcoxon(random_table(3, 12, seed))["verdict"] for seed in range(300)]
        assert np.mean([own.isin(["better", "worse"]).any() for own in verdicts]) <= 0.07

    @settings(max_examples=40)
    @given(tables)
    def test_turning_round_turns_verdicts_round(self, table: pd.DataFrame) -> None:
        opposite = {"better": "worse", "worse": "better"}
        forward = wilcoxon(table).set_index(["a", "b"])
        backward = wilcoxon(table.iloc[::-1]).set_index(["b", "a"])
        for pair in forward.index:
            one, other = forward.loc[pair], backward.loc[pair]
            assert one["p"] == other["p"]
            assert opposite.get(one["verdict"], one["verdict"]) == other["verdict"]


def sweep(
    workloads: int = 3, optimizers: tuple[str, ...] = ("adam", "sgd"), rates: tuple[float, ...] = (0.1, 0.01)
) -> pd.DataFrame:
    """Two seeds; the first optimizer is best, the second rate; test lies 0.1 below validation."""
    rows = [
        {
            "cell_id": f"{workload}-{name}-{lr}-{seed}",
            "state": "completed",
            "dataset": f"data{workload}",
            "model": "mlp",
            "optimizer": name,
            "lr": lr,
            "max_epochs": 10 * (1 + workload),
            "seed": seed,
            "val/accuracy": 0.9 - place / 10 - lr / 10 - workload / 100 + seed / 1000,
        }
        for workload in range(workloads)
        for place, name in enumerate(optimizers)
        for lr in rates
        for seed in (0, 1)
    ]
    cells = pd.DataFrame(rows)
    return cells.assign(**{"test/accuracy": cells["val/accuracy"] - 0.1})


def contested(cells: pd.DataFrame, *also: str, mode: str = "max") -> Contest:
    axes = ["dataset", "model", "optimizer", "lr", "max_epochs", "seed"]
    return contest(compare(cells, axes, select={"monitor": "val/accuracy", "mode": mode}), also)


class TestContest:
    def test_contestants_are_what_varies_within_a_workload(self) -> None:
        """max_epochs follows from the data set, lr was tuned."""
        found = contested(sweep())
        assert found.contestants.to_dict("list") == {"optimizer": ["adam", "sgd"]}
        assert found.workloads.to_dict("list") == {"dataset": ["data0", "data1", "data2"], "model": ["mlp"] * 3}
        assert found.metric == "test/accuracy"
        assert found.table.loc[0, 0] == pytest.approx(0.9 - 0.001 + 0.0005 - 0.1)
        assert average_ranks(found.table)["rank"].tolist() == [1.0, 2.0]

    def test_chosen_on_validation_though_test_says_otherwise(self) -> None:
        cells = sweep()
        cells.loc[cells["lr"] == 0.1, "test/accuracy"] = 1.0
        assert contested(cells).table.to_numpy().max() < 0.9

    def test_shuffled_rows_give_the_same_ranks(self) -> None:
        cells = sweep(6, ("a", "b", "c"))
        found = contested(cells.sample(frac=1, random_state=3))
        ranks = dict(zip(found.contestants["optimizer"], average_ranks(found.table)["rank"], strict=True))
        assert ranks == {"a": 1.0, "b": 2.0, "c": 3.0}

    def test_lost_is_last_but_to_come_is_a_gap(self) -> None:
        cells = sweep(3)
        mine = (cells["optimizer"] == "adam") & (cells["dataset"] == "data1")
        gone = cells.assign(**{metric: cells[metric].mask(mine) for metric in ("val/accuracy", "test/accuracy")})
        lost = contested(gone.assign(state=cells["state"].mask(mine, "diverged")))
        assert lost.table.shape == (2, 3)
        assert average_ranks(lost.table)[["rank", "lost"]].to_numpy().tolist() == [[4 / 3, 1], [5 / 3, 0]]
        to_come = contested(gone.assign(state=cells["state"].mask(mine, "pending")))
        assert [*to_come.table] == [0, 2]
        assert len(to_come.ranked) == 4

    def test_one_of_two_seeds_lost_halves_an_accuracy(self) -> None:
        cells = sweep(1)
        lost = cells["cell_id"].isin(["0-adam-0.01-0", "0-adam-0.1-0"])
        gone = {metric: cells[metric].mask(lost) for metric in ("val/accuracy", "test/accuracy")}
        found = contested(cells.assign(state=cells["state"].mask(lost, "failed"), **gone))
        assert found.table.loc[0, 0] == pytest.approx((0.9 - 0.001 + 0.001 - 0.1) / 2)
        assert found.entries.loc[found.entries["contestant"] == 0, ["cells", "n", "failed"]].to_numpy().tolist() == [
            [2, 1, 1]
        ]

    def test_an_extra_contestant_or_workload_leaves_the_rest(self) -> None:
        cells = sweep(4, ("a", "b", "c"))
        extra = cells[(cells["optimizer"] == "a") & (cells["dataset"] == "data0")]
        contestant = contested(pd.concat([cells, extra.assign(optimizer="x")], ignore_index=True))
        workload = contested(pd.concat([cells, extra.assign(dataset="y")], ignore_index=True))
        assert contestant.table.shape == workload.table.shape == (3, 4)
        assert contestant.contestants["optimizer"].tolist() == ["a", "b", "c", "x"]

    def test_other_axes_make_workloads_too(self) -> None:
        cells = pd.concat([sweep(2).assign(batch_size=size) for size in (32, 64)], ignore_index=True)
        axes = ["dataset", "optimizer", "batch_size", "lr", "seed"]
        comparison = compare(cells, axes, select={"monitor": "val/accuracy", "mode": "max"})
        assert contest(comparison).table.shape == (4, 2)
        assert contest(comparison, ["batch_size"]).table.shape == (2, 4)

    def test_unknown_axis_is_named(self) -> None:
        with pytest.raises(ConfigFault, match="no such axis to make workloads of · lr · one of dataset, model, opt"):
            contested(sweep(), "lr")

    def test_nothing_in_common_is_an_empty_table(self) -> None:
        cells = sweep(2)
        found = contested(cells.assign(state="pending", **{"val/accuracy": math.nan, "test/accuracy": math.nan}))
        assert found.table.size == 0
        assert refusal(found.table) == "there are not two contestants with a workload in common"
        assert wilcoxon(found.table)["verdict"].tolist() == ["not enough workloads"]
