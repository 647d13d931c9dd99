"""Declared tables as text: what stands in a place, and numbers that siunitx can read."""

import io
import math
import re
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from sweeplab.compare import Comparison, compare
from sweeplab.compare.analysis import Analysis
from sweeplab.compare.winners import mark_winners
from sweeplab.report import siunitx
from sweeplab.report.declared import Declared, called_for, declared_tables, latex
from sweeplab.report.files import write_tables
from sweeplab.report.terminal import show
from sweeplab.report.won import Won

AXES = ["optimizer", "dataset", "lr", "seed"]
SELECT = {"monitor": "val/accuracy", "mode": "max", "data": "held_out", "epoch": "best"}


@pytest.fixture
def cells() -> pd.DataFrame:
    """`a_b%` is at 0.9 on digits, `sgd` at 0.8; on mnist one seed of `sgd` diverged and all of `a_b%` failed."""
    rows = [
        {"optimizer": optimizer, "dataset": dataset, "lr": lr, "seed": seed, "state": "completed"}
        for optimizer in ("a_b%", "sgd")
        for dataset in ("digits", "mnist")
        for lr in (0.1, 0.01)
        for seed in range(3)
    ]
    frame = pd.DataFrame(rows)
    frame.insert(0, "cell_id", [f"c{i:02d}" for i in range(len(frame))])
    frame["val/accuracy"] = frame["lr"] + 0.1
    frame["test/accuracy"] = 0.8 + 0.1 * (frame["optimizer"] == "a_b%") + frame["seed"] / 1000
    frame["test/loss"] = 12.5 + frame["seed"] / 100
    mnist = frame["dataset"] == "mnist"
    frame.loc[mnist & (frame["optimizer"] == "a_b%"), "state"] = "failed"
    frame.loc[mnist & (frame["optimizer"] == "sgd") & (frame["seed"] == 2), "state"] = "diverged"
    frame.loc[frame["state"] != "completed", ["val/accuracy", "test/accuracy", "test/loss"]] = math.nan
    return frame


def comparison_of(cells: pd.DataFrame) -> Comparison:
    return compare(cells, AXES, select=SELECT)


def analysis_of(cells: pd.DataFrame, **select: str) -> Analysis:
    comparison = compare(cells, AXES, select=SELECT | select)
    pairs = comparison.pairs(cells)
    return Analysis(mark_winners(comparison, pairs), pairs, [])


def automatic_tables(cells: pd.DataFrame, analysis: Analysis) -> list[Declared]:
    return declared_tables(cells, AXES, called_for(cells, AXES, analysis.comparison), analysis)


def declare(cells: pd.DataFrame, **changes: object) -> Declared:
    whole = {"title": None, "value": ["test/accuracy"], "over": ["seed"], "select_over": ["lr"], "where": {}}
    table = {"rows": ["optimizer"], "columns": ["dataset"], **whole, "cells": cells["cell_id"].tolist(), "values": {}}
    [found] = declared_tables(cells, AXES, [table | changes], analysis_of(cells))
    return found


def test_places_say_mean_spread_counts_and_failures(cells: pd.DataFrame) -> None:
    found = declare(cells)

    assert found.name == "test_accuracy_optimizer_by_dataset"
    assert found.table.title == "test/accuracy: optimizer by dataset"
    assert found.table.header == ["optimizer", "dataset=digits", "dataset=mnist"]
    assert found.table.rows == [
        ["a_b%", "0.9010 ± 0.0010", "failed 6/6"],
        ["sgd", "0.8010 ± 0.0010", "0.8005 ± 0.0007 (2/3)"],
    ]


def test_the_rule_of_choice_stands_below(cells: pd.DataFrame) -> None:
    notes = " ".join(declare(cells).table.notes)

    assert (
        "lr chosen in each place by the highest mean val/accuracy: a_b% digits, sgd digits, sgd mnist: 1e-1." in notes
    )
    assert "sample standard deviation over seed" in notes
    assert "a_b% mnist: no choice: no cell has a result." in notes


