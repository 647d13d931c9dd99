"""What an optimizer asks of its user, as tables: sensitivity, tuning budget, cost, stability."""

import math
from collections.abc import Iterable, Sequence

import pandas as pd

from sweeplab.compare.cost import MIN_EPOCHS, TAIL
from sweeplab.compare.settings import varying
from sweeplab.report.classes import subject
from sweeplab.report.table import Row, Table, axis_cell, counts_of, merged_notes
from sweeplab.report.words import ABSENT, MINUS, axis_text, count_text, metric_text, numbered, plain_text, spread_text

_TIMES = {
    "time/step_s": "per step",
    "time/epoch_s": "per epoch",
    "time/to_chosen_s": "to chosen epoch",
    "time/training_s": "training",
    "time/wall_s": "wall",
}


def sensitivity_table(frame: pd.DataFrame, notes: Sequence[str] = ()) -> Table:
    """The best learning rate of every contestant and the range in which it does about as well.

    Args:
        frame: as `sensitivity` gives it.
        notes: to stand first below the table.
    """
    axes = _named(frame, "metric")
    rows = frame.to_dict("records")
    body = [
        [
            *(axis_cell(row, axis) for axis in axes),
            *(str(row["rates"]), f"{row['n']}/{row['cells']}"),
            _rate(row["best_lr"]),
            metric_text(row["metric"], row["best"]) if _is_known(row["best"]) else ABSENT,
            *_range(row),
        ]
        for row in rows
    ]
    metric = plain_text(frame["metric"].iloc[0]) if rows else "metric"
    tolerances = {f"{row['tolerance']:.2g}" for row in rows if _is_known(row["tolerance"])}
    within = f"{tolerances.pop()} of" if len(tolerances) == 1 else "5 % of"
    told = [
        f"good range: the unbroken stretch around the best rate whose mean {metric} (lost cells as the worst) lies"
        f" within {within} the best; its ends are interpolated in log lr. ≥: the grid ended before the range did.",
        *merged_notes(
            (subject(row, axes).rstrip(": "), row["reason"]) for row in rows if not _is_known(row["good_from"])
        ),
    ]
    header = [*map(plain_text, axes), "rates", "n", "best lr", metric, "good range", "decades"]
    return Table("Sensitivity to the learning rate", header, body, len(axes), [*notes, *told])


def tuning_table(frame: pd.DataFrame, notes: Sequence[str] = ()) -> Table:
    """The best validation score to expect after 1, 2, 4, … trials and after all.

    Args:
        frame: as `tuning_curve` gives it.
        notes: to stand first below the table.
    """
    axes, metric = _named(frame, "metric"), plain_text(frame["metric"].iloc[0])
    most = int(frame["trials"].max())
    budgets = sorted({2**power for power in range(most.bit_length()) if 2**power <= most} | ({most} - {0}))
    body = []
    for _, curve in frame.groupby(_number(frame), sort=False):
        first = curve.iloc[0].to_dict()
        expected = {int(k): value for k, value in zip(curve["k"], curve["expected"], strict=True) if pd.notna(k)}
        told = [metric_text(metric, expected[k]) if k in expected else ABSENT for k in budgets]
        body.append([*(axis_cell(first, axis) for axis in axes), str(first["trials"]), *told])
    told = [
        "trials: settings tried, each the mean over its seeds; one without a result counts as the worst.",
        "k = 2: the better of 2 of these settings, averaged over all pairs; and so on. A grid is no random sample of"
        " its space: this tells of the settings tried here, taken blindly, and of no others.",
    ]
    told += ["Contestants with unequal numbers of trials compare at the k they share."] * (
        frame["trials"].nunique() > 1
    )
    to_come = int(frame.loc[~_number(frame).duplicated(), "to_come"].sum())
    open_ = "setting has not ended yet and is no trial.", "settings have not ended yet and are no trials."
    told += [numbered(to_come, *open_)] * bool(to_come)
    header = [*map(plain_text, axes), "trials", *(f"k = {k}" for k in budgets)]
    title = f"Expected best {metric} against tuning budget"
    return Table(title, header, body, len(axes), [*notes, *told])


