"""What the tables say, before any format."""

import math
from dataclasses import replace

import pandas as pd

from sweeplab.compare import Comparison, compare
from sweeplab.report.table import choice_table, data_notes, merged_notes, pivot_table, settings_table, stamped
from sweeplab.report.won import Won
from sweeplab.report.words import MINUS

ROWS = [
    ("adam", 0.1, 0, "completed", 0.5, 0.4),
    ("adam", 0.1, 1, "completed", 0.7, 0.6),
    ("adam", 0.01, 0, "completed", 0.9, 0.8),
    ("adam", 0.01, 1, "diverged", math.nan, math.nan),
    ("sgdm", 0.1, 0, "diverged", math.nan, math.nan),
    ("sgdm", 0.1, 1, "out_of_memory", math.nan, math.nan),
]


SELECT = {"monitor": "val/accuracy", "mode": "max"}


def comparison(rows: list[tuple[object, ...]], mode: str = "max", **select: str) -> Comparison:
    columns = ["optimizer", "lr", "seed", "state", "val/accuracy", "test/accuracy"]
    cells = pd.DataFrame(rows, columns=columns)
    return compare(cells, ["optimizer", "lr", "seed"], select={"monitor": "val/accuracy", "mode": mode, **select})


def test_every_setting_is_a_row_and_the_chosen_are_marked() -> None:
    table = settings_table(comparison(ROWS), ["optimizer", "lr"], ["val/accuracy"])
    assert table.header == ["optimizer", "lr", "n", "val/accuracy"]
    # 0.9 on one of two counts as 0.45, less than 0.6
    assert table.rows == [
        ["adam", "1e-1 *", "2/2", "0.6000 ± 0.1414"],
        ["adam", "1e-2", "1/2, 1 diverged", "0.9000"],
        ["sgdm", "1e-1", "0/2, 1 diverged, 1 out of memory", "—"],
    ]


def test_notes_say_n_spread_epoch_and_choice() -> None:
    assert settings_table(comparison(ROWS), ["optimizer", "lr"], []).notes == [
        "n: cells completed of cells asked; ± is the sample standard deviation over seeds.",
        "comparison.csv has 95 % intervals of the means (from n=3), medians, bests and interquartile means.",
        "Each cell is measured at the epoch that had its highest val/accuracy.",
        "* lr chosen by the highest mean val/accuracy.",
    ]


def test_one_seed_has_no_spread_to_speak_of() -> None:
    notes = settings_table(comparison(ROWS[:1] + ROWS[2:3], mode="min"), ["lr"], []).notes
    assert notes[:2] == [
        "n: cells completed of cells asked.",
        "Each cell is measured at the epoch that had its lowest val/accuracy.",
    ]


def test_choice_shows_one_row_per_group_and_what_is_amiss() -> None:
    table = choice_table(comparison(ROWS), ["optimizer", "lr"], ["test/accuracy"])
    assert table.title == "lr chosen by the highest mean val/accuracy"
    assert table.rows == [
        ["adam", "1e-1", "2/2", "0.5000 ± 0.1414"],
        ["sgdm", "—", "0/2, 1 diverged, 1 out of memory", "—"],
    ]
    assert table.notes == [
        "sgdm: no choice: no cell has a result.",
        "In this choice a cell that ended without a result counts as 0.",
    ]


def test_choice_carries_the_interval_of_the_first_test_metric_where_seeds_suffice() -> None:
    rows = [("adam", lr, seed, "completed", lr, 0.1 * seed) for lr in (0.1, 0.2) for seed in (1, 2, 3)]
    metrics = ["val/accuracy", "test/accuracy"]
    table = choice_table(comparison(rows), ["optimizer", "lr"], metrics)
    assert table.header[-2:] == ["test/accuracy", "test/accuracy 95 %"]
    # Student's t with 2 degrees of freedom: 0.2 ± 4.3027 * 0.1 / sqrt(3)
    assert table.rows == [["adam", "2e-1", "3/3", "0.2000 ± 0.0000", "0.2000 ± 0.1000", f"[{MINUS}0.0484, 0.4484]"]]
    assert choice_table(comparison(rows), ["optimizer", "lr"], ["val/accuracy"]).header[-1] == "val/accuracy"


def test_nothing_is_said_of_a_choice_where_nothing_was_chosen() -> None:
    one_rate = comparison(ROWS[:2])
    assert len(settings_table(one_rate, ["optimizer"], []).notes) == 3


def test_what_many_rows_share_is_said_once() -> None:
    rows = [(f"o{i}", lr, 0, "failed", math.nan, math.nan) for i in range(13) for lr in (0.1, 0.2)]
    known = [("adam", lr, 0, "completed", lr, lr) for lr in (0.1, 0.2, 0.3)]
    notes = choice_table(comparison([*known, *rows]), ["optimizer", "lr"], []).notes
    assert notes[0].startswith("o0, o1, o2,")
    assert notes[0].endswith("o11 and 1 more: no choice: no cell has a result.")
    assert len(notes) == 2
    assert merged_notes([("a", "x"), ("b", "y"), ("c", "x"), ("", "z")]) == ["a, c: x.", "b: y.", "z."]


