"""Cost, gap and stability from hand-made cells and curves; what is lacking has no mean."""

import math

import pandas as pd
import pytest

from sweeplab.compare import Comparison, compare
from sweeplab.compare.cost import cost, stability

AXES = ["optimizer", "seed"]


def make_cells() -> pd.DataFrame:
    """adam: two seeds; sgd: one of two diverged."""
    names = ["adam", "adam", "sgd", "sgd"]
    lost = math.nan
    return pd.DataFrame(
        {
            "cell_id": list("abcd"),
            "state": ["completed", "completed", "completed", "diverged"],
            "optimizer": names,
            "seed": [0, 1, 0, 1],
            "val/accuracy": [0.8, 0.8, 0.7, lost],
            "train/accuracy": [0.9, 1.0, 0.7, 0.2],
            "test/accuracy": [0.8, 0.8, 0.75, lost],
            "best_epoch": [2, 3, 1, 1],
            "epochs": [4, 4, 4, 2],
            "steps": [40, 40, 40, 13],
            "train_time_s": [2.0, 4.0, 1.0, 0.1],
            "wall_time_s": [3.0, 5.0, 2.0, 0.2],
            "num_parameters": [10, 10, 10, None],
        }
    )


def make_curves() -> pd.DataFrame:
    """Training time grows by an equal share each epoch."""
    rows = [
        {"cell_id": row.cell_id, "epoch": epoch, "train_time_s": row.train_time_s * epoch / row.epochs}
        for row in make_cells().itertuples()
        for epoch in range(1, row.epochs + 1)
    ]
    return pd.DataFrame(rows)


def compared(cells: pd.DataFrame, mode: str = "max") -> Comparison:
    return compare(cells, AXES, select={"monitor": "val/accuracy", "mode": mode})


def row(frame: pd.DataFrame, name: str) -> pd.Series:
    [found] = [row for _, row in frame.iterrows() if row["optimizer"] == name]
    return found


def test_gap_and_times_on_paper() -> None:
    cells = make_cells()
    adam = row(cost(compared(cells), cells, make_curves()), "adam")
    assert adam["gap/accuracy/mean"] == pytest.approx(0.15)
    assert adam["gap/accuracy/std"] == pytest.approx(0.1 / math.sqrt(2))
    assert adam["time/step_s/mean"] == pytest.approx((2 / 40 + 4 / 40) / 2)
    assert adam["time/epoch_s/mean"] == pytest.approx((2 / 4 + 4 / 4) / 2)
    # two quarters of 2 s and three quarters of 4 s
    assert adam["time/to_chosen_s/mean"] == pytest.approx((1 + 3) / 2)
    assert (adam["time/training_s/mean"], adam["time/wall_s/mean"], adam["num_parameters"]) == (3, 4, 10)


def test_lost_cells_stay_in_the_counts_and_out_of_the_means() -> None:
    cells = make_cells()
    sgd = row(cost(compared(cells), cells, make_curves()), "sgd")
    assert (sgd["cells"], sgd["n"], sgd["diverged"]) == (2, 1, 1)
    assert (sgd["time/training_s/mean"], sgd["gap/accuracy/mean"]) == (1, pytest.approx(-0.05))


def test_what_a_completed_cell_lacks_has_no_mean() -> None:
    cells = make_cells()
    curves = make_curves().query("cell_id != 'b'")
    frame = cost(compared(cells), cells, curves)
    assert math.isnan(row(frame, "adam")["time/to_chosen_s/mean"])
    assert not math.isnan(row(frame, "sgd")["time/to_chosen_s/mean"])
    bare = cells.drop(columns=["train/accuracy", "train_time_s"])
    frame = cost(compared(bare), bare, pd.DataFrame({"cell_id": [], "epoch": []}))
    assert frame[["gap/accuracy/mean", "time/step_s/mean", "time/to_chosen_s/mean"]].isna().all(axis=None)