def test_several_values_without_columns_are_the_columns(cells: pd.DataFrame) -> None:
    here = cells[cells["dataset"] == "digits"]
    found = declare(here, columns=[], value=["test/accuracy", "test/loss"])

    assert found.table.header == ["optimizer", "test/accuracy", "test/loss"]
    assert found.table.rows[1] == ["sgd", "0.8010 ± 0.0010", "12.51 ± 0.01"]


def test_a_table_that_cannot_be_filled_says_why(cells: pd.DataFrame) -> None:
    found = declare(cells, select_over=[])

    assert found.table.rows == []
    assert found.table.notes[0].startswith("Not shown: it puts several settings into one place: lr varies there")
    assert "lr varies there" in latex(found, label="x")


def test_validation_that_is_test_is_said_below_each(cells: pd.DataFrame) -> None:
    found = automatic_tables(cells, analysis_of(cells, data="test"))

    assert len(found) == 3
    assert all("SELECTED ON TEST" in part.table.notes[0] for part in found)


def test_names_of_files_are_their_own(cells: pd.DataFrame) -> None:
    whole = {"value": ["test/accuracy"], "over": ["seed"], "select_over": ["lr"], "where": {}, "values": {}}
    table = {"rows": ["optimizer"], "columns": ["dataset"], **whole, "cells": cells["cell_id"].tolist()}
    titles = ["../../etc/x", "A", "a", "a 2", "é"]
    found = declared_tables(cells, AXES, [table | {"title": title} for title in titles], analysis_of(cells))

    assert [part.name for part in found] == ["etc_x", "a", "a_2", "a_2_2", "table"]


@pytest.mark.parametrize(
    ("metric", "mean", "std", "text"),
    [
        ("test/accuracy", 0.98114, 0.00501, "0.9811(50)"),
        ("test/accuracy", 0.98114, 0.0, "0.9811(0)"),
        ("test/accuracy", 0.98114, math.nan, "0.9811"),
        ("test/loss", 2.3451, 1.5, "2.345(1500)"),
        ("test/loss", 12345.6, 20.0, "1.235e4(2)"),
        ("val/loss", 1.234e-5, 2.3e-6, "1.234(230)e-5"),
        ("val/loss", 12.5, 0.01, "12.50(1)"),
        ("test/gap", -0.25, 0.125, "-0.2500(1250)"),
    ],
)
def test_numbers_carry_the_spread_in_units_of_their_last_digit(metric: str, mean: float, std: float, text: str) -> None:
    """Read back by siunitx's own rule: digits in brackets count in the last place of the number."""
    found = siunitx.number(metric, mean, std)
    match = re.fullmatch(r"(-?[\d.]+)(?:\((\d+)\))?(?:e(-?\d+))?", found)

    assert match, found
    if "e4" not in text:
        assert found == text
    power = 10.0 ** int(match[3] or 0)
    last = 10.0 ** -len(match[1].partition(".")[2]) * power
    assert float(match[1]) * power == pytest.approx(mean, abs=last / 2 * 1.0001)
    if not math.isnan(std):
        assert int(match[2]) * last == pytest.approx(std, abs=last / 2 * 1.0001)


@pytest.mark.parametrize(
    ("numbers", "kind"),
    [
        (["0.9811(50)", "0.1234(123)"], "S[table-format=1.4(3)]"),
        (["-1.5", "12.25", "{failed}"], "S[table-format=-2.2]"),
        (["1.234(230)e-5", "1.000"], "S[table-format=1.3(3)e-5]"),
        (["{failed}", ""], "r"),
    ],
)
def test_columns_have_room_for_their_widest_number(numbers: list[str], kind: str) -> None:
    assert siunitx.column(numbers) == kind