def test_edges_are_left_to_their_guard() -> None:
    rows = [("adam", lr, 0, "completed", lr, lr) for lr in (0.1, 0.2, 0.3)]
    assert choice_table(comparison(rows), ["optimizer", "lr"], []).notes == []


def test_pivot_names_the_state_where_there_is_no_number() -> None:
    table = pivot_table(comparison(ROWS), ["optimizer"], "lr", "test/accuracy")
    assert table.header == ["optimizer", "lr=1e-1", "lr=1e-2"]
    assert table.rows == [
        ["adam", "0.5000 ± 0.1414", "0.8000 (1/2)"],
        ["sgdm", "diverged 1/2, out of memory 1/2", ""],
    ]


def test_values_from_elsewhere_lose_their_control_characters() -> None:
    table = settings_table(comparison([("a\x1b[31m\nb", 0.1, 0, "completed", 0.1, 0.1)]), ["optimizer"], [])
    assert table.rows == [["a b", "1/1"]]


def test_group_is_named_without_the_axes_it_lacks() -> None:
    cells = pd.DataFrame({"optimizer": ["adam", "adam", "sgdm"], "lr": [0.1, 0.2, 0.1], "momentum": [None, None, 0.9]})
    cells = cells.assign(state=["failed", "failed", "completed"], **{"val/accuracy": [math.nan, math.nan, 0.3]})
    groups = compare(cells, ["optimizer", "lr", "momentum"], select=SELECT)
    assert choice_table(groups, ["optimizer", "lr", "momentum"], []).notes[0].startswith("adam: no choice")


def test_last_epoch_is_said_to_be_what_cells_are_measured_at() -> None:
    assert (
        settings_table(comparison(ROWS, epoch="last"), ["lr"], []).notes[2]
        == "Each cell is measured at its last epoch."
    )


def test_stamp_comes_first_where_validation_is_the_test_split() -> None:
    tested = comparison(ROWS, data="test")
    caution = (
        "SELECTED ON TEST: validation is the test split here (select.data=test, as in much published work). The figures"
        " are no estimates for new data, and any choice made on them favours lucky settings."
    )
    assert settings_table(tested, ["lr"], []).notes[0] == caution
    assert choice_table(tested, ["lr"], []).notes[0] == caution
    assert pivot_table(tested, ["optimizer"], "lr", "test/accuracy").notes == [caution]
    assert data_notes(comparison(ROWS, data="held_out")) == []


def test_numbers_of_a_choice_on_test_data_carry_the_stamp_in_a_column() -> None:
    frame = pd.DataFrame({"a": [1, 2]})
    assert stamped(frame, {"data": "test"})["stamp"].tolist() == ["SELECTED ON TEST"] * 2
    assert list(stamped(frame, {"data": "held_out"})) == list(stamped(frame, {})) == ["a"]


def test_bold_is_what_won_by_the_verdicts_and_only_in_the_metric_they_are_on() -> None:
    won = comparison(ROWS[:3])
    won = replace(won, settings=won.settings.assign(won=[True, False]), choice=won.choice.assign(won=True))
    metrics = ["val/accuracy", "test/accuracy"]
    for table in (settings_table(won, ["lr"], metrics), choice_table(won, ["lr"], metrics)):
        assert [isinstance(cell, Won) for cell in table.rows[0]] == [False, False, False, True]
        assert not any(isinstance(cell, Won) for row in table.rows[1:] for cell in row)
        assert any(note.startswith("Bold: better than every other chosen setting") for note in table.notes)
    pivoted = pivot_table(won, ["optimizer"], "lr", "test/accuracy")
    assert [isinstance(cell, Won) for cell in pivoted.rows[0]] == [False, True, False]
    assert not any(isinstance(cell, Won) for cell in pivot_table(won, ["optimizer"], "lr", "val/accuracy").rows[0])


def test_metric_that_no_cell_of_a_setting_recorded_is_absent() -> None:
    cells = pd.DataFrame({"optimizer": ["swats", "adam"], "lr": [0.1, 0.2], "seed": 0, "state": "completed"})
    cells = cells.assign(**{"val/accuracy": 0.5, "optimizer/switch_step": [120.0, math.nan]})
    steps = compare(cells, ["optimizer", "lr", "seed"], select=SELECT, named=["optimizer/switch_step"])
    table = settings_table(steps, ["optimizer"], ["optimizer/switch_step"])
    assert [row[2] for row in table.rows] == ["120.0", "—"]
    pivoted = pivot_table(steps, ["optimizer"], "lr", "optimizer/switch_step")
    assert pivoted.rows == [["swats", "120.0", ""], ["adam", "", "—"]]