def cost_table(frame: pd.DataFrame, notes: Sequence[str] = ()) -> Table:
    """Generalisation gap, times and parameters of the chosen settings; what no setting recorded has no column.

    Args:
        frame: as `cost` gives it.
        notes: to stand first below the table.
    """
    axes = _named(frame, "cells")
    shown = frame[frame["chosen"]]
    times = [name for name in _TIMES if shown[f"{name}/mean"].notna().any()]
    has_gap = bool(shown["gap/accuracy/mean"].notna().any())
    has_memory = bool(shown["memory/peak_bytes/mean"].notna().any())
    body = []
    for row in shown.to_dict("records"):
        gap = [_signed(row["gap/accuracy/mean"], row["gap/accuracy/std"])] * has_gap
        told = [_seconds(row[f"{name}/mean"], row[f"{name}/std"]) for name in times]
        memory = [_mebibytes(row["memory/peak_bytes/mean"], row["memory/peak_bytes/std"])] * has_memory
        size = f"{row['num_parameters']:,.0f}" if _is_known(row["num_parameters"]) else ABSENT
        body.append([*(axis_cell(row, axis) for axis in axes), count_text(counts_of(row)), *gap, *told, *memory, size])
    told = ["Means over completed cells, ± sample standard deviation over seeds."]
    if has_gap:
        told.append(
            "gap: train minus test accuracy at the chosen epoch. Training accuracy is taken while the weights move and"
            " with augmentation and dropout on: it may lie below that of the weights tested."
        )
    if times:
        told += [
            "Times per step and epoch are of training alone, without validation.",
            *machine_notes(frame["machines"]),
        ]
    if has_memory:
        told.append(
            "peak memory: of the GPU that a cell trained on; on the CPU, of its processes, Python and torch included."
        )
    header = [
        *map(plain_text, axes),
        "n",
        *["gap"] * has_gap,
        *(_TIMES[name] for name in times),
        *["peak memory"] * has_memory,
        "parameters",
    ]
    return Table("Cost and generalisation gap", header, body, len(axes), [*notes, *told])


def stability_table(frame: pd.DataFrame, notes: Sequence[str] = ()) -> Table:
    """The best epoch against the last, for the chosen settings.

    Args:
        frame: as `stability` gives it.
        notes: to stand first below the table.
    """
    axes, metric = _named(frame, "cells"), plain_text(frame["metric"].iloc[0])
    body = []
    for row in frame[frame["chosen"]].to_dict("records"):
        pairs = [(row[f"stability/{name}/mean"], row[f"stability/{name}/std"]) for name in ("best", "last", "drop")]
        told = [spread_text(metric, *pair) if _is_known(pair[0]) else ABSENT for pair in pairs]
        flag = f"{row['unstable']}/{row['judged']}" if row["judged"] else ABSENT
        body.append([*(axis_cell(row, axis) for axis in axes), count_text(counts_of(row)), *told, flag])
    told = [
        f"best, last: {metric} at the best and at the last epoch; fall: how much worse the last one is.",
        f"unstable: cells, of those with at least {MIN_EPOCHS} epochs, whose fall exceeds twice the median absolute"
        f" deviation of the last {TAIL} epochs, and a point of an accuracy or 5 % of a loss.",
    ]
    header = [*map(plain_text, axes), "n", "best", "last", "fall", "unstable"]
    return Table("Best and last epoch", header, body, len(axes), [*notes, *told])


def _named(frame: pd.DataFrame, column: str) -> list[str]:
    """The axes, which stand before `column`, as far as they vary."""
    names = list(map(str, frame.columns))
    return varying(frame, names[: names.index(column)])


def _number(frame: pd.DataFrame) -> "pd.Series[int]":
    """Rows of the same contestant have the same number; each begins with k = 1 or with none."""
    return frame["k"].fillna(1).eq(1).astype(int).cumsum()


def _range(row: Row) -> list[str]:
    if not _is_known(row["good_from"]):
        return [ABSENT, ABSENT]
    bound = "≥ " if row["open"] else ""
    ends = dict.fromkeys(_rate(float(f"{row[side]:.2g}")) for side in ("good_from", "good_to"))
    return [" to ".join(ends), f"{bound}{row['decades']:.2f}"]


def machine_notes(machines: Iterable[str]) -> list[str]:
    """Guard G16: what times were measured on, and that they must not be compared where that differs.

    Args:
        machines: in words, several apart by semicolons, with repetitions; empty where it is not known.
    """
    distinct = sorted({word for words in machines for word in words.split("; ") if word})
    if len(distinct) < 2:
        return [f"Measured on {plain_text(word)}." for word in distinct]
    return [plain_text(f"CAUTION: times must not be compared, they come from several machines: {'; '.join(distinct)}.")]


def _rate(value: float) -> str:
    return axis_text("lr", float(value)) if _is_known(value) else ABSENT


def _signed(mean: float, std: float) -> str:
    text = spread_text("accuracy", abs(mean), std) if _is_known(mean) else ABSENT
    return f"{MINUS}{text}" if mean < 0 else text


def _mebibytes(mean: float, std: float) -> str:
    if not _is_known(mean):
        return ABSENT
    return f"{mean / 2**20:,.0f} ± {std / 2**20:,.0f} MiB" if _is_known(std) else f"{mean / 2**20:,.0f} MiB"


def _seconds(mean: float, std: float) -> str:
    """Three significant digits, in ms below a second: `0.92 ± 0.08 ms`."""
    if not _is_known(mean):
        return ABSENT
    unit, scale = ("ms", 1000.0) if mean < 1 else ("s", 1.0)
    decimals = max(0, 2 - math.floor(math.log10(mean * scale))) if mean else 0
    spread = f" ± {std * scale:.{decimals}f}" if _is_known(std) else ""
    return f"{mean * scale:.{decimals}f}{spread} {unit}"


def _is_known(value: float) -> bool:
    return not math.isnan(value)
