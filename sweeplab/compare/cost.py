"""What a setting costs and how far it can be trusted beyond its score: time, generalisation gap, stability.

Refuses to fill gaps: a quantity that a completed cell lacks has no mean.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sweeplab.compare.comparison import Comparison
from sweeplab.compare.sensitivity import tolerance_of
from sweeplab.compare.settings import COMPLETED, STATISTICS, positions, summarise

TAIL = 10  # epochs
MIN_EPOCHS = 5
LIMIT = 2.0  # median absolute deviations
MACHINE = ("device", "host", "threads")


def cost(
    comparison: Comparison, cells: pd.DataFrame, curves: pd.DataFrame, origins: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Generalisation gap and time of every setting, mean and spread over its completed cells.

    Args:
        comparison: of settings.
        cells: the cells that were compared.
        curves: `cell_id`, `epoch` (from 1), `train_time_s` since the start; may be empty.
        origins: `cell_id`, `device`, `host`, `threads`; without it nothing is said of machines.

    Returns:
        One row per setting, indexed as `comparison.settings`: axes, `cells`, `n`, other states, then mean, std, low and
        high (95 % interval) of `gap/accuracy` (train minus test, at the chosen epoch), `time/step_s`, `time/epoch_s`
        (training alone, without validation), `time/to_chosen_s` (training until the end of the chosen epoch),
        `time/training_s`, `time/wall_s`, `memory/peak_bytes`; `chosen`; `num_parameters`; `machines` (distinct ones, in
        words); `reason` (why times must not be compared between the rows, guard G16, or `""`).
    """
    told = cells[["cell_id", "state", *comparison.axes]].assign(**_per_cell(cells, curves))
    summary = _means(told, comparison.axes)
    member = positions(cells, comparison.axes)
    completed = cells["state"] == COMPLETED
    parameters = _numbers(cells, "num_parameters")[completed].groupby(member[completed]).first()
    machines = (
        machines_of(cells["cell_id"], origins).groupby(member).agg(lambda words: "; ".join(sorted({*words} - {""})))
    )
    several = {word for words in machines for word in words.split("; ") if word}
    return summary.assign(
        chosen=comparison.settings["chosen"],
        num_parameters=parameters.reindex(summary.index),
        machines=machines.reindex(summary.index),
        reason="times come from different machines" if len(several) > 1 else "",
    )


