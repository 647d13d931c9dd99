"""Time to target: by hand, after AlgoPerf's formulas, and by law."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from sweeplab.compare import compare
from sweeplab.compare.target import Race, profile, race, score
from sweeplab.compare.workloads import contest
from sweeplab.errors import ConfigFault

AXES = ["dataset", "optimizer", "seed"]
SELECT = {"monitor": "val/accuracy", "mode": "max"}


def sweep(
    speeds: dict[str, list[float]], *, workloads: int = 2, epochs: int = 10, lost: tuple[str, ...] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cells and curves: after each epoch accuracy is speed * epoch; 100 steps and 3 seconds an epoch."""
    rows, lines = [], []
    for workload in range(workloads):
        for name, by_seed in speeds.items():
            for seed, speed in enumerate(by_seed):
                cell = f"data{workload}-{name}-{seed}"
                is_lost = cell in lost
                best = math.nan if is_lost else speed * epochs
                rows.append(
                    {"cell_id": cell, "state": "diverged" if is_lost else "completed", "dataset": f"data{workload}"}
                    | {"optimizer": name, "seed": seed, "val/accuracy": best, "test/accuracy": best}
                )
                lines += [
                    {"cell_id": cell, "epoch": epoch, "step": 100 * epoch, "train_time_s": 3.0 * epoch}
                    | {"val/accuracy": speed * epoch}
                    for epoch in range(1, epochs + 1)
                ]
    return pd.DataFrame(rows), pd.DataFrame(lines)


def raced(cells: pd.DataFrame, curves: pd.DataFrame, **options: object) -> Race:
    comparison = compare(cells, AXES, select=SELECT)
    return race(contest(comparison), comparison, cells, curves, **options)  # type: ignore[arg-type]


class TestScore:
    @pytest.mark.parametrize(
        ("ratios", "expected"), [([1, 1], 1.0), ([4, math.inf], 0.0), ([1, 2.5], 0.75), ([2, 3], 0.5), ([9], 0.0)]
    )
    def test_by_hand(self, ratios: list[float], expected: float) -> None:
        assert score(np.array(ratios)) == pytest.approx(expected)

    @given(st.lists(st.floats(1, 10), min_size=1, max_size=6))
    def test_is_the_area_under_the_profile(self, ratios: list[float]) -> None:
        def height(factor: float) -> float:
            return float(np.mean(np.array(ratios) <= factor))

        breaks = sorted({ratio for ratio in ratios if 1 < ratio < 4})
        area = sum(quad(height, low, high)[0] for low, high in zip([1.0, *breaks], [*breaks, 4.0], strict=True))
        assert score(np.array(ratios)) == pytest.approx(area / 3, abs=1e-6)

    @given(st.lists(st.one_of(st.just(math.inf), st.floats(1, 100)), min_size=1))
    def test_lies_between_zero_and_one(self, ratios: list[float]) -> None:
        assert 0 <= score(np.array(ratios)) <= 1


