"""Published and measured as a reader sees them: terminal, Markdown, LaTeX and CSV."""

import csv
import io
import math
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from sweeplab.compare import compare
from sweeplab.compare.analysis import Analysis
from sweeplab.report import publish
from sweeplab.report.published import against_published, named_metrics

AXES = ["optimizer", "lr", "seed"]
SELECT = {"monitor": "val/accuracy", "mode": "max"}
CELLS = pd.DataFrame(
    {
        "cell_id": ["a0", "a1", "s0", "s1"],
        "state": ["completed", "completed", "completed", "diverged"],
        "optimizer": ["adam", "adam", "sgd", "sgd"],
        "lr": [1e-3, 1e-3, 1e-3, 1e-3],
        "seed": [0, 1, 0, 1],
        "train/loss": [0.30, 0.50, 0.60, math.nan],
        "val/accuracy": [0.80, 0.90, 0.70, math.nan],
        "optimizer/switch_step": [math.nan] * 4,
    }
)
NASTY = "[bold]=1+1|`x`<script>_y_ \\input{z} $1$ 50%\x1b[31m\nnext"


def figure(optimizer: str, cell_ids: list[str], value: float = 0.9, **known: Any) -> dict[str, Any]:
    words = {"source": "a post", "kind": "last epoch", "n": 1, "note": None}
    setting = {"optimizer": optimizer, "lr": 1e-3}
    return {**words, "setting": setting, "metrics": {"val/accuracy": value}, "cells": cell_ids, **known}


def ordering(order: list[list[str]], **known: Any) -> dict[str, Any]:
    words = {"source": "a paper", "kind": None, "note": None, "where": {}}
    members = {"adam": ["a0", "a1"], "sgd": ["s0", "s1"], "lion": []}
    return {
        **words,
        "metric": "train/loss",
        "mode": "min",
        "axis": "optimizer",
        "order": order,
        "cells": members,
    } | known


