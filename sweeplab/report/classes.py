"""Per class as tables: scores of the settings, and what is most often taken for what."""

from collections.abc import Sequence

import pandas as pd

from sweeplab.compare.classes import AVERAGES
from sweeplab.compare.settings import varying
from sweeplab.report.table import Row, Table, axis_cell
from sweeplab.report.words import ABSENT, metric_text, plain_text, spread_text

MAX_CLASSES = 20  # of a setting


def classes_table(frame: pd.DataFrame, notes: Sequence[str] = ()) -> Table:
    """Precision, recall, F1 and support of every class; of many classes those with the lowest F1.

    Args:
        frame: as `per_class` gives it.
        notes: to stand first below the table.
    """
    axes = _named(frame, "chosen")
    body, left_out, missing = [], 0, []
    for _, rows in frame.groupby("setting", sort=False):
        if rows["reason"].any():
            missing.append(f"{subject(rows.iloc[0].to_dict(), axes)}{rows['reason'].iloc[0]}.")
            continue
        is_average = rows["class"].isin(AVERAGES)
        shown = rows[~is_average].astype({"f1": float}).nsmallest(MAX_CLASSES, "f1").sort_index()
        left_out = max(left_out, int((~is_average).sum()) - len(shown))
        body += [_scores(row, axes) for row in pd.concat([shown, rows[is_average]]).to_dict("records")]
    told = ["Test examples of all seeds pooled; ± is the sample standard deviation of F1 over seeds."]
    told += [f"The {MAX_CLASSES} classes of lowest F1 are shown, {left_out} are not."] * bool(left_out)
    if frame["undefined"].fillna("").astype(bool).any():
        told.append("† 0/0: a precision of a class never predicted, or a recall of one without examples.")
    header = [*map(plain_text, axes), "class", "precision", "recall", "F1", "support", "n"]
    return Table("Classes", header, body, len(axes) + 1, [*notes, *told, *missing])


def confused_table(frame: pd.DataFrame, notes: Sequence[str] = ()) -> Table:
    """What is most often taken for what.

    Args:
        frame: as `confused_pairs` gives it.
        notes: to stand first below the table.
    """
    axes = _named(frame, "true")
    body = [
        [
            *(axis_cell(row, axis) for axis in axes),
            plain_text(row["true"]),
            plain_text(row["predicted"]),
            str(row["count"]),
            metric_text("share", row["share"]),
        ]
        for row in frame.to_dict("records")
    ]
    header = [*map(plain_text, axes), "true class", "taken for", "examples", "share"]
    told = ["Test examples of all seeds pooled; share: of the examples of the true class."]
    return Table("Most confused classes", header, body, len(axes) + 2, [*notes, *told])


def _scores(row: Row, axes: Sequence[str]) -> list[str]:
    undefined = row["undefined"].split(", ")
    told = {name: f"{metric_text(name, row[name])}{' †' * (name in undefined)}" for name in ("precision", "recall")}
    f1 = f"{spread_text('f1', row['f1'], row['f1_std'])}{' †' * ('f1' in undefined)}"
    names = [axis_cell(row, axis) for axis in axes]
    return [*names, plain_text(row["class"]), *told.values(), f1, str(row["support"]), f"{row['n']}/{row['cells']}"]


def _named(frame: pd.DataFrame, column: str) -> list[str]:
    names = list(map(str, frame.columns))
    return varying(frame, names[1 : names.index(column)])


def subject(row: Row, axes: Sequence[str]) -> str:
    """Whom a note is about, with a colon: `adam mlp: `; nothing where there is only one."""
    words = " ".join(word for word in (axis_cell(row, axis) for axis in axes) if word != ABSENT)
    return f"{words}: " if words else ""
