"""The end of a report: the verdict, what stands against it, and the page with all of it."""

import io
import re
import statistics

import pandas as pd
import pytest
from rich.console import Console

from sweeplab import tracking
from sweeplab.launch.conduct import report
from sweeplab.sweep import write_sweep

SPREAD = (0.0, 0.01, -0.01, 0.02, -0.02, 0.005, -0.005)


@pytest.fixture
def reported(hand_plan, tmp_path, finish):
    """What a report prints and its page, of two optimizers at one rate each that end at these accuracies."""

    def make(first, second, seeds=7):
        settings = [{"optimizer": name, "seed": seed} for name in ("one", "two") for seed in range(seeds)]
        plan = hand_plan(*settings)
        sweep = write_sweep(plan, command=["python", "-m", "sweeplab", "-m", "optimizer=one,two"], code={})
        for cell, setting in zip(plan.cells, settings, strict=True):
            accuracy = (first if setting["optimizer"] == "one" else second) + SPREAD[setting["seed"]]
            metrics = {"val/accuracy": accuracy, "test/accuracy": accuracy, "val/loss": 0.5, "test/loss": 0.5}
            hits = round(100 * accuracy)
            matrix = [[hits // 2, 50 - hits // 2], [50 - (hits - hits // 2), hits - hits // 2]]
            finish(tmp_path, cell, metrics=metrics, confusion_matrix=matrix, epochs=1, best_epoch=1, steps=10)
        console = Console(file=io.StringIO(), width=200)
        assert report(sweep, console) == 0
        return console.file.getvalue(), (sweep.folder.path / "report.html").read_text(encoding="utf-8")

    return make


def test_a_clear_difference_is_a_verdict_on_terminal_and_page(reported):
    printed, page = reported(0.9, 0.7)
    assert "On test/accuracy one is better than two (n=7 pairs" in printed
    assert "one is better than two (n=7 pairs" in page


def test_only_the_winner_is_bold_on_the_page(reported):
    _, page = reported(0.9, 0.7)
    assert re.findall("<strong>(0[^<]*)</strong>", page) == [f"0.9000 ± {statistics.stdev(SPREAD):.4f}"]
    assert "Bold: better than every other chosen setting" in page


def test_no_difference_is_no_verdict(reported):
    printed, page = reported(0.8, 0.8)
    assert "<strong>0" not in page
    assert "Bold:" not in page
    assert "cannot be told apart" in printed
    assert "is better than" not in printed


def test_few_seeds_are_said_to_be_too_few(reported):
    printed, _ = reported(0.9, 0.7, seeds=3)
    assert "fewer than 6 pairs can never be significant" in printed


def test_cells_that_did_not_train_are_named(reported):
    """Two classes in equal shares: half right is a guess."""
    printed, page = reported(0.9, 0.5)
    assert "CHANCE" in printed
    assert "CHANCE" in page


def test_page_has_the_classes_the_guards_and_the_command(reported):
    _, page = reported(0.9, 0.7)
    for words in ("Two at a time", "Classes", "Guards", "optimizer=one,two"):
        assert words in page


def test_several_data_sets_are_workloads_and_not_compared_with_each_other(hand_plan, tmp_path, finish):
    settings = [
        {"dataset.name": dataset, "optimizer": name, "seed": seed}
        for dataset in ("easy", "hard")
        for name in ("one", "two")
        for seed in range(6)
    ]
    plan = hand_plan(*settings)
    sweep = write_sweep(plan, command=["python", "-m", "sweeplab"], code={})
    for cell, setting in zip(plan.cells, settings, strict=True):
        base = {"easy": 0.9, "hard": 0.5}[setting["dataset.name"]] + 0.05 * (setting["optimizer"] == "one")
        metrics = {"val/accuracy": base + SPREAD[setting["seed"]], "test/accuracy": base + SPREAD[setting["seed"]]}
        finish(tmp_path, cell, metrics=metrics, epochs=1, best_epoch=1, steps=10)
    console = Console(file=io.StringIO(), width=200)
    report(sweep, console)
    page = (sweep.folder.path / "report.html").read_text(encoding="utf-8")
    assert "Average ranks over 2 workloads" in page
    assert "p after Holm over 2 comparisons" in console.file.getvalue()


@pytest.mark.parametrize("is_mirror", [True, False])
def test_tracker_gets_tables_figures_and_page_if_it_takes_them(is_mirror, hand_plan, tmp_path, finish, monkeypatch):
    settings = [{"optimizer": name, "seed": seed} for name in ("one", "two") for seed in range(2)]
    plan = hand_plan(*settings)
    sweep = write_sweep(plan, command=["python", "-m", "sweeplab"], code={})
    for cell in plan.cells:
        finish(tmp_path, cell, metrics={"val/accuracy": 0.5, "test/accuracy": 0.5}, epochs=1, best_epoch=1, steps=10)
    given = []
    monkeypatch.setattr(tracking, "is_mirror", lambda _: is_mirror)
    monkeypatch.setattr(tracking, "publish_sweep", lambda _, **known: given.append(known) or "mirrored at x")
    console = Console(file=io.StringIO(), width=200)
    report(sweep, console, tracker={"_target_": "x"}, tags=["a"])
    assert ("mirrored at x" in console.file.getvalue()) == is_mirror
    assert (sweep.folder.path / "figures").exists() == is_mirror
    if not is_mirror:
        assert given == []
        return
    [known] = given
    assert list(known["tables"]) == ["settings", "choice", "pairs"]
    assert all(isinstance(table, pd.DataFrame) for table in known["tables"].values())
    assert known["page"] == sweep.folder.path / "report.html"
    assert known["figures"]
    assert all(path.suffix == ".png" and path.exists() for path in known["figures"])
    assert (known["sweep"], known["folder"], known["tags"]) == ("mine", sweep.folder.path, ("a",))
