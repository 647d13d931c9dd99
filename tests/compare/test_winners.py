"""Who won: better than all others, by the verdicts and not by a mean."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from sweeplab.compare import Comparison, compare
from sweeplab.compare.declared import lay_out
from sweeplab.compare.winners import mark_winners, winners, won_places

AXES = ["dataset", "optimizer", "lr", "seed"]


def pairs_of(*verdicts: tuple[int, int, str]) -> pd.DataFrame:
    return pd.DataFrame(verdicts, columns=["setting_a", "setting_b", "verdict"])


def swept(scores: Mapping[tuple[str, str, float], float], seeds: int = 8) -> pd.DataFrame:
    """Cells whose accuracy is the score and the same scatter for all."""
    rows = [
        {"dataset": dataset, "optimizer": optimizer, "lr": lr, "seed": seed, "val/accuracy": score + seed / 1e4}
        for (dataset, optimizer, lr), score in scores.items()
        for seed in range(seeds)
    ]
    cells = pd.DataFrame(rows).assign(state="completed")
    cells["test/accuracy"] = cells["val/accuracy"]
    return cells.assign(cell_id=[f"c{number}" for number in range(len(cells))])


def marked(cells: pd.DataFrame) -> tuple[Comparison, pd.DataFrame]:
    comparison = compare(cells, AXES, select={"monitor": "val/accuracy", "mode": "max"})
    pairs = comparison.pairs(cells)
    return mark_winners(comparison, pairs), pairs


def won(
    cells: pd.DataFrame,
    rows: Sequence[str],
    columns: Sequence[str],
    ids: Sequence[str] | None = None,
    **known: Sequence[str],
) -> list[Any]:
    comparison, pairs = marked(cells)
    table = {"value": ["test/accuracy"], "over": ["seed"], "select_over": [], "values": {}, **known}
    table |= {"rows": rows, "columns": columns, "cells": ids or cells["cell_id"].tolist()}
    places = lay_out(cells, AXES, table, comparison.select).frame
    best = places[won_places(places, columns, comparison, pairs)]
    return list(best[[*rows, *columns]].itertuples(index=False, name=None))


def test_better_than_every_other_wins_whichever_side_it_stands_on() -> None:
    assert winners(pairs_of((0, 1, "better"), (0, 2, "better"), (1, 2, "better")), dict.fromkeys(range(3), "x")) == {0}
    assert winners(pairs_of((0, 1, "worse"), (0, 2, "better"), (1, 2, "better")), dict.fromkeys(range(3), "x")) == {1}


def test_one_that_cannot_be_told_apart_takes_the_win_away() -> None:
    pairs = pairs_of((0, 1, "better"), (0, 2, "indistinguishable"), (1, 2, "worse"))
    assert winners(pairs, dict.fromkeys(range(3), "x")) == set()
    assert winners(pairs, {0: "x", 1: "x", 2: "y"}) == {0}


def test_nobody_wins_alone_nor_without_verdicts() -> None:
    assert winners(pairs_of((0, 1, "better")), {0: "x", 1: "y"}) == set()
    assert winners(pairs_of(), dict.fromkeys(range(10_000), "x")) == set()


def test_winner_of_each_data_set_is_marked_among_the_chosen() -> None:
    cells = swept(
        {
            ("digits", "adam", 0.1): 0.9,
            ("digits", "adam", 0.01): 0.85,
            ("digits", "sgd", 0.1): 0.8,
            ("mnist", "adam", 0.1): 0.7,
            ("mnist", "sgd", 0.1): 0.75,
        }
    )
    comparison, _ = marked(cells)
    best = comparison.settings[comparison.settings["won"]]
    assert list(best[["dataset", "optimizer", "lr"]].itertuples(index=False, name=None)) == [
        ("digits", "adam", 0.1),
        ("mnist", "sgd", 0.1),
    ]
    assert comparison.choice["won"].sum() == 2


def test_highest_mean_of_few_seeds_is_no_winner() -> None:
    comparison, _ = marked(swept({("digits", "adam", 0.1): 0.9, ("digits", "sgd", 0.1): 0.1}, seeds=5))
    assert not comparison.settings["won"].any()


GRID = {
    ("digits", "adam", 0.1): 0.9,
    ("digits", "adam", 0.01): 0.7,
    ("digits", "sgd", 0.1): 0.6,
    ("digits", "sgd", 0.01): 0.8,
}


def test_columns_of_a_tuned_axis_are_one_contest() -> None:
    """sgd is best in the column of 0.01, and lost all the same."""
    assert won(swept(GRID), ["optimizer"], ["lr"]) == [("adam", 0.1)]
    assert won(swept(GRID), ["optimizer"], ["dataset"], select_over=["lr"]) == [("adam", "digits")]


def test_nobody_wins_where_a_rival_is_not_shown_at_its_best() -> None:
    cells = swept(GRID)
    assert won(cells, ["optimizer"], [], ids=cells.loc[cells["lr"] == 0.1, "cell_id"].tolist()) == []


def test_a_place_that_is_no_whole_setting_has_no_verdict() -> None:
    cells = swept(GRID)
    one_seed = cells.loc[cells["seed"] == 0, "cell_id"].tolist()
    assert won(cells, ["optimizer"], ["lr"], ids=one_seed) == []
    assert won(cells, ["optimizer"], [], over=["seed", "lr"]) == []


def test_lost_rivals_do_not_stand_in_the_way() -> None:
    cells = swept({**GRID, ("digits", "lion", 0.1): 0.5, ("digits", "lion", 0.01): 0.5})
    lost = cells["optimizer"] == "lion"
    cells.loc[lost, "state"] = "diverged"
    cells.loc[lost, ["val/accuracy", "test/accuracy"]] = math.nan
    assert won(cells, ["optimizer"], ["lr"]) == [("adam", 0.1)]