class TestRace:
    def test_by_hand(self) -> None:
        """0.5 is reached after epochs 5, 7 (0.08 * 7 = 0.56) and not within 10."""
        cells, curves = sweep({"fast": [0.1] * 3, "slow": [0.08] * 3, "never": [0.04] * 3})
        found = raced(cells, curves, targets={0: 0.5, 1: 0.5}, unit="epochs")
        first = found.times[found.times["workload"] == 0].set_index("contestant")
        assert first["time"].tolist() == [5, 7, math.inf]
        assert first["ratio"].tolist() == [1, 1.4, math.inf]
        assert first["reached"].tolist() == [3, 3, 0]
        assert found.scores["score"].tolist() == pytest.approx([1, (4 - 1.4) / 3, 0])
        assert found.scores["fastest"].tolist() == [2, 0, 0]
        assert found.scores["hit"].tolist() == [2, 2, 0]
        assert not found.is_derived

    def test_units(self) -> None:
        cells, curves = sweep({"a": [0.1], "b": [0.08]}, workloads=1)
        origins = pd.DataFrame({"cell_id": cells["cell_id"], "device": "card"})
        options = {"targets": {0: 0.5}, "origins": origins, "ran_alone": True}
        times = {
            unit: raced(cells, curves, unit=unit, **options).times["time"].tolist()
            for unit in ("steps", "epochs", "seconds")
        }
        assert times == {"steps": [500, 700], "epochs": [5, 7], "seconds": [15, 21]}

    def test_median_over_seeds_and_half_missing_is_missed(self) -> None:
        cells, curves = sweep({"a": [0.1, 0.02, 0.25], "b": [0.1, 0.1, 0.02, 0.02]}, workloads=1)
        found = raced(cells, curves, targets={0: 0.5}, unit="epochs").times
        assert found["time"].tolist() == [5, math.inf]
        assert found["reached"].tolist() == [2, 2]
        assert found["cells"].tolist() == [3, 4]

    def test_lost_cell_never_reached_it_though_its_curve_did(self) -> None:
        cells, curves = sweep({"a": [0.1] * 3, "b": [0.1] * 3}, workloads=1, lost=("data0-a-0", "data0-a-1"))
        found = raced(cells, curves, targets={0: 0.5}).times
        assert found["time"].tolist() == [math.inf, 500]
        assert found[["reached", "cells"]].to_numpy().tolist() == [[1, 3], [3, 3]]

    def test_derived_target_is_the_median_of_medians(self) -> None:
        """Bests are 1.0, 0.8 (median of 0.7, 0.8, 0.9) and 0.4: the target is 0.8."""
        cells, curves = sweep({"a": [0.1], "b": [0.07, 0.08, 0.09], "c": [0.04]}, workloads=1)
        found = raced(cells, curves, unit="epochs")
        assert found.is_derived
        assert found.times["target"].unique() == pytest.approx([0.8])
        assert found.times["time"].tolist() == [8, 10, math.inf]
        assert found.times["reached"].tolist() == [1, 2, 0]

    def test_derived_where_most_were_lost_is_the_least_that_is_left(self) -> None:
        speeds = {"a": [0.1], "b": [0.1], "c": [0.1], "d": [0.08], "e": [0.1]}
        cells, curves = sweep(speeds, workloads=1, lost=("data0-a-0", "data0-b-0", "data0-e-0"))
        found = raced(cells, curves, unit="epochs")
        assert found.times["target"].unique() == pytest.approx([0.8])
        assert found.times["time"].tolist() == [math.inf, math.inf, 8, 10, math.inf]

    def test_where_all_were_lost_nobody_reaches_anything(self) -> None:
        cells, curves = sweep({"a": [0.1], "b": [0.1]}, workloads=1, lost=("data0-a-0", "data0-b-0"))
        found = raced(cells, curves)
        assert found.times["target"].isna().all()
        assert found.scores["score"].tolist() == [0, 0]

    def test_a_loss_must_fall_to_its_target(self) -> None:
        cells, curves = sweep({"a": [0.1], "b": [0.05]}, workloads=1)
        cells, curves = (table.assign(**{"val/loss": 1 - table["val/accuracy"]}) for table in (cells, curves))
        comparison = compare(cells, AXES, select={"monitor": "val/loss", "mode": "min"})
        found = race(contest(comparison), comparison, cells, curves, targets={0: 0.5}, unit="epochs")
        assert found.times["time"].tolist() == [5, 10]

    def test_order_of_rows_changes_nothing(self) -> None:
        cells, curves = sweep({"a": [0.1, 0.06], "b": [0.05, 0.08]})
        shuffled = raced(cells.iloc[[0, *range(7, 0, -1)]], curves.sample(frac=1, random_state=1))
        assert _times(shuffled) == _times(raced(cells, curves))

    def test_the_faster_the_higher_the_score(self) -> None:
        cells, curves = sweep({f"x{place}": [0.1 / place] * 3 for place in (1, 2, 3, 5)})
        scores = raced(cells, curves, targets={0: 0.2, 1: 0.2}).scores["score"]
        assert scores.is_monotonic_decreasing
        assert scores.iloc[0] == 1

    def test_nothing_in_common_is_an_empty_race(self) -> None:
        cells, curves = sweep({"a": [0.1], "b": [0.1]}, workloads=1)
        cells = cells.assign(state="pending", **{"val/accuracy": math.nan, "test/accuracy": math.nan})
        found = raced(cells, curves)
        assert found.times.empty
        assert found.scores.empty

    def test_missing_target_is_named(self) -> None:
        cells, curves = sweep({"a": [0.1], "b": [0.1]})
        with pytest.raises(ConfigFault, match="no target for a workload · data1 · one for each"):
            raced(cells, curves, targets={0: 0.5})


