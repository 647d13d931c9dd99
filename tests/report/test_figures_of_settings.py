"""Figures of settings beyond their curves: heat maps, seeds, time, confusion; the data drawn, never its pixels."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sweeplab.compare import Comparison, compare
from sweeplab.report.figures import write_figures
from sweeplab.report.figures.confusion import confusion
from sweeplab.report.figures.heat_map import heat_map
from sweeplab.report.figures.learning_curves import learning_curves
from sweeplab.report.figures.seeds import seeds
from sweeplab.report.figures.style import style
from sweeplab.report.figures.time import time

RATES, DECAYS = (0.1, 0.001, 0.01), (0.0, 0.01)
AXES = ["lr", "optimizer", "weight_decay", "seed"]


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    with style():
        yield


def make_cells(names: tuple[str, ...] = ("adam", "sgd"), decays: tuple[float, ...] = DECAYS) -> pd.DataFrame:
    """Three seeds 0.01 apart; accuracy 0.5 + a tenth for each place of the rate, 0.05 less with decay."""
    rows = [
        {"cell_id": f"{name}-{lr}-{decay}-{seed}", "state": "completed", "lr": lr, "optimizer": name}
        | {"weight_decay": decay, "seed": seed}
        | {"val/accuracy": 0.5 + sorted(RATES).index(lr) / 10 - 5 * decay + (seed - 1) / 100 - 0.02 * (name == "sgd")}
        for lr in RATES
        for name in names
        for decay in decays
        for seed in range(3)
    ]
    cells = pd.DataFrame(rows)
    return cells.assign(**{"test/accuracy": cells["val/accuracy"] - 0.1})


def lose(cells: pd.DataFrame, start: str, seeds: tuple[int, ...] = (0, 1, 2), state: str = "diverged") -> pd.DataFrame:
    gone = cells["cell_id"].str.startswith(start) & cells["seed"].isin(seeds)
    assert gone.any()
    cells = cells.copy()
    cells.loc[gone, "state"] = state
    cells.loc[gone, ["val/accuracy", "test/accuracy"]] = math.nan
    return cells


def compared(cells: pd.DataFrame, **select: str) -> Comparison:
    axes = [axis for axis in AXES if axis in cells]
    return compare(cells, axes, select={"monitor": "val/accuracy", "mode": "max", **select})


def curves_of(cells: pd.DataFrame) -> pd.DataFrame:
    """Two seconds an epoch for adam and ten for sgd, one more for each seed."""
    rows = [
        {"cell_id": row["cell_id"], "epoch": epoch, "val/accuracy": epoch / 10}
        | {"train_time_s": epoch * ({"adam": 2.0, "sgd": 10.0}[row["optimizer"]] + row["seed"])}
        for row in cells.to_dict("records")
        for epoch in range(1, 5)
    ]
    return pd.DataFrame(rows)


def drawn(figure: Figure | None) -> Figure:
    assert figure is not None
    return figure


def footer(figure: Figure) -> str:
    return figure.get_supxlabel().replace("\n", " ")


def words(panel: Axes) -> list[str]:
    return [text.get_text() for text in panel.texts]


def test_heat_map_has_a_panel_for_each_optimizer_with_ascending_axes() -> None:
    figure = drawn(heat_map(compared(make_cells())))
    maps = [panel for panel in figure.axes if panel.images]
    assert [panel.get_title(loc="left") for panel in maps] == ["adam", "sgd"]
    grid = np.asarray(maps[0].images[0].get_array())
    assert grid == pytest.approx(np.array([[0.5, 0.6, 0.7], [0.45, 0.55, 0.65]]))
    assert [label.get_text() for label in maps[0].get_xticklabels()] == ["1e-3", "1e-2", "1e-1"]
    assert [label.get_text() for label in maps[0].get_yticklabels()] == ["0", "0.01"]
    assert (maps[0].get_xlabel(), maps[0].get_ylabel()) == ("lr", "weight_decay")


def test_heat_map_frames_what_was_chosen_and_names_what_was_lost() -> None:
    cells = lose(lose(make_cells(("adam",)), "adam-0.1-0.0-"), "adam-0.01-0.0-", (0,))
    [panel] = [panel for panel in drawn(heat_map(compared(cells))).axes if panel.images]
    assert {"no result\n0/3", "0.6050\n2/3", "0.5000"} <= set(words(panel))
    frames = [patch for patch in panel.patches if isinstance(patch, Rectangle) and not patch.get_fill()]
    assert [round(frame.get_x() + 0.47) for frame in frames] == [2, 0]
    cells = lose(make_cells(("adam",)), "adam-0.1-0.0-", state="pending")
    [panel] = [panel for panel in drawn(heat_map(compared(cells))).axes if panel.images]
    assert "to come" in words(panel)


def test_heat_map_needs_two_numeric_axes_and_a_result() -> None:
    assert heat_map(compared(make_cells(decays=(0.0,)))) is None
    pending = make_cells().assign(**{"state": "pending", "val/accuracy": math.nan, "test/accuracy": math.nan})
    assert heat_map(compared(pending)) is None


def test_heat_map_of_many_shows_the_best_and_counts_the_rest() -> None:
    figure = drawn(heat_map(compared(make_cells(tuple(f"o{i}" for i in range(8))))))
    assert len([panel for panel in figure.axes if panel.images]) == 6
    assert "The 6 best are shown, 2 are not." in footer(figure)


def test_every_completed_seed_is_a_dot_with_mean_and_interval() -> None:
    cells = make_cells(decays=(0.0,))
    comparison = compared(cells)
    val, test = drawn(seeds(comparison, cells)).axes
    assert [panel.get_title(loc="left") for panel in (val, test)] == ["val/accuracy", "test/accuracy"]
    assert [label.get_text() for label in val.get_yticklabels()] == ["adam lr=1e-1", "sgd lr=1e-1"]
    dots, mean, bar = val.lines[:3]
    assert sorted(dots.get_xdata()) == pytest.approx([0.69, 0.70, 0.71])  # type: ignore[arg-type]
    assert list(mean.get_xdata()) == pytest.approx([0.7, 0.7])  # type: ignore[arg-type]
    # t of 2 degrees of freedom: 4.3027
    arm = 4.3027 * 0.01 / math.sqrt(3)
    assert list(bar.get_xdata()) == pytest.approx([0.7 - arm, 0.7 + arm], abs=1e-5)  # type: ignore[arg-type]


def test_lost_seeds_stand_below_the_name() -> None:
    cells = lose(make_cells(decays=(0.0,)), "adam-0.1", (0,))
    cells.loc[cells["lr"] < 0.1, "val/accuracy"] = 0.1  # 0.1 stays the choice
    figure = drawn(seeds(compared(cells), cells))
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert "adam lr=1e-1\n2/3, 1 diverged" in names
    assert "Cells without a result have no dot" in footer(figure)


def test_one_seed_is_no_figure_and_a_twin_that_is_the_same_no_panel() -> None:
    cells = make_cells()
    assert seeds(compared(cells[cells["seed"] == 0]), cells[cells["seed"] == 0].reset_index(drop=True)) is None
    assert len(drawn(seeds(compared(cells, data="test"), cells)).axes) == 1


def test_looks_are_those_of_the_curves() -> None:
    cells = make_cells(decays=(0.0,))
    comparison, curves = compared(cells), curves_of(cells)
    curve = {
        line.get_label(): line.get_color() for line in drawn(learning_curves(comparison, cells, curves)).axes[0].lines
    }
    spent = {line.get_label(): line.get_color() for line in drawn(time(comparison, cells, curves)).axes[0].lines}
    panel = drawn(seeds(comparison, cells)).axes[0]
    names = [label.get_text() for label in panel.get_yticklabels()]
    dots = dict(zip(names, [line.get_color() for line in panel.lines[::3]], strict=True))
    assert dots == spent
    assert dots.items() <= curve.items()


def test_time_is_the_mean_over_seeds_epoch_by_epoch() -> None:
    cells = make_cells(decays=(0.0,))
    panel = drawn(time(compared(cells), cells, curves_of(cells))).axes[0]
    lines = {line.get_label(): line for line in panel.lines}
    assert list(lines["adam lr=1e-1"].get_xdata()) == pytest.approx([3, 6, 9, 12])  # type: ignore[arg-type]
    assert list(lines["sgd lr=1e-1"].get_xdata()) == pytest.approx([11, 22, 33, 44])  # type: ignore[arg-type]
    assert list(lines["sgd lr=1e-1"].get_ydata()) == pytest.approx([0.1, 0.2, 0.3, 0.4])  # type: ignore[arg-type]
    assert panel.get_xscale() == "linear"


def test_times_far_apart_get_a_logarithmic_scale_and_machines_a_caution() -> None:
    cells = make_cells(decays=(0.0,))
    curves = curves_of(cells)
    curves.loc[curves["cell_id"].str.startswith("sgd"), "train_time_s"] *= 50
    origins = pd.DataFrame({"cell_id": cells["cell_id"], "device": cells["optimizer"], "host": "a", "threads": 1})
    figure = drawn(time(compared(cells), cells, curves, origins))
    assert figure.axes[0].get_xscale() == "log"
    assert "CAUTION: times must not be compared" in footer(figure)


def test_no_times_no_figure() -> None:
    cells = make_cells()
    curves = curves_of(cells)
    assert time(compared(cells), cells, curves.drop(columns="train_time_s")) is None
    assert time(compared(cells), cells, curves[curves["epoch"] == 1]) is None
    assert time(compared(cells), cells, pd.DataFrame({"cell_id": [], "epoch": []})) is None


def confusions_of(cells: pd.DataFrame, num: int = 3) -> dict[str, list[list[int]]]:
    """Eight of ten right, the others taken for the next class; for sgd nine of ten."""
    right = {"adam": 8, "sgd": 9}
    return {
        row["cell_id"]: [
            [
                right[row["optimizer"]] if i == j else (10 - right[row["optimizer"]]) * (j == (i + 1) % num)
                for j in range(num)
            ]
            for i in range(num)
        ]
        for row in cells.to_dict("records")
    }


def images(figure: Figure) -> list[Any]:
    return [panel for panel in figure.axes if panel.images and not panel.get_label().startswith("<colorbar>")]


def test_matrices_are_shares_of_the_true_class_and_the_last_is_their_difference() -> None:
    cells = make_cells(decays=(0.0,))
    figure = drawn(confusion(compared(cells), cells, confusions_of(cells)))
    adam, sgd, difference = images(figure)
    assert adam.get_title(loc="left") == "adam lr=1e-1\n90 examples, 3 seeds"
    assert np.asarray(adam.images[0].get_array())[0].tolist() == pytest.approx([0.8, 0.2, 0])
    assert np.asarray(sgd.images[0].get_array())[0].tolist() == pytest.approx([0.9, 0.1, 0])
    assert np.asarray(difference.images[0].get_array())[0].tolist() == pytest.approx([-0.1, 0.1, 0])
    assert words(adam)[:3] == ["80", "20", ""]
    assert words(difference)[:2] == ["\N{MINUS SIGN}10", "10"]


def test_classes_go_by_their_names() -> None:
    cells = make_cells(("adam",), decays=(0.0,))
    names = ("a class of many words", "dog", "cow")
    origins = pd.DataFrame({"cell_id": cells["cell_id"], "class_names": [names] * len(cells)})
    [panel] = images(drawn(confusion(compared(cells), cells, confusions_of(cells), origins)))
    told = ["a class of ma…", "dog", "cow"]
    assert [label.get_text() for label in panel.get_xticklabels()] == told
    assert [label.get_text() for label in panel.get_yticklabels()] == told


def test_many_classes_are_not_written_and_other_classes_not_subtracted() -> None:
    cells = make_cells(decays=(0.0,))
    panels = images(drawn(confusion(compared(cells), cells, confusions_of(cells, 30))))
    assert [len(panel.texts) for panel in panels] == [0, 0, 0]
    adam = cells["optimizer"] == "adam"
    mixed = {**confusions_of(cells[adam], 3), **confusions_of(cells[~adam], 4)}
    assert len(images(drawn(confusion(compared(cells), cells, mixed)))) == 2


def test_matrices_of_two_data_sets_are_not_subtracted() -> None:
    cells = make_cells(("adam",), decays=(0.0,))
    cells = pd.concat([cells.assign(dataset=name) for name in ("digits", "letters")], ignore_index=True)
    cells["cell_id"] += cells["dataset"]
    comparison = compare(cells, [*AXES, "dataset"], select={"monitor": "val/accuracy", "mode": "max"})
    assert len(images(drawn(confusion(comparison, cells, confusions_of(cells))))) == 2


def test_at_most_four_matrices_and_none_without_any() -> None:
    cells = pd.concat([make_cells().assign(l2=value) for value in (0.0, 0.1)], ignore_index=True)
    cells["cell_id"] += cells["l2"].astype(str)
    comparison = compare(cells, [*AXES, "l2"], select={"monitor": "val/accuracy", "mode": "max"})
    figure = drawn(confusion(comparison, cells, confusions_of(cells)))
    assert len(images(figure)) == 5
    assert "The best 4 by val/accuracy are shown, 4 are not." in footer(figure)
    assert confusion(comparison, cells, {}) is None


@pytest.mark.filterwarnings("error")
def test_all_are_written(tmp_path: Path) -> None:
    cells = make_cells()
    files = write_figures(
        tmp_path, compared(cells), cells, lambda ids: curves_of(cells), confusions=confusions_of(cells)
    )
    assert {"heat_map.png", "seeds.png", "time.png", "confusion.png"} <= {path.name for path in files}
