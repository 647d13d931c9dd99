"""Choosing on test data is refused by every way, and where it is forced every output says so."""

import io
import json
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from sweeplab.errors import ConfigFault
from sweeplab.launch.conduct import report
from sweeplab.sweep import Sweep, read_sweep, write_sweep
from sweeplab.verbs import confirm
from sweeplab.verbs.plan import plan_of

STAMP = "SELECTED ON TEST"
WORDS = "validation is the test split here (select.data=test"


@pytest.fixture
def swept(hand_plan, tmp_path, finish):
    """A sweep of two rates with a declared table; the rules of its choice are changed as asked."""

    def make(**select: str) -> Sweep:
        settings = [{"lr": lr, "seed": seed} for lr in (0.1, 0.01) for seed in range(2)]
        plan = hand_plan(*settings)
        sweep = write_sweep(plan, command=["python", "-m", "sweeplab"], code={})
        for cell, setting in zip(plan.cells, settings, strict=True):
            metrics = {"val/accuracy": 0.5 + setting["lr"], "test/accuracy": 0.6, "val/loss": 0.5, "test/loss": 0.5}
            finish(tmp_path, cell, metrics=metrics, confusion_matrix=[[30, 20], [20, 30]], epochs=1, best_epoch=1)
        kept = json.loads(sweep.folder.plan.read_text(encoding="utf-8"))
        kept["select"] = {**kept["select"], **select}
        kept["tables"] = [
            {
                "title": "Mine",
                "rows": ["optimizer"],
                "columns": [],
                "value": ["test/accuracy"],
                "over": ["seed"],
                "select_over": ["lr"],
                "where": {},
                "cells": [cell.id for cell in plan.cells],
                "values": {"optimizer": {cell.id: "adam" for cell in plan.cells}},
            }
        ]
        sweep.folder.plan.write_text(json.dumps(kept), encoding="utf-8")
        return read_sweep(sweep.folder.path)

    return make


def reported(sweep: Sweep) -> str:
    console = Console(file=io.StringIO(), width=200)
    report(sweep, console, with_figures=True)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_every_output_of_a_choice_on_test_data_carries_the_stamp(swept):
    sweep = swept(data="test")
    printed, folder = reported(sweep), sweep.folder.path
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in ("comparison.md", "comparison.tex")}
    texts |= {"terminal": printed, "page": (folder / "report.html").read_text(encoding="utf-8")}
    for name, text in texts.items():
        assert STAMP in text, name
        assert WORDS in text, name
    tables = texts["comparison.md"].split("\n## ")[1:]
    assert {"Settings", "Mine"} <= {table.partition("\n")[0] for table in tables}
    assert all(STAMP in table for table in tables)
    assert all(STAMP in table for table in texts["comparison.tex"].split("\\begin{table}")[1:])


def test_every_table_of_numbers_has_the_stamp_as_a_column_and_can_be_read(swept):
    folder = swept(data="test").folder.path
    reported(read_sweep(folder))
    files = sorted(folder.rglob("*.csv"))
    assert {"cells.csv", "comparison.csv", "mine.csv"} <= {path.name for path in files}
    for path in files:
        frame = pd.read_csv(path)
        assert len(frame), path
        assert (frame["stamp"] == STAMP).all(), path


def test_choice_on_held_out_data_has_no_stamp_anywhere(swept):
    sweep = swept(data="held_out")
    assert STAMP not in reported(sweep)
    for path in sweep.folder.path.rglob("*"):
        if path.suffix in (".csv", ".md", ".tex", ".html"):
            assert STAMP not in path.read_text(encoding="utf-8"), path
            assert "stamp" not in path.read_text(encoding="utf-8").partition("\n")[0], path


@pytest.mark.parametrize("word", ["select.monitor=test/accuracy", "early_stopping.monitor=test/loss"])
def test_a_line_that_would_choose_on_test_data_is_refused_before_anything_is_trained(word):
    with pytest.raises(ConfigFault, match=rf"{word.partition('=')[0]} must be one of val/accuracy, val/loss"):
        plan_of([word])


def test_a_metric_of_the_test_split_is_refused_by_report_and_confirm_though_a_record_asks_for_it(swept):
    """What the line refuses, a sweep.json written by hand might still ask for."""
    sweep = swept(monitor="test/accuracy")
    folder = sweep.folder.path
    with pytest.raises(ConfigFault, match="a choice by test data is refused"):
        reported(sweep)
    assert [path.name for path in folder.glob("*.csv")] == ["cells.csv"]
    with pytest.raises(ConfigFault, match="a choice by test data is refused"):
        confirm.run([str(folder), "--dry-run"])


def test_a_declared_table_of_test_figures_chooses_on_validation(swept):
    """Both rates give the same test accuracy; validation is better at 0.1."""
    sweep = swept()
    reported(sweep)
    frame = pd.read_csv(Path(sweep.folder.path) / "tables" / "mine.csv")
    assert frame["lr"].tolist() == [0.1]
    assert "chosen in each place by the highest mean val/accuracy" in (sweep.folder.path / "comparison.md").read_text(
        encoding="utf-8"
    )
