"""What a source reports stands beside what was measured, whatever happened to the cells."""

import math
from typing import Any

import pandas as pd
import pytest

from sweeplab.compare import against_figures, against_orderings

AXES = ["optimizer", "lr", "seed"]
BY_TEST = {"data": "test", "epoch": "last", "monitor": "val/accuracy", "mode": "max"}
BY_HELD_OUT = BY_TEST | {"data": "held_out"}
NO_WORDS = {"source": "a post", "kind": None, "note": None}

ROWS = [
    ("adam", 0.1, 0, "completed", 0.30, 0.80),
    ("adam", 0.1, 1, "completed", 0.50, 0.90),
    ("adam", 0.01, 0, "completed", 0.25, 0.85),
    ("adam", 0.01, 1, "completed", 0.35, 0.85),
    ("sgd", 0.1, 0, "completed", 0.60, 0.70),
    ("sgd", 0.1, 1, "diverged", math.nan, math.nan),
    ("lion", 0.1, 0, "failed", math.nan, math.nan),
]


def cells(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["optimizer", "lr", "seed", "state", "train/loss", "test/accuracy"])
    return table.assign(cell_id=[f"{row.optimizer}-{row.lr}-{row.seed}" for row in table.itertuples()])


def ids(table: pd.DataFrame, **setting: Any) -> list[str]:
    fits = pd.Series(data=True, index=table.index)
    for axis, value in setting.items():
        fits &= table[axis] == value
    return table.loc[fits, "cell_id"].tolist()


def figures(*entries: tuple[dict[str, Any], dict[str, float]], table: pd.DataFrame) -> pd.DataFrame:
    found = [
        {**NO_WORDS, "n": 1, "setting": setting, "metrics": metrics, "cells": ids(table, **setting)}
        for setting, metrics in entries
    ]
    return against_figures(table, AXES, {"figures": found, "orderings": []})


def ordering(
    table: pd.DataFrame, order: list[list[str]], metric: str = "train/loss", mode: str = "min", **where: Any
) -> pd.DataFrame:
    members = {name: ids(table, optimizer=name, **where) for tier in order for name in tier}
    entry = {**NO_WORDS, "metric": metric, "mode": mode, "axis": "optimizer", "order": order}
    orderings = [{**entry, "where": where, "cells": members}]
    return against_orderings(table, AXES, {"figures": [], "orderings": orderings}, BY_TEST)


def verdict(found: pd.DataFrame) -> tuple[str, str]:
    [pair] = set(zip(found["verdict"], found["reason"], strict=True))
    return pair


def test_figure_stands_beside_mean_spread_and_difference() -> None:
    found = figures(({"optimizer": "adam", "lr": 0.1}, {"test/accuracy": 0.9}), table=cells(ROWS)).iloc[0]
    assert (found["optimizer"], found["lr"], found["metric"]) == ("adam", 0.1, "test/accuracy")
    assert (found["published"], found["n_published"], found["cells"], found["n"]) == (0.9, 1, 2, 2)
    # 0.8 and 0.9: deviations of 0.05, squares sum to 0.005, over n - 1 = 1
    assert found["measured"] == pytest.approx(0.85)
    assert found["std"] == pytest.approx(math.sqrt(0.005))
    assert found["difference"] == pytest.approx(-0.05)


def test_every_metric_of_every_figure_is_a_row_in_their_order() -> None:
    both = {"test/accuracy": 0.9, "train/loss": 0.1}
    found = figures(({"optimizer": "sgd"}, both), ({"optimizer": "adam", "lr": 0.1}, both), table=cells(ROWS))
    assert found[["optimizer", "metric"]].to_numpy().tolist() == [
        ["sgd", "test/accuracy"],
        ["sgd", "train/loss"],
        ["adam", "test/accuracy"],
        ["adam", "train/loss"],
    ]


def test_figure_about_several_settings_gets_a_row_for_each_and_the_axis_that_tells_them_apart() -> None:
    found = figures(({"optimizer": "adam"}, {"test/accuracy": 0.9}), table=cells(ROWS))
    assert found[["optimizer", "lr", "cells"]].to_numpy().tolist() == [["adam", 0.1, 2], ["adam", 0.01, 2]]


def test_axis_that_tells_nothing_apart_is_left_out() -> None:
    assert "lr" not in figures(({"optimizer": "sgd"}, {"test/accuracy": 0.9}), table=cells(ROWS))


