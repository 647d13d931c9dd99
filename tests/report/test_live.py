"""A running sweep as one looks on."""

import io
import subprocess
import sys
import time

import pytest
from rich.console import Console

from sweeplab.report.live import LiveView

LABELS = {"a": "radam lr=1e-3", "b": "sgdm [bold]lr=1[/]", "c": "adam lr=1e-3"}


def plain_console() -> Console:
    return Console(file=io.StringIO(), width=60)


def output(console: Console) -> str:
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def rendered(view: LiveView) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(view._render())
    return output(console)


def test_one_plain_line_per_finished_cell_when_not_a_terminal() -> None:
    console = plain_console()
    with LiveView(console, 4, 2, LABELS) as view:
        view.started("a")
        view.progress("a", 1, 2, {"train/loss": 0.5})
        view.ended("a", "completed", {"val/accuracy": 0.953, "test/accuracy": 0.949, "val/loss": 0.1}, 4.12, None)
        view.ended("b", "diverged", {}, 61.0, None)
    lines = output(console).splitlines()
    assert lines[0] == "[3/4] completed  radam lr=1e-3  val/accuracy 0.9530  test/accuracy 0.9490  4.1 s"
    assert lines[1] == "[4/4] diverged  sgdm [bold]lr=1[/]  1 min 01 s"
    assert lines[2].startswith("4 cells: 2 finished before, 1 completed, 1 diverged · ")
    assert len(lines) == 3


def test_losses_are_shown_where_there_is_no_accuracy() -> None:
    console = plain_console()
    with LiveView(console, 1, 0, {}) as view:
        view.ended("0123abcd", "completed", {"val/loss": 0.25, "test/loss": 0.5, "train/loss": 1.0}, 1.0, None)
    assert output(console).splitlines()[0] == "[1/1] completed  0123abcd  val/loss 0.2500  test/loss 0.5000  1.0 s"


def test_failure_is_shown_at_once_with_its_last_line_and_without_control_codes() -> None:
    console = plain_console()
    error = "Traceback (most recent call last):\n  ...\n\x1b[31mRuntimeError: [red]out\x07 of luck\x1b[0m\n"
    with LiveView(console, 3, 0, LABELS) as view:
        view.ended("a", "out_of_memory", {}, 2.0, error)
        assert output(console) == "[1/3] out of memory  radam lr=1e-3  2.0 s  RuntimeError: [red]out of luck\n"


def test_nothing_trained_is_said() -> None:
    console = plain_console()
    with LiveView(console, 6, 6, {}):
        pass
    assert output(console).startswith("6 cells: 6 finished before · ")


def test_interruption_passes_through_and_still_sums_up() -> None:
    console = plain_console()
    view = LiveView(console, 2, 0, LABELS)
    with pytest.raises(KeyboardInterrupt), view:
        raise KeyboardInterrupt
    assert output(console).startswith("2 cells: none finished · ")


def test_terminal_shows_a_row_per_running_cell() -> None:
    view = LiveView(plain_console(), 5, 1, LABELS)
    for cell in "abc":
        view.started(cell)
    view.progress("a", 3, 10, {"train/loss": 0.5, "val/accuracy": 0.75})
    view.ended("c", "completed", {}, 10.0, None)
    head, *rows = rendered(view).splitlines()
    assert head.startswith("2/5 cells · 1 completed · 2 running · ")
    assert [row.split()[0] for row in rows] == ["radam", "sgdm"]
    assert all(word in rows[0] for word in ("3/10", "loss 0.5000", "accuracy 0.7500"))
    assert "sgdm [bold]lr=1[/]" in rows[1]
    assert "starting" in rows[1]


def test_late_news_of_an_ended_cell_brings_no_row_back() -> None:
    view = LiveView(plain_console(), 2, 0, LABELS)
    view.started("a")
    view.ended("a", "completed", {}, 1.0, None)
    view.progress("a", 2, 2, {})
    assert len(rendered(view).splitlines()) == 1


def test_more_running_cells_than_rows_are_counted() -> None:
    view = LiveView(plain_console(), 100, 0, {})
    for number in range(20):
        view.started(f"cell{number}")
    lines = rendered(view).splitlines()
    assert len(lines) == 1 + 16 + 1
    assert lines[-1].strip() == "and 4 more"


def test_time_left_follows_from_finished_cells_and_those_running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    view = LiveView(plain_console(), 10, 2, LABELS)
    assert "left" not in rendered(view)
    view.ended("c", "completed", {}, 30.0, None)
    view.started("a")
    view.started("b")
    view.progress("a", 1, 2, {})
    # 7 cells to come, half of one done: 6.5 * 30 s by two at once
    assert "about 1 min 38 s left" in rendered(view)


def test_time_left_before_the_first_end_follows_from_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    view = LiveView(plain_console(), 2, 0, LABELS)
    view.started("a")
    monkeypatch.setattr(time, "monotonic", lambda: 110.0)
    view.progress("a", 1, 4, {})
    # a quarter in 10 s: 40 s a cell, 1.75 cells to come
    assert "about 1 min 10 s left" in rendered(view)


def test_interactive_terminal_keeps_only_what_went_wrong() -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=True, force_interactive=True, color_system=None)
    with LiveView(console, 2, 0, LABELS) as view:
        view.started("a")
        view.ended("a", "completed", {"val/accuracy": 0.5}, 1.0, None)
        view.ended("b", "failed", {}, 1.0, "ValueError: no")
    text = output(console)
    assert "completed  radam" not in text
    assert "[2/2] failed  sgdm [bold]lr=1[/]  1.0 s  ValueError: no" in text
    assert "2 cells: 1 completed, 1 failed" in text


def test_importing_the_live_view_costs_no_pandas() -> None:
    code = "import sys, sweeplab.report.live; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "rich" in modules
    assert not {"pandas", "numpy", "torch"} & set(modules)


def test_that_nothing_can_start_is_said_once_until_something_does() -> None:
    console = plain_console()
    with LiveView(console, 2, 0, LABELS) as view:
        view.waiting("no GPU is free: 4 are leased by other sweeps")
        view.waiting("no GPU is free: 3 are leased by other sweeps, 1 has 2.1 of the 10 GiB asked for")
        view.started("a")
        view.ended("a", "completed", {}, 1.0, None)
        view.waiting("no GPU is free")
    lines = output(console).splitlines()
    assert lines[0] == "waiting: no GPU is free: 4 are leased by other sweeps"
    assert lines[1].startswith("[1/2] completed")
    assert lines[2] == "waiting: no GPU is free"
    assert len(lines) == 4
