"""Many workloads as tables and figures: what is in the numbers, and what is said of them."""

import io
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy import stats

from sweeplab.compare import Comparison, compare
from sweeplab.compare.profiles import profile, scored
from sweeplab.compare.ranks import nemenyi
from sweeplab.compare.target import race
from sweeplab.compare.workloads import contest
from sweeplab.report.figures.profiles import profiles
from sweeplab.report.figures.ranks import ranks
from sweeplab.report.figures.style import style
from sweeplab.report.wilcoxon import wilcoxon_table
from sweeplab.report.workloads import profile_table, ranks_table, target_table

AXES = ["dataset", "model", "optimizer", "seed"]
NAMES = ("adam", "sgd", "lion")


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    with style():
        yield


def sweep(workloads: int = 6, names: tuple[str, ...] = NAMES, seeds: int = 3) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Each name is worse than the one before; accuracy after epoch e is best * e / 10, 100 steps an epoch."""
    rows, lines = [], []
    for workload in range(workloads):
        for place, name in enumerate(names):
            for seed in range(seeds):
                cell = f"{workload}-{name}-{seed}"
                best = 0.9 - place / 10 - workload / 100 + seed / 1000
                rows.append(
                    {"cell_id": cell, "state": "completed", "dataset": f"data{workload}", "model": "mlp"}
                    | {"optimizer": name, "seed": seed, "val/accuracy": best, "test/accuracy": best - 0.1}
                )
                lines += [
                    {"cell_id": cell, "epoch": e, "step": 100 * e, "val/accuracy": best * e / 10} for e in range(1, 11)
                ]
    return pd.DataFrame(rows), pd.DataFrame(lines)


def lose(cells: pd.DataFrame, *starts: str, state: str = "diverged") -> pd.DataFrame:
    gone = cells["cell_id"].str.startswith(starts)
    assert gone.any()
    lost = {metric: cells[metric].mask(gone) for metric in ("val/accuracy", "test/accuracy")}
    return cells.assign(state=cells["state"].mask(gone, state), **lost)


def compared(cells: pd.DataFrame) -> Comparison:
    return compare(cells, AXES, select={"monitor": "val/accuracy", "mode": "max"})


def drawn(figure: Figure | None) -> Figure:
    assert figure is not None
    figure.savefig(io.BytesIO())
    return figure


def words(figure: Figure) -> str:
    return " ".join(text.get_text().replace("\n", " ") for text in figure.findobj(match=_has_text))  # type: ignore[attr-defined]


def _has_text(artist: object) -> bool:
    return hasattr(artist, "get_text")


class TestRanksTable:
    def test_best_first_each_against_it(self) -> None:
        table = ranks_table(contest(compared(sweep(7)[0])))
        assert table.title == "Average ranks over 7 workloads by test/accuracy"
        assert table.header == ["optimizer", "average rank", "first", "no result", "n", "verdict against adam"]
        assert table.rows == [
            ["adam", "1.00", "7", "0", "21/21", ""],
            ["sgd", "2.00", "0", "0", "21/21", "worse"],
            ["lion", "3.00", "0", "0", "21/21", "worse"],
        ]
        notes = " ".join(table.notes)
        assert "CAUTION: 7 workloads: below 10" in notes
        assert "chi-squared 14.00, p 0.00091: the contestants differ" in notes
        assert f"(Nemenyi, 0.05): {nemenyi(3, 7):.2f}." in notes
        assert "no verdict is possible" not in notes

    def test_refused_below_five_in_words_with_ranks_as_they_are(self) -> None:
        table = ranks_table(contest(compared(sweep(4)[0])))
        assert [row[1] for row in table.rows] == ["1.00", "2.00", "3.00"]
        assert {row[-1] for row in table.rows[1:]} == {"not enough workloads"}
        notes = " ".join(table.notes)
        assert "No test of ranks and no critical difference: 4 workloads, at least 5 are needed" in notes
        assert "With 3 contestants no verdict is possible below 7 workloads" in notes
        assert "Friedman" not in notes

    def test_lost_cells_are_counted_and_said(self) -> None:
        table = ranks_table(contest(compared(lose(sweep()[0], "0-adam", "1-sgd-2"))))
        rows = {row[0]: row for row in table.rows}
        assert rows["adam"][1:5] == ["1.33", "5", "1", "15/18, 3 diverged"]
        assert rows["sgd"][3:5] == ["0", "17/18, 1 diverged"]
        notes = " ".join(table.notes)
        assert "no result: workloads without a completed cell; they count as the last rank." in notes
        assert "In the ranks a lost cell of a chosen setting counts as 0." in notes

    def test_what_has_not_ended_is_left_out_and_named(self) -> None:
        table = ranks_table(contest(compared(lose(sweep()[0], "5-lion", state="pending"))))
        assert table.title == "Average ranks over 5 workloads by test/accuracy"
        assert "Workloads left out, as not all were asked for or have ended there: data5." in table.notes

    def test_nothing_yet_is_an_empty_table_with_its_reason(self) -> None:
        cells = lose(sweep()[0], *map(str, range(6)), state="pending")
        table = ranks_table(contest(compared(cells)))
        assert table.rows == []
        assert any("there are not two contestants with a workload in common" in note for note in table.notes)

    def test_foreign_names_are_plain(self) -> None:
        table = ranks_table(contest(compared(sweep(5, ("a\x1b[31m\nb", "c"))[0])))
        assert table.rows[0][0] == "a b"
        assert table.header[-1] == "verdict against a b"


class TestWilcoxonTable:
    def test_every_two_best_first_with_p_of_all_signs_and_holm(self) -> None:
        table = wilcoxon_table(contest(compared(sweep(8, ("lion", "sgd", "adam")[::-1])[0])))
        assert table.title == "Every two over 8 workloads by test/accuracy"
        # one of 2^8 changes of sign is as far, to either side: p = 2 / 256, times 3, 2 and 1 pairs, never falling
        told = ["8", "0", "0", "0.0078", "0.023", "better"]
        assert table.rows == [["adam", "sgd", *told], ["adam", "lion", *told], ["sgd", "lion", *told]]
        assert "Holm" in table.notes[0]
        assert "all 3 pairs" in table.notes[0]

    def test_p_is_that_of_scipy(self) -> None:
        rng = np.random.default_rng(3)
        cells = sweep(9, ("adam", "sgd"), seeds=1)[0]
        cells["test/accuracy"] = rng.uniform(0.5, 0.9, len(cells))
        [row] = wilcoxon_table(contest(compared(cells))).rows
        one, other = (cells.loc[cells["optimizer"] == name, "test/accuracy"].to_numpy() for name in ("adam", "sgd"))
        assert float(row[5]) == pytest.approx(stats.wilcoxon(one, other, method="exact").pvalue, rel=0.05)
        assert (int(row[2]), int(row[3])) in {((one > other).sum(), (one < other).sum())} | {
            ((one < other).sum(), (one > other).sum())
        }

    def test_too_few_workloads_are_no_verdict(self) -> None:
        rows = wilcoxon_table(contest(compared(sweep(4)[0]))).rows
        assert {row[-1] for row in rows} == {"not enough workloads"}


class TestProfileTable:
    def test_scores_with_what_they_mean(self) -> None:
        cells, _ = sweep(2, seeds=5)
        comparison = compared(lose(cells, "0-lion-4"))
        found = contest(comparison)
        table = profile_table(found, scored(found, comparison, lose(cells, "0-lion-4"), {}))
        assert [row[0] for row in table.rows] == list(NAMES)
        assert table.rows[2][-1] == "9/10"
        assert float(table.rows[0][1]) > 0.97
        assert table.rows[0][2].startswith("[0.9")
        notes = " ".join(table.notes)
        assert "0 is the worst cell, 1 is the best cell; 1 cell without a result scores 0" in notes
        assert "scores depend on who takes part" in notes

    def test_chance_is_the_floor_where_it_is_known(self) -> None:
        cells, _ = sweep(1, seeds=1)
        comparison = compared(cells)
        found = contest(comparison)
        table = profile_table(found, scored(found, comparison, cells, {"0-adam-0": [[3, 1], [1, 1], [4, 0]]}))
        # test accuracies 0.8, 0.7, 0.6; the commonest class has 4 of 10 examples
        assert [row[1] for row in table.rows] == ["1.0000", "0.7500", "0.5000"]
        assert [row[2] for row in table.rows] == ["—"] * 3
        assert "0 is the commonest class alone, 1 is the best cell" in table.notes[0]


class TestTargetTable:
    def test_times_by_workload_and_score(self) -> None:
        cells, curves = sweep(2)
        comparison = compared(lose(cells, "1-sgd-1"))
        found = contest(comparison)
        held = race(found, comparison, lose(cells, "1-sgd-1"), curves, targets={0: 0.75, 1: 0.75})
        table = target_table(found, held)
        assert table.title == "Steps to a target val/accuracy"
        # adam reaches 0.75 of 0.9 at epoch 9 of 10, sgd of 0.8 at 10; lion ends at 0.7
        assert table.rows == [
            ["adam", "1.000", "2", "2/2", "6/6", "900", "900"],
            ["sgd", f"{(4 - 10 / 9) / 3:.3f}", "0", "2/2", "5/6", "1000", "1000 (2/3)"],
            ["lion", "0.000", "0", "0/2", "0/6", "never (0/3)", "never (0/3)"],
        ]
        assert table.header[-2:] == ["data0", "data1"]
        assert "Targets of val/accuracy are given." in table.notes
        assert "Targets: data0 0.7500; data1 0.7500." in table.notes

    def test_derived_targets_and_refused_seconds_are_said(self) -> None:
        cells, curves = sweep(9)
        comparison = compared(cells)
        found = contest(comparison)
        table = target_table(found, race(found, comparison, cells, curves, unit="seconds"))
        assert table.notes[0].startswith("CAUTION: seconds were asked for, steps are shown")
        assert any(note.startswith("Targets derived from these cells") for note in table.notes)
        assert len(table.header) == 5  # nine workloads are too many for columns


class TestRanksFigure:
    def test_lines_start_at_the_ranks_and_the_bar_is_as_long_as_the_critical_difference(self) -> None:
        figure = drawn(ranks(compared(sweep(7)[0])))
        lines = _lines(figure)
        assert [float(np.asarray(line.get_xdata())[0]) for line in lines["contestant"]] == [1.0, 2.0, 3.0]
        (ruler,) = lines["critical"]
        assert np.diff(np.asarray(ruler.get_xdata(), dtype=float)) == pytest.approx(nemenyi(3, 7))
        bars = [[float(end) for end in np.asarray(line.get_xdata())] for line in lines["clique"]]
        assert bars == [[1.0, 2.0], [2.0, 3.0]]

    def test_names_failures_and_caution_are_written(self) -> None:
        text = words(drawn(ranks(compared(lose(sweep()[0], "0-adam")))))
        assert "adam (1 without a result)  1.33" in text
        assert "CAUTION: 6 workloads" in text

    def test_refused_below_five_workloads(self) -> None:
        assert ranks(compared(sweep(4)[0])) is None
        assert ranks(compared(sweep(6, ("adam",))[0])) is None


class TestProfilesFigure:
    def test_lines_are_the_profiles(self) -> None:
        cells, curves = sweep(3)
        comparison = compared(cells)
        figure = drawn(profiles(comparison, cells, curves, {}, None))
        left, right = figure.axes
        found = contest(comparison)
        expected = profile(scored(found, comparison, cells, {}), np.linspace(0, 1, 101).tolist())
        for line, name in zip(left.lines, NAMES, strict=True):
            own = expected.loc[expected["contestant"] == NAMES.index(name), "share"]
            assert line.get_label() == name
            assert np.asarray(line.get_ydata()).tolist() == own.tolist()
        assert all((np.diff(np.asarray(line.get_ydata(), dtype=float)) >= 0).all() for line in right.lines)
        assert "Targets derived from these cells" in words(figure)

    def test_without_curves_there_is_no_time(self) -> None:
        cells, curves = sweep(3)
        assert len(drawn(profiles(compared(cells), cells, curves.iloc[:, :2], {}, None)).axes) == 1

    def test_one_workload_or_one_contestant_has_no_profile(self) -> None:
        for cells, curves in (sweep(1), sweep(3, ("adam",))):
            assert profiles(compared(cells), cells, curves, {}, None) is None

    def test_beyond_twelve_the_rest_is_counted(self) -> None:
        cells, curves = sweep(2, tuple(f"o{place}" for place in range(14)), seeds=1)
        figure = drawn(profiles(compared(cells), cells, curves, {}, None))
        assert len(figure.axes[0].lines) == 12
        assert "The best 12 by interquartile mean are shown, 2 are not." in words(figure)


def _lines(figure: Figure) -> dict[str, list[Line2D]]:
    found: dict[str, list[Line2D]] = {}
    for line in figure.axes[0].lines:
        found.setdefault(str(line.get_gid()), []).append(line)
    return found
