"""A choice is made on validation data, and says what stands against it."""

import math

import pandas as pd
import pytest

from sweeplab.compare import choose, mark_chosen, summarise, tuned_axes
from sweeplab.errors import ConfigFault


def cells(*rows: tuple[str, float, str, float], test: list[float] | None = None) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["optimizer", "lr", "state", "val/accuracy"])
    table["seed"] = table.groupby(["optimizer", "lr"]).cumcount()
    return table.assign(**{"test/accuracy": test or table["val/accuracy"]})


def summary(*rows: tuple[str, float, str, float], test: list[float] | None = None) -> pd.DataFrame:
    return summarise(cells(*rows, test=test), ["optimizer", "lr", "seed"])


def done(optimizer: str, lr: float, *values: float) -> list[tuple[str, float, str, float]]:
    return [(optimizer, lr, "completed", value) for value in values]


def lost(optimizer: str, lr: float, *states: str) -> list[tuple[str, float, str, float]]:
    return [(optimizer, lr, state, math.nan) for state in states]


def test_chosen_on_validation_though_test_says_otherwise() -> None:
    table = summary(*done("adam", 0.1, 0.9), *done("adam", 0.01, 0.8), test=[0.5, 0.99])
    choice = choose(table, ["lr"])
    assert choice[["lr", "test/accuracy/mean"]].to_numpy().tolist() == [[0.1, 0.5]]


def test_each_group_chooses_for_itself_and_keeps_the_row_of_the_summary() -> None:
    table = summary(*done("b", 0.1, 0.2), *done("a", 0.1, 0.9), *done("b", 0.01, 0.3), *done("a", 0.01, 0.8))
    choice = choose(table, ["lr"])
    assert choice["optimizer"].tolist() == ["b", "a"]
    assert choice["lr"].tolist() == [0.01, 0.1]
    pd.testing.assert_frame_equal(choice.drop(columns="note"), table.loc[choice.index])


def test_lowest_is_best_when_asked() -> None:
    assert choose(summary(*done("a", 0.1, 0.2), *done("a", 0.01, 0.3)), ["lr"], mode="min")["lr"].tolist() == [0.1]


def test_best_mean_wins_not_the_best_seed() -> None:
    table = summary(*done("a", 0.1, 0.99, 0.5), *done("a", 0.01, 0.8, 0.8))
    assert choose(table, ["lr"])["lr"].tolist() == [0.01]


def test_one_lucky_seed_of_three_does_not_win() -> None:
    table = summary(*done("a", 0.1, 0.99), *lost("a", 0.1, "diverged", "failed"), *done("a", 0.01, 0.8, 0.8, 0.8))
    assert choose(table, ["lr"])["lr"].tolist() == [0.01]


def test_one_lost_seed_does_not_bar_the_clearly_better() -> None:
    # 0.97 * 9/10 = 0.873 against 0.1
    table = summary(*done("a", 0.1, *[0.97] * 9), *lost("a", 0.1, "diverged"), *done("a", 1e-5, *[0.1] * 10))
    choice = choose(table, ["lr"])
    assert choice["lr"].tolist() == [0.1]
    assert choice["note"].tolist() == ["mean over 9 of 10 cells"]


def test_a_loss_is_infinite_where_a_cell_is_lost() -> None:
    table = summary(*done("a", 0.1, 0.1), *lost("a", 0.1, "out_of_memory"), *done("a", 0.01, 0.5, 0.5))
    assert choose(table, ["lr"], mode="min")["lr"].tolist() == [0.01]


def test_cells_to_come_count_for_nothing_but_lose_ties() -> None:
    better = summary(*done("a", 0.1, 0.9), *lost("a", 0.1, "pending"), *done("a", 0.01, 0.8, 0.8))
    equal = summary(*done("a", 0.1, 0.8), *lost("a", 0.1, "running"), *done("a", 0.01, 0.8, 0.8))
    assert choose(better, ["lr"])["lr"].tolist() == [0.1]
    assert choose(equal, ["lr"])["lr"].tolist() == [0.01]


