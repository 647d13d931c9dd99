"""What the cells of a sweep left behind, as tables."""

import pandas as pd
import pytest

from sweeplab import record
from sweeplab.records import Failure, last_line, read_curves, read_failures, read_records
from sweeplab.sweep import write_sweep

SEEDS = ({"seed": 0}, {"seed": 1})


def write(plan):
    return write_sweep(plan, command=["python", "-m", "sweeplab", "-m", "seed=0,1"], code={"git_commit": None})


def test_the_table_has_a_row_for_every_cell_in_the_order_of_the_plan(hand_plan, tmp_path, finish):
    """Diverged, failed, running and untouched cells too: none is ever dropped."""
    changes = [{"lr": lr, "seed": seed} for lr in (0.2, 0.1) for seed in (1, 0)]
    plan = hand_plan(*changes)
    sweep = write(plan)
    cells = plan.cells
    finish(tmp_path, cells[3], metrics={"val/accuracy": 0.75, "test/accuracy": 0.5}, best_epoch=2, wall_time_s=1.5)
    finish(tmp_path, cells[1], state=record.DIVERGED, metrics={"train/loss": 9.0})
    finish(tmp_path, cells[0], state=record.FAILED, error={"class": "ValueError", "message": "no"})
    record.write_status(sweep.cell_folder(cells[2].id), record.RUNNING, 1)

    table = read_records(sweep).cells

    assert table["cell_id"].tolist() == [cell.id for cell in cells]
    assert table["state"].tolist() == ["failed", "diverged", "running", "completed"]
    assert table[["lr", "seed"]].values.tolist() == [[0.2, 1], [0.2, 0], [0.1, 1], [0.1, 0]]
    assert list(table.columns) == [
        *("cell_id", "state", "lr", "seed", "train/loss", "val/accuracy", "test/accuracy"),
        *("best_epoch", "epochs", "steps", "wall_time_s", "train_time_s", "peak_memory_bytes", "num_parameters"),
    ]
    assert table["val/accuracy"].isna().tolist() == [True, True, True, False]
    assert table.loc[3, ["val/accuracy", "test/accuracy", "best_epoch", "wall_time_s"]].tolist() == [0.75, 0.5, 2, 1.5]


def test_metrics_that_were_not_finite_are_missing(hand_plan, tmp_path, finish):
    plan = hand_plan(*SEEDS)
    sweep = write(plan)
    finish(tmp_path, plan.cells[0], state=record.DIVERGED, metrics={"val/loss": float("nan")})

    assert pd.isna(read_records(sweep).cells.loc[0, "val/loss"])


def test_list_valued_axes_can_be_grouped_by(hand_plan):
    sizes = ([64], [64, 32], [64])
    plan = hand_plan(*({"sizes": size, "seed": seed} for seed, size in enumerate(sizes)))

    table = read_records(write(plan)).cells

    assert table.groupby("sizes").size().to_dict() == {"[64]": 2, "[64, 32]": 1}


def test_a_cell_without_an_axis_has_an_empty_place(hand_plan):
    table = read_records(
        write(hand_plan({"optimizer": "adam"}, {"optimizer": "sgdm", "optimizer.momentum": 0.9}))
    ).cells

    assert table["optimizer.momentum"].isna().tolist() == [True, False]


def test_a_damaged_result_is_no_figure(hand_plan, tmp_path, finish):
    plan = hand_plan(*SEEDS)
    sweep = write(plan)
    folder = finish(tmp_path, plan.cells[0], metrics={"val/accuracy": 0.5})
    folder.result.write_bytes(folder.result.read_bytes().replace(b"0.5", b"0.9"))

    table = read_records(sweep).cells

    assert table.loc[0, "state"] == "pending"
    assert "val/accuracy" not in table or pd.isna(table.loc[0, "val/accuracy"])


def test_failures_are_listed_with_their_reason_and_log(hand_plan, tmp_path, finish):
    plan = hand_plan(*({"optimizer": "adam", "seed": seed} for seed in range(4)))
    sweep = write(plan)
    finish(tmp_path, plan.cells[0])
    finish(tmp_path, plan.cells[1], state=record.FAILED, error={"class": "ValueError", "message": "no\nmore"})
    finish(tmp_path, plan.cells[2], state=record.TIMED_OUT)

    first, second = plan.cells[1:3]
    assert read_failures(sweep) == [
        Failure(first.id, "adam seed=1", "failed", "ValueError: no", sweep.cell_folder(first.id).log),
        Failure(second.id, "adam seed=2", "timed_out", "", sweep.cell_folder(second.id).log),
    ]
    assert read_records(sweep).failures == read_failures(sweep)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (None, ""),
        ({}, ""),
        ({"class": "KeyError", "message": ""}, "KeyError"),
        ({"class": "KeyError", "message": None}, "KeyError"),
        ({"class": "ValueError", "message": "\n first\nsecond"}, "ValueError: first"),
    ],
)
def test_an_error_fits_one_line(error, expected):
    assert last_line(error) == expected