def test_latex_has_numbers_that_are_numbers_and_braces_around_words(cells: pd.DataFrame) -> None:
    text = latex(declare(cells, title="50% of x_y"), label="my sweep")
    rows = [line.strip() for line in text.splitlines() if line.endswith("\\\\")]

    assert rows[0] == "optimizer & {dataset=digits} & {dataset=mnist} \\\\"
    assert rows[1].startswith("a\\_b\\% & 0.9010(10) & {failed ")
    assert rows[2] == "sgd & 0.8010(10) & 0.8005(7) \\\\"
    assert "\\begin{tabular}{lS[table-format=1.4(2)]S[table-format=1.4(1)]}" in text
    assert "\\caption{50\\% of x\\_y}" in text
    assert "\\label{tab:my-sweep}" in text
    assert "Cells completed of cells asked: " in text
    assert "sgd, dataset=mnist: 2/3, 1 diverged" in text
    assert all(line.startswith("%") for line in text.split("\\begin{table}")[0].splitlines())


def test_nothing_is_bold_unless_it_won(cells: pd.DataFrame) -> None:
    """Ahead on each of three seeds is no win; on each of six it is."""
    assert "\\bfseries" not in latex(declare(cells), label="x").split("\\begin{table}")[1]
    six = pd.concat([cells, cells.assign(seed=cells["seed"] + 3, cell_id="d" + cells["cell_id"])], ignore_index=True)
    found = declare(six[six["dataset"] == "digits"])
    text = latex(found, label="x").split("\\begin{table}")[1]
    assert text.count("\\bfseries") == 1
    assert "a\\_b\\% & \\bfseries 0.9010(9)" in text
    assert "S[table-format=1.4(1)]" in text
    assert isinstance(found.table.rows[0][1], Won)
    assert found.frame["won"].tolist() == [True, False]
    assert "Bold: better than every other chosen setting of the same dataset" in text


def test_files_have_every_table_and_no_file_of_others_is_touched(cells: pd.DataFrame, tmp_path: Path) -> None:
    analysis = analysis_of(cells)
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "mine.csv").write_text("of the user")
    found = [declare(cells), *automatic_tables(cells, analysis)[1:]]
    write_tables(tmp_path, analysis, reported=[], declared=found, notes=[])
    markdown, tex = ((tmp_path / f"comparison.{end}").read_text(encoding="utf-8") for end in ("md", "tex"))

    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == [
        "mine.csv",
        "test_accuracy_optimizer_by_dataset.csv",
        "test_accuracy_optimizer_by_lr_dataset=digits.csv",
        "test_accuracy_optimizer_by_lr_dataset=mnist.csv",
    ]
    back = pd.read_csv(tmp_path / "tables" / "test_accuracy_optimizer_by_dataset.csv")
    assert back["mean"].tolist()[2] == pytest.approx(0.801)
    for part in found:
        assert f"## {part.table.title}" in markdown
    own = ("settings", "choice", "pairs")
    assert tex.count("\\begin{table}") == len(own) + len(found)
    assert (tmp_path / "tables" / "mine.csv").read_text() == "of the user"


def test_a_table_of_an_earlier_report_goes_unless_somebody_changed_it(cells: pd.DataFrame, tmp_path: Path) -> None:
    analysis = analysis_of(cells)
    made = automatic_tables(cells, analysis)
    write_tables(tmp_path, analysis, reported=[], declared=made, notes=[])
    first, second, third = (tmp_path / "tables" / f"{part.name}.csv" for part in made)
    second.write_text("changed by the user")
    write_tables(tmp_path, analysis, reported=[], declared=made[:1], notes=[])
    assert first.exists()
    assert second.read_text() == "changed by the user"
    assert not third.exists()


def test_the_terminal_shows_declared_tables_after_its_own(cells: pd.DataFrame, tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=120)
    show(console, comparison_of(cells), [], [], tmp_path, [declare(cells, title="Mine").table])
    text = console.file.getvalue()  # type: ignore[attr-defined]

    assert text.index("Settings") < text.index("Mine") < text.index("Tables: ")
    assert "0.8005 ± 0.0007 (2/3)" in text


def test_a_wide_table_keeps_to_the_width_and_its_notes_stand_once(cells: pd.DataFrame, tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=40)
    show(console, comparison_of(cells), [], [], tmp_path, [declare(cells, title="Mine").table])
    text = console.file.getvalue().partition("Mine")[2]  # type: ignore[attr-defined]

    assert " ".join(text.split()).count("lr chosen in each place") == 1