def test_figure_without_a_cell_in_this_sweep_stays() -> None:
    found = figures(({"optimizer": "swats"}, {"test/accuracy": 0.67}), table=cells(ROWS)).iloc[0]
    assert (found["published"], found["cells"], found["n"]) == (0.67, 0, 0)
    assert found[["measured", "std", "difference"]].isna().all()


def test_lost_cells_are_counted_by_state() -> None:
    metrics = {"test/accuracy": 0.7}
    found = figures(({"optimizer": "sgd"}, metrics), ({"optimizer": "lion"}, metrics), table=cells(ROWS))
    assert found[["cells", "n", "diverged", "failed"]].to_numpy().tolist() == [[2, 1, 1, 0], [1, 0, 0, 1]]
    assert found["measured"].tolist()[0] == 0.7
    assert math.isnan(found["measured"].tolist()[1])


def test_metric_that_no_cell_recorded_is_not_measured() -> None:
    found = figures(({"optimizer": "adam", "lr": 0.1}, {"optimizer/switch_step": 100}), table=cells(ROWS)).iloc[0]
    assert (found["n"], math.isnan(found["measured"]), math.isnan(found["difference"])) == (2, True, True)


def test_axes_stand_in_the_order_of_the_sweep_then_those_it_lacks() -> None:
    setting = {"model": "lenet", "lr": 0.1, "optimizer": "adam"}
    entry = {**NO_WORDS, "n": None, "setting": setting, "metrics": {"test/accuracy": 0.5}, "cells": []}
    found = against_figures(cells(ROWS), AXES, {"figures": [entry], "orderings": []})
    assert list(found.columns[:4]) == ["optimizer", "lr", "model", "metric"]


def test_nothing_published_gives_empty_tables() -> None:
    nothing: dict[str, list[Any]] = {"figures": [], "orderings": []}
    assert against_figures(cells(ROWS), AXES, nothing).empty
    assert against_orderings(cells(ROWS), AXES, nothing, BY_TEST).empty


def test_ordering_holds_at_the_best_of_each_grid() -> None:
    # adam: 0.4 at 0.1, 0.3 at 0.01
    found = ordering(cells([*ROWS[:4], ("sgd", 0.1, 0, "completed", 0.35, 0.7)]), [["adam"], ["sgd"]])
    assert found[["place", "member", "lr"]].to_numpy().tolist() == [[1, "adam", 0.01], [2, "sgd", 0.1]]
    assert found["measured"].tolist() == pytest.approx([0.30, 0.35])
    assert found["grid_cells"].tolist() == [4, 1]
    assert verdict(found) == ("holds", "")


def test_highest_is_best_where_the_mode_says_so() -> None:
    table = cells(ROWS[:5])
    assert verdict(ordering(table, [["adam"], ["sgd"]], "test/accuracy", "max"))[0] == "holds"
    assert verdict(ordering(table, [["sgd"], ["adam"]], "test/accuracy", "max"))[0] == "does not hold"


THREE = cells([(name, 0.1, 0, "completed", loss, 0.5) for name, loss in [("a", 0.2), ("b", 0.3), ("c", 0.3)]])


def test_first_pair_that_contradicts_is_named() -> None:
    assert verdict(ordering(THREE, [["b"], ["c", "a"]])) == ("does not hold", "b is not better than c")
    assert verdict(ordering(THREE, [["c"], ["a"], ["b"]])) == ("does not hold", "c is not better than a")


def test_equal_is_not_better_but_no_order_is_claimed_within_a_place() -> None:
    assert verdict(ordering(THREE, [["a"], ["b"], ["c"]])) == ("does not hold", "b is not better than c")
    assert verdict(ordering(THREE, [["a"], ["c", "b"]])) == ("holds", "")


def test_every_earlier_place_is_held_against_every_later_one() -> None:
    assert verdict(ordering(THREE, [["b"], ["d"], ["a"]]))[1] == "b is not better than a"


def test_member_without_a_result_leaves_it_open_and_is_named() -> None:
    found = ordering(cells(ROWS), [["adam"], ["lion"], ["swats"]])
    assert verdict(found) == ("cannot be told", "no result for lion, swats")
    assert found[["member", "cells", "n", "failed"]].to_numpy().tolist() == [
        ["adam", 2, 2, 0],
        ["lion", 1, 0, 1],
        ["swats", 0, 0, 0],
    ]