def test_curves_have_a_row_for_every_evaluation_of_the_cells_asked_for(hand_plan):
    sweep = write(hand_plan(*SEEDS, {"lr": 0.1, "seed": 2}))
    first, second, third = (cell_id for cell_id, _ in sweep.cells)
    record.append_metrics(sweep.cell_folder(first), {"epoch": 1, "val/loss": 0.5})
    record.append_metrics(sweep.cell_folder(first), {"epoch": 2, "val/loss": float("nan"), "optimizer/rate": 0.1})
    record.append_metrics(sweep.cell_folder(third), {"epoch": 1, "val/loss": 0.7})

    curves = read_curves(sweep, [first, second])
    assert list(curves) == ["cell_id", "epoch", "val/loss", "optimizer/rate"]
    assert curves["cell_id"].tolist() == [first, first]
    assert curves["epoch"].tolist() == [1, 2]
    assert curves["val/loss"].isna().tolist() == [False, True]


def test_cells_that_were_never_evaluated_have_no_curve(hand_plan):
    sweep = write(hand_plan(*SEEDS))
    assert read_curves(sweep, [cell_id for cell_id, _ in sweep.cells]).empty


def test_origins_say_what_was_asked_and_with_what_it_was_trained(hand_plan, tmp_path, finish):
    plan = hand_plan({"seed": 0, "max_epochs": 7, "precision": "32-true"}, {"seed": 1})
    sweep = write(plan)
    finish(tmp_path, plan.cells[0], provenance={"torch": "2.15", "device": "a GPU", "git_commit": "abc"})

    [origin] = read_records(sweep).origins.to_dict("records")

    assert origin["cell_id"] == plan.cells[0].id
    assert (origin["max_epochs"], origin["precision"], origin["torch"]) == (7, "32-true", "2.15")
    assert (origin["device"], origin["git_commit"]) == ("a GPU", "abc")


def test_origins_name_the_files_chosen_in_each_group(plan, tmp_path, finish):
    made = plan("model=mlp,logistic", "optimizer=adam", f"runtime.output_dir={tmp_path}")
    sweep = write(made)
    for cell in made.cells:
        finish(tmp_path, cell)

    origins = read_records(sweep).origins

    assert origins["model"].tolist() == ["mlp", "logistic"]
    assert set(origins["optimizer"]) == {"adam"}
    assert set(origins["dataset"]) == {"digits"}


def test_origins_tell_whether_evaluation_was_augmented(hand_plan, tmp_path, finish):
    def asked(augment):
        return {"dataset": {"_target_": "sweeplab.data.digits.Digits", "augment": augment}}

    flip = {"_target_": "sweeplab.data.augment.RandomFlip", "probability": 0.5}
    everywhere = {"_target_": "sweeplab.data.augment.EverySplit", "change": [flip]}
    plan = hand_plan(*map(asked, (None, flip, everywhere, [flip, everywhere])), {"seed": 1})
    sweep = write(plan)
    for cell in plan.cells:
        finish(tmp_path, cell)

    assert read_records(sweep).origins["augmented_evaluation"].tolist() == [False, False, True, True, False]


def test_origins_have_the_names_of_classes_that_a_data_set_gives(hand_plan, tmp_path, finish):
    target = {"_target_": "sweeplab.data.digits.Digits"}
    given = ({"class_names": ["cat", "dog"]}, {"classes": ["dog", "cat"]}, {"class_names": None}, {})
    plan = hand_plan(*({"dataset": {**target, **keys}} for keys in given), {"seed": 1})
    sweep = write(plan)
    for cell in plan.cells:
        finish(tmp_path, cell)

    names = read_records(sweep).origins["class_names"].tolist()

    assert names[:2] == [("cat", "dog"), ("dog", "cat")]
    assert not any(isinstance(name, tuple) for name in names[2:])


def test_confusions_are_those_of_the_cells_that_were_tested(hand_plan, tmp_path, finish):
    plan = hand_plan(*SEEDS)
    sweep = write(plan)
    finish(tmp_path, plan.cells[1], confusion_matrix=[[3, 1], [0, 4]])

    assert read_records(sweep).confusions == {plan.cells[1].id: [[3, 1], [0, 4]]}
