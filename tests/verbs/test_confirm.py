"""`sweeplab confirm`: the chosen settings on fresh seeds, by the same door as any sweep."""

import math
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from sweeplab import record
from sweeplab.cli import main
from sweeplab.compare import compare
from sweeplab.compare.confirmed import confirmed
from sweeplab.records import read_records
from sweeplab.report.confirmed import confirmed_table
from sweeplab.sweep import find_sweep, write_sweep
from sweeplab.verbs.confirm import choose, fresh_cells
from sweeplab.verbs.plan import plan_of

GRID = ["optimizer=adam,sgdm", "lr=1e-3,1e-2", "seed=0,4", "tracker=none", "max_epochs=1", "name=mine"]
SCORES = {("adam", 0.001): 0.7, ("adam", 0.01): 0.8, ("sgdm", 0.001): 0.6, ("sgdm", 0.01): 0.5}


@pytest.fixture
def swept(here, finish):
    """A finished sweep of two optimizers and two rates, named `mine`; validation and test disagree."""
    plan = plan_of(GRID)
    write_sweep(plan, command=["python", "-m", "sweeplab", "-m", *GRID], code={})
    for cell in plan.cells:
        score = SCORES[cell.axes["optimizer"], cell.axes["lr"]]
        metrics = {"val/accuracy": score, "test/accuracy": 1 - score}
        finish(here / "outputs", cell, metrics=metrics)
    return plan


def shown(capsys, *words):
    assert main(["confirm", *words]) == 0
    return capsys.readouterr().out


def test_the_winner_of_each_contestant_gets_seeds_that_the_sweep_never_had(swept, capsys, here):
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    text = shown(capsys, "mine", "--seeds", "3", "--dry-run")

    assert "mine-confirm: 6 cells" in text
    assert "  optimizer: adam, sgdm\n  lr: 0.01, 0.001\n  seed: 5, 6, 7\n" in text
    assert "finished: 0 of 6; to train: 6" in text
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before


def test_the_best_of_all_is_one_setting_and_chosen_on_validation(swept, capsys):
    """On test data sgdm at 0.01 would have won."""
    text = shown(capsys, "mine", "--best", "--seeds", "2", "--dry-run")

    assert "mine-confirm-best: 2 cells" in text
    sweep = find_sweep("mine")
    records = read_records(sweep)
    comparison = compare(records.cells, list(sweep.axes), select=sweep.select)
    chosen = choose(sweep, records, comparison, only_best=True)
    [cell] = chosen.cells
    assert (cell.axes["optimizer"], cell.axes["lr"]) == ("adam", 0.01)
    fresh = fresh_cells(sweep, cell, 2, "x")
    assert [(one.axes["optimizer"], one.axes["lr"], one.axes["seed"]) for one in fresh] == [
        ("adam", 0.01, 5),
        ("adam", 0.01, 6),
    ]
    same = {key: value for key, value in fresh[0].config.items() if key not in ("seed", "name", "runtime")}
    assert same == {key: cell.config[key] for key in same}


def test_files_that_changed_since_are_refused(here, finish, capsys):
    """The recorded lines would make another setting of the same name."""
    own = here / "conf" / "optimizer" / "own.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("_target_: torch.optim.Adam\n_partial_: true\nlr: ${lr}\nweight_decay: 0.5\n")
    line = ["--config-dir", "conf", "optimizer=own", "lr=1,2", "name=mine"]
    plan = plan_of(line)
    write_sweep(plan, command=["python", "-m", "sweeplab", "-m", *line], code={})
    for cell in plan.cells:
        finish(here / "outputs", cell, metrics={"val/accuracy": cell.axes["lr"] / 4})
    assert "mine-confirm: 10 cells" in shown(capsys, "mine", "--dry-run")

    own.write_text(own.read_text().replace("0.5", "0.25"))
    assert main(["confirm", "mine"]) == 2
    said = capsys.readouterr().err
    assert "'lr=2' is not what it was when the sweep chose it: its files in conf/ have changed since" in said
    assert f"explain {plan.cells[1].id} " in said


def test_an_experiment_s_rules_make_no_other_points_of_the_recorded_ones(here, finish, capsys):
    plan = plan_of(["experiment=optimizers_on_digits", "optimizer=adam,sgd", "lr=1,10", "seed=0", "name=mine"])
    write_sweep(plan, command=[], code={})
    for number, cell in enumerate(plan.cells):
        finish(here / "outputs", cell, metrics={"val/accuracy": number / 10, "test/accuracy": 0.5})
    text = shown(capsys, "mine", "--seeds", "2", "--dry-run")

    assert "mine-confirm: 4 cells" in text
    assert "  seed: 1, 2\n" in text


def test_a_sweep_without_a_result_has_nothing_to_confirm(here, capsys):
    write_sweep(plan_of(["lr=1,2", "name=mine"]), command=[], code={})

    assert main(["confirm", "mine"]) == 2
    assert "nothing to confirm: no setting of mine has a result" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["0", "-1", "two"])