def test_times_of_several_machines_are_not_to_be_compared() -> None:
    cells = make_cells()
    origins = pd.DataFrame({"cell_id": list("abc"), "device": "cpu", "host": "one", "threads": 1})
    same = cost(compared(cells), cells, make_curves(), origins)
    assert same["reason"].tolist() == ["", ""]
    assert same["machines"].tolist() == ["cpu, one, 1 thread"] * 2
    origins.loc[2, "device"] = "H200"
    other = cost(compared(cells), cells, make_curves(), origins)
    assert other["reason"].tolist() == ["times come from different machines"] * 2
    assert other["machines"].tolist() == ["cpu, one, 1 thread", "H200, one, 1 thread"]


def judged(values: list[float], mode: str = "max", metric: str = "val/accuracy") -> pd.Series:
    cells = pd.DataFrame({"cell_id": ["a"], "state": ["completed"], "optimizer": ["adam"], "seed": [0], metric: 0.5})
    curves = pd.DataFrame({"cell_id": "a", "epoch": range(1, len(values) + 1), metric: values})
    comparison = compare(cells, AXES, select={"monitor": metric, "mode": mode})
    return row(stability(comparison, cells, curves), "adam")


def test_fall_of_the_last_epoch_is_unstable() -> None:
    found = judged([0.5, 0.70, 0.71, 0.72, 0.73, 0.22])
    # around the median 0.705: 0.205, 0.005, 0.005, 0.015, 0.025, 0.485; the middle two are 0.015 and 0.025
    assert found["stability/mad/mean"] == pytest.approx(0.02)
    assert (found["stability/best/mean"], found["stability/last/mean"]) == (0.73, 0.22)
    assert found["stability/drop/mean"] == pytest.approx(0.51)
    assert (found["judged"], found["unstable"], found["flag"]) == (1, 1, "UNSTABLE")


@pytest.mark.parametrize(
    "values",
    [
        [0.4, 0.5, 0.6, 0.7, 0.8],  # still rising
        [0.80, 0.80, 0.80, 0.80, 0.795],  # a fall of half a point, though the deviation is 0
        [0.5, 0.7, 0.6, 0.7, 0.6, 0.7, 0.6],  # as noisy as it falls
    ],
)
def test_rising_or_noise_is_no_fall(values: list[float]) -> None:
    assert judged(values)["flag"] == ""
    assert judged([1 - value for value in values], "min")["flag"] == ""


def test_only_the_last_ten_epochs_tell_the_noise() -> None:
    calm = [0.8] * 10
    assert judged([0.1, 0.9, 0.2, 0.8, 0.1, *calm])["stability/mad/mean"] == 0
    assert judged([0.1, 0.9, 0.2, 0.8, 0.1, *calm])["flag"] == "UNSTABLE"


def test_loss_rises_and_few_epochs_tell_nothing() -> None:
    assert judged([1.0, 0.5, 0.5, 0.5, 0.5, 0.52], "min", "val/loss")["flag"] == ""
    assert judged([1.0, 0.5, 0.5, 0.5, 0.5, 0.6], "min", "val/loss")["flag"] == "UNSTABLE"
    short = judged([0.9, 0.9, 0.9, 0.1])
    assert (short["judged"], short["flag"], short["reason"]) == (0, "", "no completed cell with 5 epochs")
    assert short["stability/drop/mean"] == pytest.approx(0.8)


def test_a_diverged_cell_is_not_judged_and_not_forgotten() -> None:
    cells = make_cells()
    curves = pd.DataFrame({"cell_id": list("abcd") * 5, "epoch": sorted([*range(1, 6)] * 4), "val/accuracy": 0.5})
    frame = stability(compared(cells), cells, curves.sample(frac=1, random_state=1))
    sgd = row(frame, "sgd")
    assert (sgd["cells"], sgd["n"], sgd["diverged"], sgd["judged"]) == (2, 1, 1, 1)
    empty = stability(compared(cells), cells, pd.DataFrame({"cell_id": [], "epoch": []}))
    assert empty["judged"].tolist() == [0, 0]