def test_contradiction_settles_it_though_another_member_has_no_result() -> None:
    assert verdict(ordering(cells(ROWS), [["lion"], ["sgd"], ["adam"]]))[0] == "does not hold"


def test_setting_that_lost_a_cell_is_not_the_best_by_its_luck() -> None:
    rows = [
        ("adam", 0.1, 0, "completed", 0.01, 0.5),
        ("adam", 0.1, 1, "diverged", math.nan, math.nan),
        ("adam", 0.01, 0, "completed", 0.3, 0.5),
        ("adam", 0.01, 1, "completed", 0.3, 0.5),
    ]
    found = ordering(cells(rows), [["adam"], ["sgd"]]).iloc[0]
    assert (found["lr"], found["measured"], found["grid_cells"], found["grid_n"]) == (0.01, 0.3, 4, 3)


def test_best_by_mean_where_every_setting_lost_a_cell() -> None:
    rows = [
        (name, lr, seed, "completed" if seed else "diverged", loss if seed else math.nan, 0.5)
        for name, lr, loss in [("adam", 0.1, 0.9), ("adam", 0.01, 0.2)]
        for seed in (0, 1)
    ]
    assert ordering(cells(rows), [["adam"], ["sgd"]]).iloc[0]["lr"] == 0.01


def test_ordering_about_a_part_of_the_sweep_says_which() -> None:
    found = ordering(cells(ROWS[:5]), [["adam"], ["sgd"]], lr=0.1)
    assert found["lr"].tolist() == [0.1, 0.1]
    # 0.4 is the mean at 0.1; 0.3 at 0.01 is none of this ordering's business
    assert found["measured"].tolist() == pytest.approx([0.4, 0.6])


def test_orderings_are_numbered() -> None:
    entry = {**NO_WORDS, "metric": "train/loss", "mode": "min", "axis": "optimizer", "where": {}}
    entries = [
        {**entry, "order": order, "cells": {name: ids(THREE, optimizer=name) for name in "abc"}}
        for order in ([["a"], ["b"]], [["b"], ["a"]])
    ]
    found = against_orderings(THREE, AXES, {"figures": [], "orderings": entries}, BY_TEST)
    assert found[["ordering", "verdict"]].to_numpy().tolist() == [
        [1, "holds"],
        [1, "holds"],
        [2, "does not hold"],
        [2, "does not hold"],
    ]


def test_test_figures_are_those_of_the_setting_that_held_out_data_chose() -> None:
    """The best of a grid by its own test figures would be a choice on test data."""
    table = cells([("adam", 0.1, 0, "completed", 0.3, 0.80), ("adam", 0.01, 0, "completed", 0.3, 0.90)])
    table = pd.concat([table, cells([("sgd", 0.1, 0, "completed", 0.3, 0.85)])]).assign(
        **{"val/accuracy": [0.9, 0.8, 0.8]}
    )
    members = {name: ids(table, optimizer=name) for name in ("adam", "sgd")}
    entry = {**NO_WORDS, "metric": "test/accuracy", "mode": "max", "axis": "optimizer", "order": [["adam"], ["sgd"]]}
    published = {"figures": [], "orderings": [{**entry, "where": {}, "cells": members}]}
    chosen = against_orderings(table, AXES, published, BY_HELD_OUT)
    assert chosen["measured"].tolist() == [0.80, 0.85]
    assert (verdict(chosen)[0], set(chosen["chosen_by"])) == ("does not hold", {"val/accuracy"})
    best = against_orderings(table, AXES, published, BY_TEST)
    assert best["measured"].tolist() == [0.90, 0.85]
    assert (verdict(best)[0], set(best["chosen_by"])) == ("holds", {"test/accuracy"})


def test_best_at_the_edge_of_its_grid_is_said() -> None:
    """A better rate may lie beyond the grid, and the order then be another."""
    rows = [("adam", lr, 0, "completed", loss, 0.8) for lr, loss in ((0.1, 0.1), (0.01, 0.2), (0.001, 0.3))]
    rows += [("sgd", lr, 0, "completed", loss, 0.8) for lr, loss in ((0.1, 0.5), (0.01, 0.4), (0.001, 0.6))]
    found = ordering(cells(rows), [["adam"], ["sgd"]])
    assert found["edge"].tolist() == ["lr at the edge: the highest of 3", ""]
