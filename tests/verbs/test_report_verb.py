"""`report --publish`: what a sweep's own run on W&B shows, made anew."""

from pathlib import Path

import pytest
import yaml

from sweeplab import tracking
from sweeplab.cli import main
from sweeplab.sweep import write_sweep

CONF = Path(__file__).resolve().parents[2] / "conf"
WANDB = yaml.safe_load((CONF / "tracker" / "wandb.yaml").read_text(encoding="utf-8"))
NONE = yaml.safe_load((CONF / "tracker" / "none.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def folder(hand_plan, finish, tmp_path, tracker):
    plan = hand_plan(*({"seed": seed, "tracker": tracker, "tags": ["mine"]} for seed in range(2)))
    for cell in plan.cells:
        finish(tmp_path, cell, metrics={"val/accuracy": 0.5, "test/accuracy": 0.5})
    return write_sweep(plan, command=[], code={}).folder.path


@pytest.fixture
def given(monkeypatch):
    """What the tracker was asked to show."""
    known = []
    monkeypatch.setattr(
        tracking, "publish_sweep", lambda config, **parts: known.append((config, parts)) or "comparison: at x"
    )
    return known


@pytest.mark.parametrize("tracker", [WANDB])
def test_everything_is_shown_where_the_cells_are(folder, given, capsys):
    """With the page and the figures that were just drawn."""
    assert main(["report", str(folder), "--publish"]) == 0
    [(config, parts)] = given

    assert config == WANDB
    assert parts["tags"] == ("mine",)
    assert parts["page"] == folder / "report.html"
    assert list(parts["tables"])[:2] == ["settings", "choice"]
    assert all(Path(figure).exists() for figure in parts["figures"])
    assert "comparison: at x" in capsys.readouterr().out


@pytest.mark.parametrize("tracker", [WANDB])
def test_nothing_is_shown_that_was_not_asked_for(folder, given):
    assert main(["report", str(folder)]) == 0
    assert given == []


@pytest.mark.parametrize("tracker", [NONE])
def test_cells_without_a_tracker_have_no_such_place(folder, given, capsys):
    """One message, exit code 2, and nothing is written."""
    assert main(["report", str(folder), "--publish"]) == 2
    assert "--publish needs cells whose tracker takes comparisons" in capsys.readouterr().err
    assert given == []
    assert not (folder / "report.html").exists()