def _times(found: Race) -> list[list[float]]:
    """Times of each contestant, sorted: its number depends on the order of rows."""
    return sorted(sorted(own) for _, own in found.times.groupby("contestant")["time"])


class TestClock:
    """Guard G16."""

    CELLS, CURVES = sweep({"a": [0.1], "b": [0.08]}, workloads=1)

    def asked(self, devices: list[str] | None, *, ran_alone: bool, **columns: list[int]) -> Race:
        known = None if devices is None else self.CELLS[["cell_id"]].assign(device=devices, **columns)
        return raced(self.CELLS, self.CURVES, unit="seconds", origins=known, ran_alone=ran_alone, targets={0: 0.5})

    def test_silent_where_all_ran_alone_on_one_device(self) -> None:
        found = self.asked(["card", "card"], ran_alone=True)
        assert (found.unit, found.notes) == ("seconds", [])

    @pytest.mark.parametrize(
        ("devices", "ran_alone", "words"),
        [
            (["card", "card"], False, "cells may have shared their device with others"),
            (["card", "other"], True, "cells of a workload differ in device"),
            (None, True, "nothing is known of their devices"),
        ],
    )
    def test_seconds_become_steps_and_it_is_said(self, devices: list[str], ran_alone: bool, words: str) -> None:
        found = self.asked(devices, ran_alone=ran_alone)
        assert found.unit == "steps"
        assert found.notes == [f"seconds were asked for, steps are shown: {words}"]
        assert found.times["time"].tolist() == [500, 700]

    def test_steps_of_unequal_batches_are_told_apart(self) -> None:
        origins = self.CELLS[["cell_id"]].assign(batch_size=[32, 64])
        words = ["batch sizes differ within a workload: a step is not the same work for all, an epoch is"]
        assert raced(self.CELLS, self.CURVES, origins=origins).notes == words
        assert raced(self.CELLS, self.CURVES, origins=origins, unit="epochs").notes == []

    def test_unknown_unit_is_named(self) -> None:
        with pytest.raises(ConfigFault, match="no such unit of time · hours · steps, epochs, seconds"):
            raced(self.CELLS, self.CURVES, unit="hours")


class TestProfile:
    def test_by_hand(self) -> None:
        times = pd.DataFrame({"contestant": [0, 0, 0], "workload": [0, 1, 2], "ratio": [1.0, 2.0, math.inf]})
        assert profile(times, [1, 1.5, 2, 100])["share"].tolist() == pytest.approx([1 / 3, 1 / 3, 2 / 3, 2 / 3])

    @given(st.lists(st.one_of(st.just(math.inf), st.floats(1, 20)), min_size=1))
    def test_never_falls(self, ratios: list[float]) -> None:
        times = pd.DataFrame({"contestant": 0, "workload": range(len(ratios)), "ratio": ratios})
        share = profile(times, np.linspace(1, 8, 30).tolist())["share"]
        assert share.is_monotonic_increasing
        assert share.between(0, 1).all()
