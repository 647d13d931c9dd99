"""What is said of two settings at a time."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from sweeplab.compare import compare_pairs
from sweeplab.report.pairs import headline, pairs_table
from sweeplab.report.words import MINUS

SPREAD = np.array([0.001, -0.001, 0.002, 0.0, -0.002, 0.001, 0.0, -0.001, 0.001, -0.001])
LOST = math.inf


def frame(metric: str = "test/accuracy", mode: str = "max", num_test: int | None = None, **settings: Sequence[float]):
    rows = [
        (name, seed, "diverged" if value == LOST else "completed", value)
        for name, values in settings.items()
        for seed, value in enumerate(values)
    ]
    cells = pd.DataFrame(rows, columns=["optimizer", "seed", "state", metric])
    return compare_pairs(cells, ["optimizer", "seed"], metric=metric, mode=mode, num_test=num_test)


def around(mean: float, n: int = 8, shift: int = 0) -> list[float]:
    return (mean + np.roll(SPREAD, shift)[:n]).tolist()


def test_winner_is_named_with_its_difference_interval_and_p() -> None:
    # constant differences: an interval without width
    assert headline(frame(sgd=[0.5] * 6, adam=[0.75] * 6)) == (
        "On test/accuracy adam is better than sgd (n=6 pairs, difference +0.2500 [0.2500, 0.2500], p=0.031),"
        " p after Holm over 1 comparison."
    )


def test_lower_loss_wins() -> None:
    words = headline(frame("val/loss", "min", adam=[2.5] * 6, sgd=[3.0] * 6))
    assert f"adam is better than sgd (n=6 pairs, difference {MINUS}0.5000" in words


def test_winner_is_said_to_be_level_with_those_it_does_not_beat() -> None:
    words = headline(frame(adam=around(0.9), lion=around(0.9, shift=3), sgd=around(0.8, shift=5)))
    assert "is better than sgd" in words
    assert "It cannot be told apart from" in words
    assert "p after Holm over 3 comparisons" in words


def test_many_beaten_are_counted_and_the_nearest_is_named() -> None:
    settings = {f"o{i}": [0.9 - i / 10] * 10 for i in range(5)}
    assert headline(frame(**settings)).startswith(
        "On test/accuracy o0 is better than all 4 others, the nearest o1 (n=10 pairs, difference +0.1000"
    )


def test_nobody_wins_among_equals() -> None:
    level = {name: around(0.9, 10, shift) for name, shift in (("a", 0), ("b", 3), ("c", 5))}
    assert headline(frame(**level)) == (
        "On test/accuracy no two of the 3 settings can be told apart (n=10 pairs, p after Holm over 3 comparisons)."
    )


def test_too_few_seeds_are_said_to_be_too_few() -> None:
    assert headline(frame(a=around(0.9, 5), b=around(0.5, 5))) == (
        "On test/accuracy a and b cannot be told apart (n=5 pairs, p after Holm over 1 comparison). There are not"
        " enough seeds: fewer than 6 pairs can never be significant."
    )
    assert headline(frame(a=[0.9] * 6, b=[0.5] * 6, c=[0.1] * 6)).endswith(
        "fewer than 6 pairs can never be significant, and all 3 comparisons need at least 7."
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"a": [0.9], "b": [0.1]}, "One seed each: nothing can be said about differences."),
        ({"a": [LOST], "b": [LOST]}, "No seed has ended in two settings: nothing can be said about differences."),
        ({"a": [0.9]}, "No verdict: there are not two settings to compare."),
    ],
)
def test_without_seeds_nothing_is_said(settings: dict[str, list[float]], words: str) -> None:
    assert headline(frame(**settings)) == words


def test_seeds_that_are_not_shared_are_said() -> None:
    cells = pd.DataFrame({"optimizer": list("aabb"), "seed": range(4), "state": "completed", "val/loss": 1.0})
    words = headline(compare_pairs(cells, ["optimizer", "seed"], metric="val/loss", mode="min"))
    assert words == "No two settings have two seeds in common: nothing can be said about differences."


def test_lost_cells_of_winner_and_loser_are_said() -> None:
    table = frame(a=[0.9] * 9 + [LOST], b=[0.5] * 10)
    assert headline(table).endswith("a lost 1 of 10 seeds.")
    shown = pairs_table(table)
    assert shown.rows[0][2] == "9 + 1 lost"
    assert "a lost 1 of 10 seeds." in shown.notes
    assert "A seed that one of the two lost counts in p as their largest difference, against that one." in shown.notes


def test_noise_of_the_test_examples_is_said() -> None:
    table = frame(num_test=100, a=[0.9] * 6, b=[0.89] * 6)
    assert headline(table).endswith("A difference here is below the noise of the test examples.")
    assert pairs_table(table).rows[0][-1] == "better †"
    assert pairs_table(table).notes[-1].startswith("†: the difference is below the noise of the test examples")


def test_table_has_a_row_a_pair_and_says_how_it_was_made() -> None:
    table = pairs_table(frame(sgd=[0.5] * 6, adam=[0.75] * 6))
    assert table.title == "Two settings at a time by test/accuracy"
    assert table.rows == [
        ["sgd", "adam", "6", f"{MINUS}0.2500", f"[{MINUS}0.2500, {MINUS}0.2500]", "0.031", "0.00", "worse"]
    ]
    assert table.notes == [
        f"Paired by seed; a {MINUS} b: mean difference of the pairs that both completed; 95 %: its interval"
        " (Student's t for 3 and 4 pairs, bootstrap from 5).",
        "p: two-sided sign-flip permutation of the pairs, after Holm over 1 comparison; P(a better): share of pairs,"
        " ties half.",
        "better or worse: p below 0.05 and an interval without 0. The least p of 6 pairs is 0.031, before Holm.",
    ]


def test_too_few_pairs_are_said_below_the_table_where_the_headline_names_a_winner() -> None:
    floor = "Fewer than 6 pairs can never be significant."
    assert not any(floor in note for note in pairs_table(frame(a=[0.9] * 3, b=[0.5] * 3)).notes)
    some = frame(a=[0.9] * 12, b=[0.5] * 12, c=[0.1] * 3)
    assert {"better", "not enough seeds"} <= set(some["verdict"])
    assert any(floor in note for note in pairs_table(some, ["first"]).notes)
    assert pairs_table(some, ["first"]).notes[0] == "first"


def test_what_was_not_compared_says_why() -> None:
    table = pairs_table(frame(**{f"o{i}": [0.5] for i in range(21)}))
    assert table.rows == []
    assert table.notes == ["No two settings are compared: 21 settings make 210 pairs: more than 20 are not compared."]


def test_names_from_elsewhere_lose_their_control_characters() -> None:
    evil = {"a\x1b[31m\nb": [0.9] * 6, "c": [0.1] * 6}
    table = frame(**evil)
    assert "\x1b" not in headline(table) + "".join(pairs_table(table).rows[0])
