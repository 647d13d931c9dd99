"""Tuning score beside confirmed score, as a table of text."""

import math
from collections.abc import Sequence

import pandas as pd

from sweeplab.report.table import Table, axis_cell, counts_of
from sweeplab.report.words import ABSENT, count_text, difference_text, plain_text, spread_text


def confirmed_table(frame: pd.DataFrame, axes: Sequence[str], notes: Sequence[str]) -> Table:
    """Every chosen setting and metric with both scores and the optimism.

    Args:
        frame: as `sweeplab.compare.confirmed.confirmed` gives it.
        axes: that name a setting.
        notes: to stand first below the table.
    """
    body = [
        [
            *(axis_cell(row, axis) for axis in axes),
            plain_text(row["metric"]),
            _score(row["metric"], row["tuning"], row["tuning_std"]),
            str(row["tuning_n"]),
            _score(row["metric"], row["confirmed"], row["confirmed_std"]),
            count_text(counts_of(row)),
            difference_text(row["metric"], 0.0, row["optimism"]),
        ]
        for row in frame.to_dict("records")
    ]
    header = [*map(plain_text, axes), "metric", "tuning", "n", "confirmed", "n fresh", "optimism"]
    rule = (
        "tuning: the score in the sweep that chose; confirmed: the same setting on seeds that had no part in the choice"
        "; mean ± sample standard deviation over completed cells; optimism: how much better the tuning score was."
    )
    return Table("Confirmed on fresh seeds", header, body, len(axes) + 1, [*notes, rule])


def _score(metric: str, mean: float, std: float) -> str:
    return spread_text(metric, mean, std) if math.isfinite(mean) else ABSENT
