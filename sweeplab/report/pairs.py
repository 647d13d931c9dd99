"""Two settings at a time as a table of text, and the verdict of the whole sweep in words; computes nothing new."""

import math
from collections.abc import Sequence

import pandas as pd

from sweeplab.compare.pairs import BETTER, LEVEL, NOT_ENOUGH, WORSE
from sweeplab.compare.significance import least_p
from sweeplab.report.table import MAX_NAMED, Row, Table
from sweeplab.report.words import ABSENT, MINUS, interval_text, metric_text, plain_text

HEADER = ["a", "b", "pairs", "a \N{MINUS SIGN} b", "95 %", "p (Holm)", "P(a better)", "verdict on a"]
BELOW_NOISE = " †"
MIN_PAIRS = 6  # 2 / 2^5 is above 0.05
_MAX_LISTED = 3
_OPPOSITE = {BETTER: WORSE, WORSE: BETTER}


def pairs_table(frame: pd.DataFrame, notes: Sequence[str] = ()) -> Table:
    """Every two settings: their difference with its interval, p, and the verdict.

    Args:
        frame: as `compare_pairs` gives it.
        notes: to stand first below the table.
    """
    rows = frame.to_dict("records")
    told = _notes(rows) if rows else [f"No two settings are compared: {frame.attrs.get('reason', 'none are given')}."]
    metric = f" by {plain_text(rows[0]['metric'])}" if rows else ""
    return Table(f"Two settings at a time{metric}", HEADER, [_cells(row) for row in rows], 2, [*notes, *told])


def headline(frame: pd.DataFrame) -> str:
    """What the comparison comes to, in a few sentences: who is better than whom, or that nobody can tell.

    Args:
        frame: as `compare_pairs` gives it.
    """
    rows = frame.to_dict("records")
    if not rows:
        return f"No verdict: {frame.attrs.get('reason', 'there are not two settings to compare')}."
    if max(map(_num_entered, rows)) <= 1:
        return f"{_too_little(rows)}: nothing can be said about differences."
    if not any(row["verdict"] in _OPPOSITE for row in rows):
        return _no_winner(rows)
    return _winner(rows)


def _too_little(rows: Sequence[Row]) -> str:
    if any(row["only_a"] or row["only_b"] for row in rows):
        return "No two settings have two seeds in common"
    return "One seed each" if any(map(_num_entered, rows)) else "No seed has ended in two settings"


def _no_winner(rows: Sequence[Row]) -> str:
    settings = len({row[side] for row in rows for side in "ab"})
    pair = f"{rows[0]['a']} and {rows[0]['b']} cannot be told apart"
    subject = pair if len(rows) == 1 else f"no two of the {settings} settings can be told apart"
    lacking = [row for row in rows if row["verdict"] == NOT_ENOUGH]
    sentences = [f"On {rows[0]['metric']} {subject} ({_num_pairs(rows)}, {_holm(rows)}).", *_too_few(lacking, rows)]
    return plain_text(" ".join([*sentences, *_remarks(rows)]))


def _winner(rows: Sequence[Row]) -> str:
    """Of the setting that wins most and loses least: whom it beats, and from whom it cannot be told apart."""
    names = list(dict.fromkeys(row[side] for row in rows for side in "ab"))
    views = {name: [_seen_by(row, name) for row in rows if name in (row["a"], row["b"])] for name in names}
    first = max(names, key=lambda name: _standing(views[name]))
    beaten, lost = ([row for row in views[first] if row["verdict"] == verdict] for verdict in (BETTER, WORSE))
    level = [row["b"] for row in views[first] if row["verdict"] not in _OPPOSITE]
    sentences = [f"On {rows[0]['metric']} {first} is better than {_beaten(beaten, len(names) - 1)}, {_holm(rows)}."]
    if lost:
        sentences.append(f"It is worse than {_listed([row['b'] for row in lost])}.")
    if level:
        sentences.append(f"It cannot be told apart from {_listed(level)}.")
    if any(row["below_noise"] is True for row in beaten):
        sentences.append("A difference here is below the noise of the test examples.")
    return plain_text(" ".join([*sentences, *_remarks(beaten)]))


def _beaten(rows: Sequence[Row], num_others: int) -> str:
    if len(rows) <= _MAX_LISTED:
        return _listed([_found(row) for row in rows])
    nearest = min(rows, key=lambda row: abs(row["difference"]))
    many = f"all {num_others}" if len(rows) == num_others else f"{len(rows)} of the {num_others}"
    return f"{many} others, the nearest {_found(nearest)}"


def _standing(views: Sequence[Row]) -> tuple[int, float]:
    won = sum((row["verdict"] == BETTER) - (row["verdict"] == WORSE) for row in views)
    return won, math.fsum(0.5 if math.isnan(row["probability"]) else row["probability"] for row in views)


