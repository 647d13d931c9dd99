"""Normalised scores: against hand-made cases, scipy's trimmed mean, and by law."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sweeplab.compare import compare
from sweeplab.compare.profiles import aggregate, chance, normalise, profile, runs
from sweeplab.compare.workloads import contest

TAUS = [0.0, 0.25, 0.5, 0.75, 1.0]


def frame_of(values: dict[tuple[int, int], list[float]]) -> pd.DataFrame:
    """Cells by contestant and workload; NaN is a lost cell."""
    rows = [
        {"cell_id": f"{who}-{where}-{seed}", "contestant": who, "workload": where, "value": value}
        | {"state": "diverged" if math.isnan(value) else "completed"}
        for (who, where), numbers in values.items()
        for seed, value in enumerate(numbers)
    ]
    return pd.DataFrame(rows)


def scores_of(frame: pd.DataFrame) -> list[float]:
    return [round(score, 6) for score in frame["score"]]


value = st.one_of(st.just(math.nan), st.floats(0, 1))
frames = st.integers(1, 4).flatmap(
    lambda seeds: st.lists(st.lists(value, min_size=seeds, max_size=seeds), min_size=4, max_size=4).map(
        lambda parts: frame_of({(place // 2, place % 2): part for place, part in enumerate(parts)})
    )
)


class TestNormalise:
    def test_worst_and_best_cell_are_zero_and_one_on_each_workload(self) -> None:
        frame = frame_of({(0, 0): [0.9, 0.8], (1, 0): [0.7, math.nan], (0, 1): [0.2], (1, 1): [0.4]})
        found = normalise(frame, "max")
        assert scores_of(found) == [1.0, 0.5, 0.0, 0.0, 0.0, 1.0]
        assert found["floor"].tolist() == [0.7] * 4 + [0.2] * 2
        assert {*found["zero"], *found["one"]} == {"the worst cell", "the best cell"}

    def test_a_loss_is_best_where_it_is_lowest(self) -> None:
        found = normalise(frame_of({(0, 0): [1.0], (1, 0): [3.0], (2, 0): [2.0]}), "min")
        assert scores_of(found) == [1.0, 0.0, 0.5]
        assert (found["floor"][0], found["ceiling"][0]) == (3.0, 1.0)

    def test_floor_of_chance_and_ceiling_of_target(self) -> None:
        frame = frame_of({(0, 0): [0.55, 0.05], (1, 0): [1.0, math.nan]})
        found = normalise(frame, "max", floors={0: 0.1}, ceilings={0: 0.55})
        assert scores_of(found) == [1.0, 0.0, 2.0, 0.0]
        assert {*found["zero"], *found["one"]} == {"the floor given", "the ceiling given"}

    def test_all_equal_are_all_best_but_the_lost(self) -> None:
        found = normalise(frame_of({(0, 0): [0.5, 0.5], (1, 0): [0.5, math.nan]}), "max")
        assert scores_of(found) == [1.0, 1.0, 1.0, 0.0]

    def test_where_all_were_lost_all_score_zero(self) -> None:
        assert scores_of(normalise(frame_of({(0, 0): [math.nan], (1, 0): [math.nan]}), "max")) == [0.0, 0.0]

    def test_chance_is_the_commonest_class(self) -> None:
        frame = frame_of({(0, 0): [0.5], (0, 1): [0.5]})
        assert chance(frame, {"0-0-0": [[3, 1], [4, 8]], "elsewhere": [[1, 0], [0, 0]]}) == {0: 0.75}

    @given(frames)
    def test_scores_lie_between_zero_and_one(self, frame: pd.DataFrame) -> None:
        found = normalise(frame, "max")
        assert found["score"].between(0, 1).all()
        assert (found["score"][frame["value"].isna()] == 0).all()


class TestAggregate:
    def test_by_hand(self) -> None:
        """Eight scores: the outer two on each side are left out; the gap counts what lies above 1 as 1."""
        frame = frame_of({(0, 0): [0.1, 0.2, 0.3, 0.4], (0, 1): [0.5, 0.6, 0.7, 1.5]})
        found = aggregate(frame.assign(score=frame["value"])).loc[0]
        assert found["iqm"] == pytest.approx((0.3 + 0.4 + 0.5 + 0.6) / 4)
        assert found["gap"] == pytest.approx(1 - (0.1 + 0.2 + 0.3 + 0.4 + 0.5 + 0.6 + 0.7 + 1.0) / 8)
        assert [found[name] for name in ("cells", "lost", "workloads", "fewest")] == [8, 0, 2, 4]
        assert found["iqm_low"] < found["iqm"] < found["iqm_high"]

    def test_lost_cells_pull_down_and_are_counted(self) -> None:
        frame = frame_of({(0, 0): [0.8, 0.8, 0.8, math.nan], (1, 0): [0.8, 0.8, 0.8, 0.8]})
        found = aggregate(normalise(frame, "max", floors={0: 0.0}, ceilings={0: 1.0}))
        assert found["lost"].tolist() == [1, 0]
        assert found["gap"].tolist() == pytest.approx([0.4, 0.2])

    def test_no_interval_below_three_cells_on_a_workload(self) -> None:
        frame = frame_of({(0, 0): [0.1, 0.2, 0.3], (0, 1): [0.4, 0.5]})
        found = aggregate(frame.assign(score=frame["value"])).loc[0]
        assert found["fewest"] == 2
        assert found[["iqm_low", "iqm_high", "gap_low", "gap_high"]].isna().all()

    def test_resampled_within_workloads_only(self) -> None:
        """Seeds agree on each workload: nothing is uncertain, however far the workloads lie apart."""
        frame = frame_of({(0, 0): [0.1] * 4, (0, 1): [0.9] * 4})
        found = aggregate(frame.assign(score=frame["value"])).loc[0]
        assert (found["iqm_low"], found["iqm_high"]) == pytest.approx((0.5, 0.5))

    def test_order_of_rows_changes_nothing(self) -> None:
        generator = np.random.default_rng(4)
        frame = frame_of({(who, where): list(generator.normal(size=5)) for who in range(2) for where in range(3)})
        frame = frame.assign(score=frame["value"])
        shuffled = frame.sample(frac=1, random_state=5).assign(workload=lambda table: 2 - table["workload"])
        pd.testing.assert_frame_equal(aggregate(frame), aggregate(shuffled), rtol=1e-12)

    def test_interquartile_mean_is_the_trimmed_mean_of_all_cells(self) -> None:
        """As rliable defines it: scipy's, a quarter off each end of all runs on all tasks."""
        scores = np.random.default_rng(6).uniform(size=(3, 5))
        frame = frame_of({(0, where): list(row) for where, row in enumerate(scores)})
        found = aggregate(frame.assign(score=frame["value"])).loc[0]
        assert found["iqm"] == pytest.approx(stats.trim_mean(scores, 0.25, axis=None))

    @pytest.mark.parametrize(("workloads", "seeds"), [(2, 3), (6, 5)])
    def test_interval_covers(self, workloads: int, seeds: int) -> None:
        """Of normal scores around 0 in 92 to 98 % of 400 draws: 95 %, three standard errors to both sides."""
        scores = np.random.default_rng(7).normal(size=(400, workloads, seeds))
        places = np.indices(scores.shape)[:2].reshape(2, -1)
        frame = pd.DataFrame({"contestant": places[0], "workload": places[1], "score": scores.ravel()})
        found = aggregate(frame.assign(value=frame["score"]))
        assert 0.92 <= ((found["iqm_low"] <= 0) & (found["iqm_high"] >= 0)).mean() <= 0.98

    @given(frames)
    def test_interquartile_mean_lies_within_the_scores(self, frame: pd.DataFrame) -> None:
        scored = normalise(frame, "max")
        found = aggregate(scored)
        ends = scored.groupby("contestant")["score"].agg(["min", "max"])
        assert ((found["iqm"] >= ends["min"] - 1e-12) & (found["iqm"] <= ends["max"] + 1e-12)).all()
        assert found["gap"].between(0, 1).all()


