"""What tuning is worth as figure and chart: the same points in both, and what lost cells do to them."""

import math
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from sweeplab.compare import Comparison, compare
from sweeplab.report.figures.style import style
from sweeplab.report.figures.tuning import tuning
from sweeplab.report.page.charts.tuning import tuning_charts
from sweeplab.report.table import data_notes

RATES = (1e-3, 1e-2, 1e-1, 1.0)
SCORES = {"adam": (0.5, 0.8, 0.9, 0.2), "sgd": (0.6, 0.7, 0.65, 0.4)}


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    with style():
        yield


def make_cells(metric: str = "val/accuracy") -> pd.DataFrame:
    rows = [
        {"cell_id": f"{name}-{lr}-{seed}", "state": "completed", "optimizer": name, "lr": lr, "seed": seed}
        | {metric: SCORES[name][place] + (seed - 0.5) / 100}
        for name in SCORES
        for place, lr in enumerate(RATES)
        for seed in range(2)
    ]
    return pd.DataFrame(rows)


def compared(cells: pd.DataFrame, **select: str) -> Comparison:
    axes = ["optimizer", "lr", "seed"]
    return compare(cells, axes, select={"monitor": "val/accuracy", "mode": "max", **select})


def by_hand(name: str) -> list[float]:
    """The mean over all choices of k of the best."""
    return [float(np.mean([max(few) for few in combinations(SCORES[name], k)])) for k in range(1, 5)]


def points(comparison: Comparison) -> dict[str, tuple[list[float], list[float]]]:
    """Those of the figure, which are those of the chart."""
    figure = tuning(comparison)
    assert figure is not None
    lines = figure.axes[0].lines
    drawn = {str(line.get_label()): tuple(np.asarray(line.get_data(), dtype=float).tolist()) for line in lines}
    [chart] = tuning_charts(comparison)
    assert {trace["name"]: (trace["x"], trace["y"]) for trace in chart.figure["data"]} == drawn
    return drawn


def test_lines_are_the_mean_of_the_best_of_all_choices() -> None:
    found = points(compared(make_cells()))
    assert sorted(found) == ["adam", "sgd"]
    for name, (x, y) in found.items():
        assert x == [1, 2, 3, 4]
        assert y == pytest.approx(by_hand(name))


def test_a_budget_that_may_find_nothing_has_no_point_of_a_loss() -> None:
    cells = make_cells("val/loss")
    gone = cells["cell_id"].str.startswith("adam-1.0")
    cells = cells.assign(state=cells["state"].mask(gone, "diverged"), **{"val/loss": cells["val/loss"].mask(gone)})
    comparison = compared(cells, monitor="val/loss", mode="min")
    x, y = points(comparison)["adam"]
    # with one trial it may be the lost one; of two, one has a result
    assert x == [2, 3, 4]
    assert not any(map(math.isinf, y))
    assert "A line starts where every draw holds a setting with a result." in tuning_charts(comparison)[0].notes[0]


def test_unequal_budgets_end_apart() -> None:
    cells = make_cells().query("optimizer == 'adam' or lr < 1").reset_index(drop=True)
    found = points(compared(cells))
    assert {name: x[-1] for name, (x, _) in found.items()} == {"adam": 4, "sgd": 3}
    assert "Lines end where their settings do." in tuning_charts(compared(cells))[0].notes[0]


def test_nothing_tuned_is_no_curve() -> None:
    cells = make_cells().query("lr == 0.1").reset_index(drop=True)
    assert tuning(compared(cells)) is None
    assert tuning_charts(compared(cells)) == []
    pending = make_cells().assign(state="pending").assign(**{"val/accuracy": math.nan})
    assert tuning(compared(pending)) is None


def test_caution_stands_below_both() -> None:
    comparison = compared(make_cells(), data="test")
    figure = tuning(comparison)
    assert figure is not None
    [caution] = data_notes(comparison)
    assert figure.get_supxlabel().replace("\n", " ").startswith(caution)
    assert tuning_charts(comparison)[0].notes[0] == caution