def _seen_by(row: Row, name: str) -> Row:
    """The row with `name` as its a."""
    if row["a"] == name:
        return row
    turned = {"difference": -row["difference"], "low": -row["high"], "high": -row["low"]}
    sides = {f"{key}{one}": row[f"{key}{other}"] for key in ("", "lost_") for one, other in ("ab", "ba")}
    verdict = _OPPOSITE.get(row["verdict"], row["verdict"])
    return {**row, **turned, **sides, "verdict": verdict, "probability": 1 - row["probability"]}


def _found(row: Row) -> str:
    interval = f" {_interval(row)}" if _interval(row) != ABSENT else ""
    return f"{row['b']} (n={row['n_pairs']} pairs, difference {_difference(row)}{interval}, p={_p(row)})"


def _num_pairs(rows: Sequence[Row]) -> str:
    entered = sorted({_num_entered(row) for row in rows})
    return f"n={entered[0]} pairs" if len(entered) == 1 else f"n={entered[0]} to {entered[-1]} pairs"


def _holm(rows: Sequence[Row]) -> str:
    return f"p after Holm over {len(rows)} comparison{'s' * (len(rows) > 1)}"


def _too_few(lacking: Sequence[Row], rows: Sequence[Row]) -> list[str]:
    if not lacking:
        return []
    some = "" if len(lacking) == len(rows) else f" for {len(lacking)} of them"
    needed = next(n for n in range(2, 100) if least_p(n) * len(rows) < LEVEL)
    many = f", and all {len(rows)} comparisons need at least {needed}" if needed > MIN_PAIRS else ""
    return [f"There are not enough seeds{some}: fewer than {MIN_PAIRS} pairs can never be significant{many}."]


def _remarks(rows: Sequence[Row]) -> list[str]:
    said = [f"{remark}." for remark in dict.fromkeys(row["remark"] for row in rows) if remark]
    return said if len(said) <= _MAX_LISTED else [f"{len(said)} of the comparisons lack seeds: see the table."]


def _cells(row: Row) -> list[str]:
    lost = row["lost_a"] + row["lost_b"]
    return [
        plain_text(row["a"]),
        plain_text(row["b"]),
        f"{row['n_pairs']}{f' + {lost} lost' * bool(lost)}",
        _difference(row),
        _interval(row),
        _p(row),
        ABSENT if math.isnan(row["probability"]) else f"{row['probability']:.2f}",
        f"{row['verdict']}{BELOW_NOISE * (row['below_noise'] is True)}",
    ]


def _notes(rows: Sequence[Row]) -> list[str]:
    notes = [
        "Paired by seed; a \N{MINUS SIGN} b: mean difference of the pairs that both completed; 95 %: its interval"
        " (Student's t for 3 and 4 pairs, bootstrap from 5).",
        f"p: two-sided sign-flip permutation of the pairs, {_holm(rows)[2:]}; P(a better): share of pairs, ties half.",
        f"better or worse: p below {LEVEL} and an interval without 0. {_floor(rows)}",
    ]
    if any(row["lost_a"] or row["lost_b"] for row in rows):
        notes.append("A seed that one of the two lost counts in p as their largest difference, against that one.")
    is_noisy = any(row["below_noise"] is True for row in rows)
    below = ["†: the difference is below the noise of the test examples, however many seeds."] if is_noisy else []
    remarks = [remark for remark in dict.fromkeys(row["remark"] for row in rows) if remark]
    more = f"; {len(remarks) - MAX_NAMED} more" if len(remarks) > MAX_NAMED else ""
    lacking = [f"{'; '.join(remarks[:MAX_NAMED])}{more}."] if remarks else []
    return [*notes, *map(plain_text, [*lacking, *below])]


def _floor(rows: Sequence[Row]) -> str:
    """What the headline leaves out: it speaks of too few pairs only where nobody wins."""
    verdicts = {row["verdict"] for row in rows}
    few = NOT_ENOUGH in verdicts and verdicts & _OPPOSITE.keys()
    said = [f"Fewer than {MIN_PAIRS} pairs can never be significant."] if few else []
    entered = max(map(_num_entered, rows))
    least = [f"The least p of {entered} pairs is {_short(least_p(entered))}, before Holm."] if entered > 1 else []
    return " ".join([*said, *least])


def _num_entered(row: Row) -> int:
    return int(row["n_pairs"] + row["lost_a"] + row["lost_b"])


def _difference(row: Row) -> str:
    if math.isnan(row["difference"]):
        return ABSENT
    text = metric_text(row["metric"], abs(row["difference"]))
    sign = "" if not float(text) else MINUS if row["difference"] < 0 else "+"
    return f"{sign}{text}"


def _interval(row: Row) -> str:
    return interval_text(row["metric"], row["low"], row["high"], abs(row["difference"]))


def _p(row: Row) -> str:
    return ABSENT if math.isnan(row["p_holm"]) else _short(row["p_holm"])


def _short(p: float) -> str:
    return f"{p:.2g}" if p >= 1e-4 else "<0.0001"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
