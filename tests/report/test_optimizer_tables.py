"""Tables per optimizer say what the frames hold, in words, and what stands in the way."""

import math
from typing import Any

import numpy as np
import pandas as pd

from sweeplab.compare import Comparison, compare
from sweeplab.compare.cost import cost, stability
from sweeplab.compare.sensitivity import sensitivity
from sweeplab.compare.tuning import tuning_curve
from sweeplab.report.markup import latex_table, markdown_table
from sweeplab.report.optimizers import cost_table, sensitivity_table, stability_table, tuning_table
from sweeplab.report.words import MINUS

RATES = (1e-3, 1e-2, 1e-1)
SCORES = {"adam": (0.8, 0.9, 0.85), "sgd_m": (0.7, 0.8, math.nan)}


def make_cells(**more: Any) -> pd.DataFrame:
    """Two seeds alike; a NaN is a cell that diverged."""
    rows = [
        {"cell_id": f"{name}{lr}{seed}", "state": "completed" if score == score else "diverged", "optimizer": name}
        | {"lr": lr, "seed": seed, "val/accuracy": score, "test/accuracy": score - 0.1, "train/accuracy": score}
        | {"best_epoch": 2, "epochs": 6, "steps": 60, "train_time_s": 6.0, "wall_time_s": 9.0, "num_parameters": 1234}
        for name, scores in SCORES.items()
        for lr, score in zip(RATES, scores, strict=True)
        for seed in (0, 1)
    ]
    return pd.DataFrame(rows).assign(**more)


def compared(cells: pd.DataFrame) -> Comparison:
    return compare(cells, ["optimizer", "lr", "seed"], select={"monitor": "val/accuracy", "mode": "max"})


def curves_of(cells: pd.DataFrame, last: float = 0.5) -> pd.DataFrame:
    rows = [
        {"cell_id": cell_id, "epoch": epoch, "train_time_s": float(epoch), "val/accuracy": last if epoch == 6 else 0.8}
        for cell_id in cells["cell_id"]
        for epoch in range(1, 7)
    ]
    return pd.DataFrame(rows)


def test_sensitivity_names_range_and_counts() -> None:
    table = sensitivity_table(sensitivity(compared(make_cells())), ["said first"])
    assert table.header == ["optimizer", "rates", "n", "best lr", "val/accuracy", "good range", "decades"]
    # adam: a tenth of a decade down, a fifth up
    assert table.rows[0] == ["adam", "3", "6/6", "1e-2", "0.9000", "7.9e-3 to 1.6e-2", "0.30"]
    assert table.rows[1] == ["sgd_m", "3", "4/6", "1e-2", "0.8000", "7.9e-3 to 1e-2", "0.10"]
    assert table.notes[0] == "said first"
    assert "lies within 0.01 of the best" in table.notes[1]
    assert len(table.notes) == 2


def test_range_that_the_grid_cuts_is_a_lower_bound_and_the_edge_is_left_to_its_guard() -> None:
    cells = make_cells()
    cells.loc[cells["lr"] == 0.1, "val/accuracy"] = 0.95
    cells["state"] = "completed"
    table = sensitivity_table(sensitivity(compared(cells)))
    assert table.rows[0][-1].startswith("≥ ")
    assert not any("go on" in note for note in table.notes)


def test_nothing_to_tell_is_told() -> None:
    table = sensitivity_table(sensitivity(compared(make_cells(state="pending").assign(**{"val/accuracy": math.nan}))))
    assert table.rows[0][3:] == ["—"] * 4
    assert table.notes[1:] == ["adam, sgd_m: no learning rate has a result."]
    without = make_cells().drop(columns="lr").drop_duplicates(["optimizer", "seed"])
    comparison = compare(without, ["optimizer", "seed"], select={"monitor": "val/accuracy", "mode": "max"})
    assert sensitivity_table(sensitivity(comparison)).rows == []


def test_tuning_shows_powers_of_two_and_all() -> None:
    table = tuning_table(tuning_curve(compared(make_cells())))
    assert table.title == "Expected best val/accuracy against tuning budget"
    assert table.header == ["optimizer", "trials", "k = 1", "k = 2", "k = 3"]
    # 0.8, 0.9, 0.85 and 0.7, 0.8, 0: the better of two is (0.9 + 0.85 + 0.9) / 3 and (0.8 + 0.7 + 0.8) / 3
    assert table.rows == [["adam", "3", "0.8500", "0.8833", "0.9000"], ["sgd_m", "3", "0.5000", "0.7667", "0.8000"]]
    assert any("A grid is no random sample" in note for note in table.notes)