def published(*figures: dict[str, Any], orderings: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {"source": "a post", "figures": list(figures), "orderings": list(orderings)}


def table_of(whole: dict[str, Any]) -> Any:
    [part] = against_published(CELLS, AXES, whole, select=SELECT, notes=["first"])
    return part.table


def written(folder: Path, whole: dict[str, Any] | None, *notes: str, **select: str) -> str:
    console = Console(file=io.StringIO(), width=120)
    comparison = compare(CELLS, AXES, select={**SELECT, **select}, named=named_metrics(whole))
    analysis = Analysis(comparison, pd.DataFrame(), [])
    publish(folder, CELLS, AXES, analysis, published=whole, tables=[], notes=notes, console=console)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_figures_beside_ours_with_sign_and_counts() -> None:
    table = table_of(published(figure("adam", ["a0", "a1"], 0.9), figure("sgd", ["s0", "s1"], 0.5)))
    assert table.header == ["optimizer", "lr", "metric", "published", "measured", "difference", "n"]
    assert table.rows == [
        ["adam", "1e-3", "val/accuracy", "0.9", "0.8500 ± 0.0707", "\N{MINUS SIGN}0.0500", "2/2"],
        ["sgd", "1e-3", "val/accuracy", "0.5", "0.7000", "+0.2000", "1/2, 1 diverged"],
    ]


def test_figure_that_was_not_run_and_metric_that_was_not_recorded() -> None:
    unrecorded = figure("sgd", ["s0"], metrics={"optimizer/switch_step": 100})
    table = table_of(published(figure("swats", []), unrecorded))
    assert [row[3:] for row in table.rows] == [
        ["0.9", "not in this sweep", "—", "—"],
        ["100", "—", "—", "1/1"],
    ]


def test_equal_has_no_sign() -> None:
    assert table_of(published(figure("adam", ["a0"], 0.8))).rows[0][5] == "0.0000"


def test_notes_say_source_kind_and_n_once_where_they_are_the_same() -> None:
    notes = table_of(published(figure("adam", ["a0"]), figure("sgd", ["s0"], note="read off a plot"))).notes
    assert notes[0] == "first"
    assert notes[2:] == ["Published: n = 1; last epoch; a post.", "sgd 1e-3: read off a plot"]


def test_notes_say_source_kind_and_n_by_setting_where_they_differ() -> None:
    notes = table_of(published(figure("adam", ["a0"]), figure("sgd", ["s0"], n=None, source="a log"))).notes
    assert notes[2:] == [
        "Published, adam 1e-3: n = 1; last epoch; a post.",
        "Published, sgd 1e-3: last epoch; a log.",
    ]


def test_ordering_shows_each_member_and_the_verdict() -> None:
    table = table_of(published(orderings=(ordering([["adam"], ["sgd"]], note="by eye"),)))
    assert table.header == ["metric", "optimizer", "place", "measured", "n", "verdict"]
    assert table.rows == [
        ["train/loss", "adam", "1", "0.4000 ± 0.1414", "2/2", "holds"],
        ["", "sgd", "2", "0.6000", "1/2, 1 diverged", ""],
    ]
    assert table.notes[:4] == [
        "first",
        "train/loss, lowest first: adam before sgd: holds.",
        "Completed cells of a grid: sgd 1/2.",
        "train/loss, lowest first: adam before sgd: by eye",
    ]
    assert table.notes[-1] == "Published: a paper."


def test_ordering_that_fails_or_stays_open_says_why() -> None:
    orders = (ordering([["sgd"], ["adam"]]), ordering([["adam", "sgd"], ["lion"]]))
    notes = table_of(published(orderings=orders)).notes
    assert notes[1] == "train/loss, lowest first: sgd before adam: does not hold (sgd is not better than adam)."
    assert notes[3] == "train/loss, lowest first: adam, sgd before lion: cannot be told (no result for lion)."


def test_orderings_over_different_axes_name_them() -> None:
    rates = ordering([["0.001"], ["0.01"]], axis="lr", cells={"0.001": ["a0"], "0.01": []})
    table = table_of(published(orderings=(ordering([["adam"], ["sgd"]]), rates)))
    assert table.header[:2] == ["metric", "setting"]
    assert [row[1] for row in table.rows] == ["optimizer=adam", "optimizer=sgd", "lr=0.001", "lr=0.01"]


def test_metrics_that_a_source_names() -> None:
    whole = published(figure("adam", []), orderings=(ordering([["adam"], ["sgd"]]),))
    assert named_metrics(whole) == ["val/accuracy", "train/loss"]
    assert named_metrics(None) == []


def test_every_output_has_both_tables_and_the_notes(tmp_path: Path) -> None:
    whole = published(figure("adam", ["a0", "a1"]), orderings=(ordering([["adam"], ["sgd"]]),))
    terminal = written(tmp_path, whole, "Kingma 2015", "fewer epochs")
    markdown, latex = ((tmp_path / f"comparison.{end}").read_text(encoding="utf-8") for end in ("md", "tex"))
    for text in (terminal, markdown, latex):
        for words in (
            "Published and measured",
            "Published orderings",
            "Kingma 2015",
            "fewer epochs",
            "adam before sgd",
        ):
            assert words in text
        assert "nan" not in text
    assert latex.count(r"\begin{table}") == latex.count(r"\end{table}") == 3
    rows = list(csv.DictReader((tmp_path / "published.csv").open(newline="")))
    assert [(row["optimizer"], float(row["published"])) for row in rows] == [("adam", 0.9)]
    assert float(rows[0]["difference"]) == pytest.approx(-0.05)
    orders = list(csv.DictReader((tmp_path / "published_orderings.csv").open(newline="")))
    assert [(row["member"], row["place"], row["verdict"]) for row in orders] == [
        ("adam", "1", "holds"),
        ("sgd", "2", "holds"),
    ]


def test_nothing_published_writes_nothing_more(tmp_path: Path) -> None:
    text = written(tmp_path, None)
    assert not {"Published and measured", "Published orderings", "About this sweep"} & set(text.splitlines())
    assert not list(tmp_path.glob("published*"))


def test_hostile_words_are_text_everywhere(tmp_path: Path) -> None:
    bad_figure = figure(NASTY, ["a0"], source=NASTY, kind=NASTY, note=NASTY)
    bad_order = ordering([[NASTY], ["sgd"]], source=NASTY, note=NASTY, cells={NASTY: ["a0"], "sgd": ["s0"]})
    terminal = written(tmp_path, published(bad_figure, orderings=(bad_order,)), NASTY)
    markdown, latex = ((tmp_path / f"comparison.{end}").read_text(encoding="utf-8") for end in ("md", "tex"))
    assert "[bold]=1+1" in terminal
    assert "\x1b" not in terminal + markdown + latex
    assert "<script>" not in markdown
    assert (
        len(
            re.findall(r"(?<!\\)\|", next(line for line in markdown.splitlines() if "not in" in line or "=1+1" in line))
        )
        == 8
    )
    assert r"\input" not in latex
    assert "$1$" not in latex
    for name in ("published", "published_orderings"):
        rows = list(csv.DictReader((tmp_path / f"{name}.csv").open(newline="")))
        assert not any(value[:1] in tuple("=+@") for row in rows for value in row.values())


def test_formula_in_a_source_is_disarmed(tmp_path: Path) -> None:
    written(tmp_path, published(figure("=1+1", ["a0"], source="=cmd()")))
    [row] = csv.DictReader((tmp_path / "published.csv").open(newline=""))
    assert (row["optimizer"], row["source"]) == ("'=1+1", "'=cmd()")


def test_many_rows_are_cut_on_the_terminal_only_and_counted(tmp_path: Path) -> None:
    text = written(tmp_path, published(*(figure(f"o{i}", []) for i in range(45))))
    assert len(re.findall(r"not in this sweep", text)) == 40
    assert "5 more are in comparison.md." in text
    assert (tmp_path / "comparison.md").read_text(encoding="utf-8").count("not in this sweep") == 45


def test_caution_stands_under_every_table_where_validation_is_the_test_split(tmp_path: Path) -> None:
    whole = published(figure("adam", ["a0", "a1"]), orderings=(ordering([["adam"], ["sgd"]]),))
    caution = "validation is the test split here (select.data=test"
    text = written(tmp_path, whole, data="test")
    markdown, latex = ((tmp_path / f"comparison.{end}").read_text(encoding="utf-8") for end in ("md", "tex"))
    assert text.count(caution) == markdown.count(caution) == latex.count(caution) == 3
    assert caution not in written(tmp_path, whole, data="held_out")


def test_best_of_a_grid_is_said_where_there_is_a_grid() -> None:
    words = "best in its grid"
    orders = (ordering([["adam"], ["sgd"]]),)
    assert not any(words in note for note in table_of(published(orderings=orders)).notes)
    rates = CELLS.assign(lr=[1e-3, 1e-2, 1e-3, 1e-3])
    [part] = against_published(rates, AXES, published(orderings=orders), select=SELECT, notes=[])
    assert any(words in note for note in part.table.notes)
    assert [row[:3] for row in part.table.rows] == [["train/loss", "adam", "1e-3"], ["", "sgd", "1e-3"]]


def test_edge_of_a_grid_is_said_for_the_member_that_stands_there() -> None:
    rows = pd.concat([CELLS.head(1)] * 3, ignore_index=True)
    rows = rows.assign(cell_id=list("abc"), lr=[1e-1, 1e-2, 1e-3], **{"train/loss": [0.1, 0.2, 0.3]})
    entry = ordering([["adam"]]) | {"cells": {"adam": list("abc")}}
    [part] = against_published(rows, AXES, published(orderings=(entry,)), select=SELECT, notes=[])
    assert "adam: lr at the edge: the highest of 3." in part.table.notes