def stability(comparison: Comparison, cells: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """How far the monitored metric fell from its best epoch to the last, for every setting (guard G11).

    A cell is unstable when the fall exceeds both twice the median absolute deviation of its last 10 epochs and what
    still counts as good (a point of an accuracy, 5 % of a loss): the best of many noisy epochs always lies a few
    deviations above the last one.

    Args:
        comparison: of settings.
        cells: the cells that were compared.
        curves: `cell_id`, `epoch` (from 1), the monitored metric; may be empty.

    Returns:
        One row per setting, indexed as `comparison.settings`: axes, `cells`, `n`, other states, then mean, std, low and
        high over completed cells of `stability/best`, `stability/last`, `stability/drop` (0 or above: how much worse
        the last epoch is) and `stability/mad`; `chosen`; `judged` (completed cells with at least 5 epochs), `unstable`
        (of these), `metric`, `flag` (`UNSTABLE` where there is one), `reason` (why nothing can be told, or `""`).
    """
    falls = _falls(curves, comparison.monitor, comparison.mode).reindex(cells["cell_id"]).reset_index(drop=True)
    falls = falls.set_axis(cells.index)
    member = positions(cells, comparison.axes)
    told = cells[["cell_id", "state", *comparison.axes]]
    shown = falls[["best", "last", "drop", "mad"]].add_prefix("stability/")
    summary = _means(pd.concat([told, shown], axis=1), comparison.axes)
    is_judged = (cells["state"] == COMPLETED) & (falls["epochs"] >= MIN_EPOCHS)
    judged = is_judged.groupby(member).sum().reindex(summary.index)
    unstable = (is_judged & (falls["drop"] > falls["limit"])).groupby(member).sum().reindex(summary.index)
    return summary.assign(
        chosen=comparison.settings["chosen"],
        judged=judged,
        unstable=unstable,
        metric=comparison.monitor,
        flag=np.where(unstable > 0, "UNSTABLE", ""),
        reason=np.where(judged > 0, "", f"no completed cell with {MIN_EPOCHS} epochs"),
    )


def _means(cells: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    """Means and spreads over seeds; best and median of a duration would be taken for what they are not."""
    summary = summarise(cells, axes)
    unwanted = tuple(f"/{name}" for name in STATISTICS if name not in ("mean", "std", "low", "high"))
    return summary[[name for name in summary if not str(name).endswith(unwanted)]]


def _per_cell(cells: pd.DataFrame, curves: pd.DataFrame) -> dict[str, "pd.Series[float]"]:
    train, steps, epochs = (_numbers(cells, name) for name in ("train_time_s", "steps", "epochs"))
    return {
        "gap/accuracy": _numbers(cells, "train/accuracy") - _numbers(cells, "test/accuracy"),
        "time/step_s": train / steps.where(steps > 0),
        "time/epoch_s": train / epochs.where(epochs > 0),
        "time/to_chosen_s": _time_to_chosen(cells, curves),
        "time/training_s": train,
        "time/wall_s": _numbers(cells, "wall_time_s"),
        "memory/peak_bytes": _numbers(cells, "peak_memory_bytes"),
    }


def _numbers(cells: pd.DataFrame, name: str) -> "pd.Series[float]":
    return cells.get(name, pd.Series(math.nan, index=cells.index)).astype(float)


def _time_to_chosen(cells: pd.DataFrame, curves: pd.DataFrame) -> "pd.Series[float]":
    if "train_time_s" not in curves:
        return pd.Series(math.nan, index=cells.index)
    times = curves.drop_duplicates(["cell_id", "epoch"], keep="last").set_index(["cell_id", "epoch"])["train_time_s"]
    asked = pd.MultiIndex.from_arrays([cells["cell_id"], _numbers(cells, "best_epoch")])
    return times.astype(float).reindex(asked).set_axis(cells.index)


def machines_of(cell_ids: "pd.Series[str]", origins: pd.DataFrame | None) -> "pd.Series[str]":
    """What each cell was trained on, in words; empty where it is not known."""
    if origins is None or origins.empty:
        return pd.Series("", index=cell_ids.index)
    known = [name for name in MACHINE if name in origins]
    words = {row["cell_id"]: _words(row, known) for row in origins.to_dict("records")}
    return cell_ids.map(words).fillna("")


def _words(row: Mapping[Any, Any], known: Sequence[str]) -> str:
    return ", ".join(_word(name, row[name]) for name in known if pd.notna(row[name]))


def _word(name: str, value: Any) -> str:
    return f"{value:g} thread{'s' * (value != 1)}" if name == "threads" else str(value)


def _falls(curves: pd.DataFrame, metric: str, mode: str) -> pd.DataFrame:
    """Per cell, by its id: `epochs`, `best`, `last`, `drop`, `mad` of the trailing epochs, `limit` of the drop."""
    rows = {}
    if metric in curves:
        known = curves.dropna(subset=[metric]).sort_values("epoch", kind="stable")
        rows = {cell: _fall(own.to_numpy(float), metric, mode) for cell, own in known.groupby("cell_id")[metric]}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["epochs", "best", "last", "drop", "mad", "limit"])


def _fall(values: "np.ndarray[tuple[int], np.dtype[np.float64]]", metric: str, mode: str) -> tuple[float, ...]:
    best, last = (values.max() if mode == "max" else values.min()), values[-1]
    tail = values[-TAIL:]
    mad = float(np.median(np.abs(tail - np.median(tail))))
    return len(values), best, last, abs(best - last), mad, max(LIMIT * mad, tolerance_of(metric, best))
