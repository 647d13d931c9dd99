"""The end of a sweep: files and terminal, together and at every width."""

import csv
import io
import re
from pathlib import Path

import pandas as pd
import pytest
from rich.cells import cell_len
from rich.console import Console

from sweeplab.compare import compare
from sweeplab.compare.analysis import analyse
from sweeplab.report import publish
from sweeplab.report.files import write_cells
from sweeplab.report.table import Table

AXES = ["optimizer", "lr", "seed"]
SELECT = {"monitor": "val/accuracy", "mode": "max"}


def grid(num_optimizers: int, rates: list[float], seeds: int) -> pd.DataFrame:
    """Accuracy rises with the number of the optimizer, and is best at the first rate; the last cell diverged."""
    rows = [
        {"optimizer": f"o{i}", "lr": lr, "seed": seed, "val/accuracy": (i + 1) / 100 - place / 1000 + seed / 1e5}
        for i in range(num_optimizers)
        for place, lr in enumerate(rates)
        for seed in range(seeds)
    ]
    cells = pd.DataFrame(rows)
    cells.insert(0, "cell_id", [f"{i:08x}" for i in range(len(cells))])
    cells.insert(1, "state", "completed")
    cells["test/accuracy"] = cells["val/accuracy"] - 0.001
    for metric in ("val/loss", "test/loss", "train/loss"):
        cells[metric] = 1 / 3
    cells["epochs"] = 5
    cells.loc[len(cells) - 1, "state"] = "diverged"
    cells.loc[len(cells) - 1, [name for name in cells if "/" in name] + ["epochs"]] = float("nan")
    return cells


def published_to(folder: Path, cells: pd.DataFrame, console: Console) -> list[Table]:
    blank = {"origins": pd.DataFrame({"cell_id": []}), "confusions": {}, "curves": None}
    analysis = analyse(compare(cells, AXES, select=SELECT), cells.assign(steps=1), AXES, **blank)  # type: ignore[arg-type]
    return publish(folder, cells, AXES, analysis, published=None, tables=[], notes=[], console=console)


def printed(folder: Path, cells: pd.DataFrame, width: int = 80, **options: object) -> str:
    console = Console(file=io.StringIO(), width=width, **options)  # type: ignore[arg-type]
    published_to(folder, cells, console)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_the_files_of_a_sweep_and_nothing_else(tmp_path: Path) -> None:
    printed(tmp_path / "new" / "sweep", grid(2, [0.1, 0.01], 2))
    names = sorted(path.name for path in (tmp_path / "new" / "sweep").iterdir())
    assert names == [".report.json", "comparison.csv", "comparison.md", "comparison.tex", "pairs.csv", "tables"]
    assert [path.name for path in (tmp_path / "new" / "sweep" / "tables").iterdir()] == [
        "test_accuracy_optimizer_by_lr.csv"
    ]


def test_cells_file_has_every_cell_and_every_column(tmp_path: Path) -> None:
    cells = grid(2, [0.1, 0.01], 2)
    write_cells(tmp_path, cells)
    rows = list(csv.DictReader((tmp_path / "cells.csv").open(newline="")))
    assert list(rows[0]) == list(cells.columns)
    assert [row["state"] for row in rows] == ["completed"] * 7 + ["diverged"]
    assert [float(row["val/accuracy"]) for row in rows[:-1]] == cells["val/accuracy"].tolist()[:-1]
    assert (rows[0]["epochs"], rows[-1]["epochs"], rows[-1]["val/accuracy"]) == ("5", "", "")


def test_comparison_file_holds_numbers(tmp_path: Path) -> None:
    printed(tmp_path, grid(2, [0.1, 0.01], 2))
    rows = list(csv.DictReader((tmp_path / "comparison.csv").open(newline="")))
    assert [(row["optimizer"], row["lr"], row["n"], row["diverged"], row["chosen"]) for row in rows] == [
        ("o0", "0.1", "2", "0", "True"),
        ("o0", "0.01", "2", "0", "False"),
        ("o1", "0.1", "2", "0", "True"),
        ("o1", "0.01", "1", "1", "False"),
    ]
    assert float(rows[0]["val/accuracy/mean"]) == pytest.approx(0.010005)
    assert rows[3]["val/accuracy/std"] == ""


def test_text_files_have_every_setting_and_the_choice(tmp_path: Path) -> None:
    printed(tmp_path, grid(2, [0.1, 0.01], 2))
    markdown, latex = ((tmp_path / f"comparison.{end}").read_text(encoding="utf-8") for end in ("md", "tex"))
    for text in (markdown, latex):
        assert "1/2, 1 diverged" in text
        assert "sample standard deviation over seeds" in text
        assert "lr chosen by the highest mean val/accuracy" in text
        assert "o0 and o1 cannot be told apart" in text
        assert "Two settings at a time by test/accuracy" in text
        assert "verdict on a" in text
        assert "python -m sweeplab confirm FOLDER" in text
        assert "epoch that had its highest val/accuracy" in text
    settings, choice, pairs, pivot = 4, 2, 1, 2
    assert len(re.findall(r"^ +o\d & .*\\\\$", latex, re.MULTILINE)) == settings + choice + pairs + pivot
    assert len(re.findall(r"^\| o\d ", markdown, re.MULTILINE)) == settings + choice + pairs + pivot


