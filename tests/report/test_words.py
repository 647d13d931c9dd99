"""Numbers, counts and foreign text in words."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeplab.report.words import (
    MINUS,
    axis_text,
    count_text,
    difference_text,
    duration_text,
    encodable,
    interval_text,
    last_line,
    metric_text,
    outcome_text,
    plain_text,
    spread_text,
)


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        ("val/accuracy", 0.91234567, "0.9123"),
        ("val/accuracy", 1.0, "1.0000"),
        ("val/loss", 0.12345678, "0.1235"),
        ("val/loss", 2.3, "2.300"),
        ("val/loss", 1234.4, "1234"),
        ("val/loss", 0.000012345, "1.234e-5"),
        ("val/loss", 1.5e10, "1.500e10"),
        ("val/perplexity", 34.567, "34.57"),
        ("val/loss", math.inf, "inf"),
        ("val/accuracy", math.nan, "nan"),
    ],
)
def test_metrics(metric: str, value: float, text: str) -> None:
    assert metric_text(metric, value) == text


@pytest.mark.parametrize(
    ("metric", "mean", "std", "text"),
    [
        ("val/accuracy", 0.9123, 0.00411, "0.9123 ± 0.0041"),
        ("val/loss", 2.3, 0.01234, "2.300 ± 0.012"),
        ("val/loss", 0.000012345, 0.0000021, "1.234e-5 ± 2.1e-6"),
        ("val/accuracy", 0.9123, math.nan, "0.9123"),
        ("val/accuracy", math.nan, math.nan, "nan"),
    ],
)
def test_spread_has_the_decimals_of_its_mean_and_is_absent_where_there_is_none(
    metric: str, mean: float, std: float, text: str
) -> None:
    assert spread_text(metric, mean, std) == text


@pytest.mark.parametrize(
    ("axis", "value", "text"),
    [
        ("lr", 0.001, "1e-3"),
        ("lr", 0.00025, "2.5e-4"),
        ("optimizer.lr", 0.1, "1e-1"),
        ("lr", 1.0, "1"),
        ("weight_decay", 0.0, "0"),
        ("weight_decay", 0.0005, "5e-4"),
        ("momentum", 0.95, "0.95"),
        ("width", 64.0, "64"),
        ("steps", 2e7, "2e7"),
        ("shift", -0.001, "-1e-3"),
        ("seed", 3, "3"),
        ("nesterov", True, "true"),
        ("optimizer", "adam", "adam"),
        ("momentum", None, "—"),
    ],
)
def test_axis_values_read_as_typed(axis: str, value: object, text: str) -> None:
    assert axis_text(axis, value) == text


@given(st.floats(1e-12, 1e12))
def test_learning_rate_reads_back_to_six_digits(value: float) -> None:
    assert float(axis_text("lr", value)) == pytest.approx(value, rel=1e-5)


def test_counts_name_every_other_state() -> None:
    assert count_text({"cells": 3, "n": 3, "diverged": 0}) == "3/3"
    assert count_text({"cells": 4, "n": 2, "diverged": 1, "out_of_memory": 1}) == "2/4, 1 diverged, 1 out of memory"


def test_outcome_of_a_lone_cell_is_its_state() -> None:
    assert outcome_text({"cells": 1, "n": 0, "diverged": 1, "failed": 0}) == "diverged"
    assert outcome_text({"cells": 3, "n": 0, "diverged": 2, "failed": 1}) == "diverged 2/3, failed 1/3"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(4.12, "4.1 s"), (59.97, "1 min 00 s"), (125, "2 min 05 s"), (3599.6, "1 h 00 min"), (7380, "2 h 03 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_last_line_that_says_anything() -> None:
    error = 'Traceback (most recent call last):\n  File "x.py"\n\x1b[1;31mValueError\x1b[0m: loss\tis nan\r\n\x1b[0m\n'
    assert last_line(error) == "ValueError: loss is nan"
    assert last_line("") == ""


def test_escape_sequences_of_every_kind_go() -> None:
    title, link, reset = "\x1b]0;owned\x07", "\x1b]8;;http://x\x1b\\text\x1b]8;;\x1b\\", "\x1bc"
    assert plain_text(f"a{title}b{link}c{reset}d\u202ee") == "abtextcde"


@given(st.text())
def test_plain_text_is_one_printable_line(text: str) -> None:
    plain = plain_text(text)
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in plain)
    assert len(plain.splitlines()) <= 1


@given(st.text(), st.sampled_from(["ascii", "cp1252", "utf-8"]))
def test_any_text_can_be_written_in_any_encoding(text: str, encoding: str) -> None:
    assert encodable(text, encoding).encode(encoding).decode(encoding) == encodable(text, encoding)


def test_signs_a_terminal_lacks_are_spelt() -> None:
    assert encodable("0.91 ± 0.02 — é", "ascii") == "0.91 +- 0.02 - ?"
    assert encodable("0.91 ± 0.02", "utf-8") == "0.91 ± 0.02"


@pytest.mark.parametrize(
    ("metric", "published", "measured", "text"),
    [
        ("val/accuracy", 0.8953, 0.9, "+0.0047"),
        ("val/accuracy", 0.9, 0.85, f"{MINUS}0.0500"),
        ("val/accuracy", 0.9, 0.90001, "0.0000"),
        ("train/loss", 0.4127, 12.5, "+12.09"),
        ("train/loss", 2.0, 1e-5, f"{MINUS}2.000"),
        ("val/accuracy", 0.9, math.nan, "—"),
    ],
)
def test_difference_has_a_sign_and_the_decimals_of_the_measured(
    metric: str, published: float, measured: float, text: str
) -> None:
    assert difference_text(metric, published, measured) == text


def test_minus_is_spelt_where_a_terminal_lacks_it() -> None:
    assert encodable(f"{MINUS}0.05", "ascii") == "-0.05"


@pytest.mark.parametrize(
    ("metric", "low", "high", "centre", "text"),
    [
        ("test/accuracy", 0.91, 0.93456, 0.92, "[0.9100, 0.9346]"),
        ("test/accuracy", -0.002, 0.004, 0.001, f"[{MINUS}0.0020, 0.0040]"),
        ("val/loss", 11.5, 13.25, 12.34, "[11.50, 13.25]"),
        ("val/loss", -1e-6, 3e-6, 1e-6, f"[{MINUS}1e-6, 3e-6]"),
        ("val/loss", math.nan, math.nan, 1.0, "—"),
    ],
)
def test_interval_has_the_decimals_of_what_it_stands_around(
    metric: str, low: float, high: float, centre: float, text: str
) -> None:
    assert interval_text(metric, low, high, centre) == text