def test_a_number_of_seeds_is_a_number(word, here, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["confirm", "mine", f"--seeds={word}"])
    assert ended.value.code == 2
    assert f"must be a whole number >= 1, got '{word}'" in capsys.readouterr().err


# ── the two scores ────────────────────────────────────────────────────────────────────────────────


def table_of(fresh_scores, *, mode="max", metric="val/accuracy"):
    tuned = pd.DataFrame({"lr": [0.1, 0.2], "n": [3, 3], f"{metric}/mean": [0.9, 0.8], f"{metric}/std": [0.1, 0.1]})
    rows = [
        {"setting": setting, "state": "diverged" if math.isnan(score) else "completed", metric: score}
        for setting, scores in enumerate(fresh_scores)
        for score in scores
    ]
    return confirmed(tuned, pd.DataFrame(rows), ["lr"], [metric], mode)


def test_optimism_is_how_much_better_the_tuning_score_was():
    high = table_of([[0.7, 0.8], [0.85, 0.95]])
    low = table_of([[0.7, 0.8], [0.85, 0.95]], mode="min", metric="val/loss")

    assert high["confirmed"].tolist() == pytest.approx([0.75, 0.9])
    assert high["confirmed_std"].tolist() == pytest.approx([np.std([0.7, 0.8], ddof=1)] * 2)
    assert high["optimism"].tolist() == pytest.approx([0.15, -0.1])
    assert low["optimism"].tolist() == pytest.approx([-0.15, 0.1])


def test_fresh_cells_that_diverged_stay_in_the_count():
    frame = table_of([[0.7, math.nan], [math.nan, math.nan]])
    table = confirmed_table(frame, ["lr"], [])

    assert frame[["cells", "n", "diverged"]].to_numpy().tolist() == [[2, 1, 1], [2, 0, 2]]
    assert table.rows == [
        ["1e-1", "val/accuracy", "0.9000 ± 0.1000", "3", "0.7000", "1/2, 1 diverged", "+0.2000"],
        ["2e-1", "val/accuracy", "0.8000 ± 0.1000", "3", "—", "0/2, 2 diverged", "—"],
    ]


def test_the_best_of_many_equals_is_optimistic():
    """All settings are the same: the tuning score of the best lies above what fresh seeds give, as the law says."""
    rng = np.random.default_rng(0)
    scores = rng.normal(0.5, 0.01, (4000, 20, 3)).mean(axis=2)
    tuned = pd.DataFrame({"lr": range(4000), "n": 3, "val/accuracy/mean": scores.max(axis=1), "val/accuracy/std": 0.01})
    fresh = pd.DataFrame(
        {"setting": np.repeat(range(4000), 3), "state": "completed", "val/accuracy": rng.normal(0.5, 0.01, 12000)}
    )
    optimism = confirmed(tuned, fresh, ["lr"], ["val/accuracy"], "max")["optimism"].mean()

    # the expected greatest of 20 standard normal draws is 1.867
    assert optimism == pytest.approx(1.867 * 0.01 / math.sqrt(3), rel=0.05)


# ── for real ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
@pytest.mark.xdist_group("verbs")
def test_a_real_sweep_is_confirmed_in_a_sweep_of_its_own(tmp_path):
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("WANDB", "COLUMNS"))}
    quick = ["dataset=synthetic", "model=logistic", "max_epochs=1", "tracker=none", "name=mine"]
    grid = ["lr=1e-3,1e-1", "seed=0,1", *quick, "runtime.accelerator=cpu", "runtime.threads_per_cell=1"]

    def sweeplab(*words):
        line = [sys.executable, "-m", "sweeplab", *words]
        return subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200)

    assert sweeplab("-m", *grid).returncode == 0
    done = sweeplab("confirm", "mine", "--seeds", "3")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Confirmed on fresh seeds" in done.stdout
    sweep = find_sweep(str(tmp_path / "outputs" / "sweeps" / "mine-confirm"))
    seeds = [record.read_result(sweep.cell_folder(cell_id))["config"]["seed"] for cell_id, _ in sweep.cells]
    assert seeds == [2, 3, 4]
    rows = pd.read_csv(sweep.folder.path / "confirmed.csv")
    cells = pd.read_csv(sweep.folder.path / "cells.csv")
    assert rows["metric"].tolist() == ["val/accuracy", "test/accuracy"]
    assert rows["confirmed"].tolist() == pytest.approx([cells["val/accuracy"].mean(), cells["test/accuracy"].mean()])
    assert rows["optimism"].tolist() == pytest.approx((rows["tuning"] - rows["confirmed"]).tolist())
    again = sweeplab("confirm", "mine", "--seeds", "3")
    assert "3 cells, 3 finished already" in again.stdout
