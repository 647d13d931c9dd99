"""The whole comparison of a sweep."""

import subprocess
import sys

import pandas as pd

from sweeplab.compare import compare

SELECT = {"monitor": "val/accuracy", "mode": "max"}
CELLS = pd.DataFrame(
    {
        "state": ["completed"] * 4,
        "optimizer": ["adam", "adam", "sgdm", "sgdm"],
        "lr": [0.1, 0.01, 0.1, 0.01],
        "train/loss": [1.0, 2.0, 3.0, 4.0],
        "test/loss": [1.0, 2.0, 3.0, 4.0],
        "val/loss": [1.0, 2.0, 4.0, 3.0],
        "test/accuracy": [0.1, 0.9, 0.1, 0.9],
        "val/accuracy": [0.9, 0.8, 0.7, 0.8],
    }
)


def test_learning_rate_is_chosen_for_each_optimizer() -> None:
    comparison = compare(CELLS, ["optimizer", "lr", "seed"], select=SELECT)
    assert comparison.over == ["lr"]
    assert comparison.settings["chosen"].tolist() == [True, False, False, True]
    assert comparison.ranks() == [0, 1, 3, 2]


def test_monitored_metric_comes_first_validation_before_test_training_last() -> None:
    comparison = compare(CELLS, ["optimizer", "lr"], select={"monitor": "val/loss", "mode": "min"})
    assert comparison.metrics == ["val/loss", "test/loss", "val/accuracy", "test/accuracy", "train/loss"]
    assert comparison.ranks() == [0, 1, 3, 2]


def test_learning_rate_that_does_not_vary_is_not_chosen() -> None:
    comparison = compare(CELLS[CELLS["lr"] == 0.1], ["optimizer", "lr"], select=SELECT)
    assert (comparison.over, comparison.varying) == ([], ["optimizer"])
    assert comparison.settings["chosen"].all()


def test_comparing_imports_neither_torch_nor_lightning() -> None:
    code = "import sys, sweeplab.compare, sweeplab.report.terminal, sweeplab.report.files; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "pandas" in modules
    assert not {"torch", "pytorch_lightning", "hydra", "wandb"} & set(modules)


def test_only_loss_and_accuracy_are_shown_and_what_is_named() -> None:
    cells = CELLS.assign(**{"optimizer/switch_step": 1.0, "train/objective": 2.0, "val/f1": 0.5})
    plain = compare(cells, ["optimizer", "lr"], select=SELECT)
    assert plain.metrics == ["val/accuracy", "test/accuracy", "val/loss", "test/loss", "train/loss"]
    assert "optimizer/switch_step/mean" in plain.settings
    named = compare(cells, ["optimizer", "lr"], select=SELECT, named=["train/objective", "test/none"])
    assert named.metrics == [*plain.metrics, "train/objective"]
    assert compare(cells, ["optimizer", "lr"], select={"monitor": "val/f1", "mode": "max"}).metrics[0] == "val/f1"


def test_sweep_from_before_is_measured_at_its_best_epoch_on_held_out_data() -> None:
    select = compare(CELLS, ["optimizer", "lr"], select=SELECT).select
    assert (select["epoch"], select["data"]) == ("best", "held_out")