class TestProfile:
    def test_by_hand_every_workload_weighs_the_same(self) -> None:
        frame = frame_of({(0, 0): [0.0, 0.5, 1.0, 1.0], (0, 1): [0.6]})
        found = profile(frame.assign(score=frame["value"]), TAUS)
        assert found["share"].tolist() == [(0.75 + 1) / 2, (0.75 + 1) / 2, (0.5 + 1) / 2, 0.25, 0.0]

    @given(frames)
    def test_never_rises_and_ends_at_zero(self, frame: pd.DataFrame) -> None:
        found = profile(normalise(frame, "max"), TAUS)
        for _, own in found.groupby("contestant"):
            assert (np.diff(own["share"]) <= 0).all()
            assert own["share"].between(0, 1).all()
            assert own["share"].iloc[-1] == 0

    def test_nobody_has_no_profile(self) -> None:
        assert profile(frame_of({(0, 0): [1.0]}).assign(score=1.0).iloc[:0], TAUS).empty


class TestRuns:
    CELLS = pd.DataFrame(
        [
            {"cell_id": f"{data}-{name}-{lr}-{seed}", "dataset": data, "optimizer": name, "lr": lr, "seed": seed}
            | {"state": "completed", "val/accuracy": lr + seed / 100, "test/accuracy": lr + seed / 100}
            for data in ("a", "b")
            for name in ("adam", "sgd")
            for lr in (0.5, 0.6)
            for seed in (0, 1)
        ]
    )

    def found(self, cells: pd.DataFrame) -> pd.DataFrame:
        comparison = compare(
            cells, ["dataset", "optimizer", "lr", "seed"], select={"monitor": "val/accuracy", "mode": "max"}
        )
        return runs(contest(comparison), comparison, cells)

    def lose(self, *where: str, state: str) -> pd.DataFrame:
        gone = self.CELLS["cell_id"].str.startswith(where)
        lost = {metric: self.CELLS[metric].mask(gone) for metric in ("val/accuracy", "test/accuracy")}
        return self.CELLS.assign(state=self.CELLS["state"].mask(gone, state), **lost)

    def test_all_seeds_of_the_chosen_settings(self) -> None:
        found = self.found(self.CELLS)
        assert sorted(found["cell_id"]) == [
            f"{data}-{name}-0.6-{seed}" for data in "ab" for name in ("adam", "sgd") for seed in (0, 1)
        ]
        assert found["value"].tolist() == [0.6, 0.61] * 4

    def test_lost_cells_stay_and_cells_to_come_do_not(self) -> None:
        diverged = self.found(self.lose("a-adam-0.6-0", "a-adam-0.5", state="diverged"))
        assert len(diverged) == 8
        assert diverged.loc[diverged["cell_id"] == "a-adam-0.6-0", "value"].isna().all()
        assert len(self.found(self.lose("a-adam-0.6-0", "a-adam-0.5", state="pending"))) == 7

    def test_nothing_chosen_is_as_many_lost_cells_as_a_setting_has(self) -> None:
        found = self.found(self.lose("a-adam", state="failed"))
        lost = found[found["value"].isna()]
        assert len(found) == 8
        assert (len(lost), set(lost["state"])) == (2, {"failed"})