def test_same_cells_give_the_same_files(tmp_path: Path) -> None:
    cells = grid(2, [0.1, 0.01], 2)
    texts = []
    for _ in range(2):
        printed(tmp_path, cells)
        texts.append([path.read_bytes() for path in sorted(tmp_path.rglob("*.*"))])
    assert texts[0] == texts[1]


def test_tables_that_the_axes_call_for_are_returned(tmp_path: Path) -> None:
    [table] = published_to(tmp_path, grid(2, [0.1, 0.01], 2), Console(file=io.StringIO()))
    assert table.title == "test/accuracy: optimizer by lr"


def test_every_remark_stands_once_in_each_file(tmp_path: Path) -> None:
    cells = grid(3, [0.1, 0.01, 0.001], 2)
    text = printed(tmp_path, cells, 200)
    for told in (text, *((tmp_path / f"comparison.{end}").read_text(encoding="utf-8") for end in ("md", "tex"))):
        assert told.count("lr at the edge") == 1
        assert "o0 lr=0.1, o1 lr=0.1, o2 lr=0.1: EDGE: lr at the edge: the highest of 3; go on with lr=1,10" in told


@pytest.mark.parametrize(("width", "num_blocks"), [(80, 3), (100, 2), (160, 1)])
def test_tables_keep_to_the_width_and_break_no_number(width: int, num_blocks: int, tmp_path: Path) -> None:
    text = printed(tmp_path, grid(3, [0.1, 0.01, 0.001, 0.0001, 0.00001, 0.000001, 0.0000001], 3), width)
    lines = [line for line in text.splitlines() if not line.startswith("Tables: ")]
    assert max(map(cell_len, lines)) <= width
    assert "0.0100 ± 0.0000" in text
    # 9 characters of name, then 3 + 15 a number
    assert len(re.findall(r"^optimizer +lr=", text, re.MULTILINE)) == num_blocks
    assert re.findall(r" lr=(\de\S+)", text) == [f"1e-{power}" for power in range(1, 8)]


def test_what_a_narrow_terminal_leaves_out_is_said(tmp_path: Path) -> None:
    cells = grid(2, [0.1, 0.01], 2)
    assert "Too narrow for val/loss, test/loss, train/loss: see comparison.csv." in printed(tmp_path, cells, 80)
    assert "Too narrow" not in printed(tmp_path, cells, 160)


def test_best_forty_of_many_settings_and_the_rest_is_counted(tmp_path: Path) -> None:
    text = printed(tmp_path, grid(50, [0.1, 0.01], 1))
    settings = text.split("lr chosen by the highest mean val/accuracy\n")[0]
    shown = re.findall(r"^o\d+ ", settings, re.MULTILINE)
    assert len(shown) == 40
    assert shown[0] == "o49 "
    assert "o5 " not in shown
    assert "The best 40 by val/accuracy are shown, 60 more are in comparison.csv." in text
    assert f"{tmp_path}/comparison.csv" in text
    assert len((tmp_path / "comparison.md").read_text(encoding="utf-8").splitlines()) > 150


def test_hundreds_of_columns_are_cut_and_counted(tmp_path: Path) -> None:
    text = printed(tmp_path, grid(2, [0.1 / i for i in range(1, 200)], 1))
    assert len(re.findall("^test/accuracy$", text, re.MULTILINE)) == 3
    assert re.search(r"\d+ more columns are in comparison\.csv\.", text)


def test_axes_that_do_not_vary_take_no_column_on_the_terminal(tmp_path: Path) -> None:
    text = printed(tmp_path, grid(1, [0.1, 0.01], 1))
    assert "optimizer" not in text
    assert "optimizer" in (tmp_path / "comparison.md").read_text(encoding="utf-8")


def test_single_cell_and_sweep_without_any_result(tmp_path: Path) -> None:
    assert re.search(r"o0 +1e-1 +0/1, 1 diverged", printed(tmp_path, grid(1, [0.1], 1)))
    pending = grid(2, [0.1, 0.01], 1)[["cell_id", *AXES]].assign(state="pending")
    assert printed(tmp_path, pending).count("0/1, 1 pending") == 4


def test_rich_markup_in_names_is_text(tmp_path: Path) -> None:
    cells = grid(2, [0.1], 1).assign(optimizer=["[bold]x[/bold]", "[/]"])
    text = printed(tmp_path, cells)
    assert "[bold]x[/bold]" in text
    assert "[/]" in text


def test_terminal_without_unicode_gets_the_table_too(tmp_path: Path) -> None:
    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, encoding="ascii", write_through=True), width=80)
    cells = grid(2, [0.1, 0.01], 2)
    published_to(tmp_path, cells, console)
    assert b"0.0100 +- 0.0000" in raw.getvalue()


def test_a_list_of_cases_is_not_laid_out_over_two_axes(tmp_path: Path) -> None:
    """Each optimizer at a rate of its own: a pivot would be a diagonal."""
    crossed = grid(3, [0.1, 0.01, 0.001], 2)
    own_rate = {"o0": 0.1, "o1": 0.01, "o2": 0.001}
    cases = crossed[crossed["lr"] == crossed["optimizer"].map(own_rate)]
    assert "lr=1e-1" in printed(tmp_path, crossed, width=120)
    assert "lr=1e-1" not in printed(tmp_path, cases, width=120)