def test_unequal_budgets_and_settings_to_come_are_named() -> None:
    cells = make_cells()
    cells["state"] = cells["state"].replace("diverged", "pending")
    table = tuning_table(tuning_curve(compared(cells)))
    assert table.rows[1] == ["sgd_m", "2", "0.7500", "0.8000", "—"]
    assert table.notes[-2:] == [
        "Contestants with unequal numbers of trials compare at the k they share.",
        "1 setting has not ended yet and is no trial.",
    ]


def test_cost_of_the_chosen_settings_with_units() -> None:
    cells = make_cells()
    origins = pd.DataFrame({"cell_id": cells["cell_id"], "device": "cpu", "host": "a", "threads": 2})
    table = cost_table(cost(compared(cells), cells, curves_of(cells), origins))
    assert table.header[2:] == [
        *("n", "gap", "per step", "per epoch", "to chosen epoch", "training", "wall", "parameters")
    ]
    assert table.rows[0][:4] == ["adam", "1e-2", "2/2", "0.1000 ± 0.0000"]
    assert table.rows[0][4:] == [
        *("100 ± 0 ms", "1.00 ± 0.00 s", "2.00 ± 0.00 s", "6.00 ± 0.00 s", "9.00 ± 0.00 s", "1,234")
    ]
    assert table.notes[-1] == "Measured on cpu, a, 2 threads."
    origins["device"] = np.where(cells["optimizer"] == "adam", "cpu", "H200")
    table = cost_table(cost(compared(cells), cells, curves_of(cells), origins))
    assert table.notes[-1].startswith("CAUTION: times must not be compared, they come from several machines: H200")


def test_peak_memory_has_a_column_where_it_was_recorded() -> None:
    cells = make_cells()
    cells["peak_memory_bytes"] = np.where(cells["seed"] == 0, 300, 500) * 2**20
    table = cost_table(cost(compared(cells), cells, curves_of(cells)))
    assert table.header[-2:] == ["peak memory", "parameters"]
    assert table.rows[0][-2] == f"400 ± {math.sqrt(20_000):.0f} MiB"
    assert any(note.startswith("peak memory: of the GPU") for note in table.notes)


def test_a_negative_gap_has_a_minus_and_what_was_not_recorded_no_column() -> None:
    cells = make_cells(**{"train/accuracy": 0.5}).drop(columns=["train_time_s", "wall_time_s"])
    table = cost_table(cost(compared(cells), cells, pd.DataFrame({"cell_id": [], "epoch": []})))
    assert table.header == ["optimizer", "lr", "n", "gap", "parameters"]
    assert table.rows[0][3] == f"{MINUS}0.3000 ± 0.0000"


def test_stability_counts_unstable_cells() -> None:
    cells = make_cells()
    table = stability_table(stability(compared(cells), cells, curves_of(cells)))
    assert table.rows[0] == ["adam", "1e-2", "2/2", "0.8000 ± 0.0000", "0.5000 ± 0.0000", "0.3000 ± 0.0000", "2/2"]
    calm = stability_table(stability(compared(cells), cells, curves_of(cells, last=0.8)))
    assert calm.rows[0][-1] == "0/2"
    nothing = stability_table(stability(compared(cells), cells, pd.DataFrame({"cell_id": [], "epoch": []})))
    assert nothing.rows[0][3:] == ["—"] * 4


def test_every_table_can_be_written() -> None:
    cells = make_cells()
    comparison, curves = compared(cells), curves_of(cells)
    tables = [
        sensitivity_table(sensitivity(comparison)),
        tuning_table(tuning_curve(comparison)),
        cost_table(cost(comparison, cells, curves)),
        stability_table(stability(comparison, cells, curves)),
    ]
    for table in tables:
        assert {len(row) for row in table.rows} == {len(table.header)}
        assert table.title in markdown_table(table)
        assert r"sgd\_m" in latex_table(table, label="x")