def test_first_wins_a_full_tie() -> None:
    assert choose(summary(*done("a", 0.1, 0.8), *done("a", 0.01, 0.8)), ["lr"])["lr"].tolist() == [0.1]


def test_group_without_result_stays_and_says_so() -> None:
    table = summary(*lost("a", 0.1, "diverged"), *lost("a", 0.01, "failed"), *done("b", 0.1, 0.5))
    choice = choose(table, ["lr"])
    none = choice.iloc[0]
    assert none["note"] == "no choice: no cell has a result"
    assert pd.isna(none["lr"])
    assert (none["cells"], none["n"], none["diverged"], none["failed"]) == (2, 0, 1, 1)
    assert mark_chosen(table, choice)["chosen"].tolist() == [False, False, True]


def test_metric_that_is_no_number_is_never_chosen() -> None:
    choice = choose(summary(*done("a", 0.1, math.nan), *done("b", 0.1, math.nan), *done("b", 0.01, 0.1)), ["lr"])
    assert choice["note"].tolist() == ["no choice: the metric is not a number", ""]
    assert choice["lr"].iloc[1] == 0.01


@pytest.mark.parametrize(
    ("accuracies", "note"),
    [
        ([0.9, 0.8, 0.7], "lr at the edge: the lowest of 3"),
        ([0.7, 0.8, 0.9], "lr at the edge: the highest of 3"),
        ([0.7, 0.9, 0.8], ""),
        ([0.9, 0.8], ""),
    ],
)
def test_edge_of_a_grid_of_three_or_more_is_named(accuracies: list[float], note: str) -> None:
    rows = [row for lr, value in zip([0.1, 1.0, 10.0], accuracies, strict=False) for row in done("a", lr, value)]
    assert choose(summary(*rows), ["lr"])["note"].tolist() == [note]


def test_words_and_flags_have_no_edge() -> None:
    table = cells(*done("a", 0.1, 0.9), *done("b", 0.1, 0.8), *done("c", 0.1, 0.7)).assign(flag=[True, False, True])
    assert choose(summarise(table, ["optimizer", "flag"]), ["optimizer", "flag"])["note"].tolist() == [""]


def test_the_grid_is_that_of_the_group() -> None:
    # b alone reaches 10: for a, 1 is the middle of three only if the grids were mixed
    rows = [*done("a", 0.01, 0.1), *done("a", 0.1, 0.2), *done("a", 1.0, 0.9), *done("b", 10.0, 0.5)]
    assert choose(summary(*rows), ["lr"])["note"].tolist() == ["lr at the edge: the highest of 3", ""]


def test_choosing_on_test_data_is_refused() -> None:
    with pytest.raises(
        ConfigFault, match=r"test data is refused · test/accuracy · .*validation.* · see select\.monitor"
    ):
        choose(summary(*done("a", 0.1, 0.9)), ["lr"], by="test/accuracy")


def test_unknown_metric_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigFault, match=r"val/f1 · val/accuracy · see select\.monitor"):
        choose(summary(*done("a", 0.1, 0.9)), ["lr"], by="val/f1")


def test_unknown_mode_is_refused() -> None:
    with pytest.raises(ConfigFault, match=r"mode of choosing · best · max or min"):
        choose(summary(*done("a", 0.1, 0.9)), ["lr"], mode="best")


def test_no_metric_before_any_cell_has_ended_is_no_fault() -> None:
    table = summarise(pd.DataFrame({"lr": [0.1, 0.2], "state": ["pending", "running"]}), ["lr"])
    assert choose(table, ["lr"])["note"].tolist() == ["no choice: no cell has a result"]


def test_only_the_learning_rate_is_tuned() -> None:
    assert tuned_axes(["optimizer", "lr", "weight_decay", "seed"]) == ["lr"]
    assert tuned_axes(["optimizer"]) == []
