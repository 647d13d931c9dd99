"""One value of all settings laid out over two directions, for a table or a heat map.

Refuses to put two settings into one place: it averages over nothing but seeds.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from sweeplab.compare.settings import axes_of, positions
from sweeplab.errors import ConfigFault


def pivot(summary: pd.DataFrame, rows: Sequence[str], columns: str, value: str) -> pd.DataFrame:
    """Settings as a grid: combinations of `rows` down, values of `columns` across.

    Args:
        summary: as `summarise` gives it.
        rows: axes that together name a row.
        columns: the axis that names the columns.
        value: a metric, `split/name`.

    Returns:
        Columns `(field, value of the column axis)` where field is `mean`, `std`, `recorded` (cells that have the
        metric), or a count of the summary (`cells`, `n`, `diverged`, …), so that `table["mean"]` is a plain grid and
        the others lie over it; NaN where the sweep has no such setting. The index holds the values of `rows`. Both in
        order of first appearance.

    Raises:
        ConfigFault: `rows` and `columns` do not tell all settings apart.
    """
    down, across = positions(summary, rows), positions(summary, [columns])
    _refuse_overlap(summary, rows, columns, pd.DataFrame({"down": down, "across": across}))
    index = pd.MultiIndex.from_frame(summary.loc[~down.duplicated(), list(rows)])
    labels = pd.Index(summary.loc[~across.duplicated(), columns].tolist(), dtype=object, name=columns)
    fields = {name: summary.get(f"{value}/{name}", math.nan) for name in ("mean", "std")}
    fields["recorded"] = summary.get(f"{value}/n", summary["n"])
    fields |= {name: summary[name] for name in _counts(summary)}
    grids = {}
    for name, numbers in fields.items():
        grid = np.full((len(index), len(labels)), math.nan)
        grid[down, across] = numbers
        grids[name] = pd.DataFrame(grid, index=index, columns=labels)
    return pd.concat(grids, axis=1, names=["field"])


def _counts(summary: pd.DataFrame) -> list[str]:
    names = list(map(str, summary.columns))
    return [name for name in names[names.index("cells") :] if "/" not in name and name not in ("chosen", "note")]


def _refuse_overlap(summary: pd.DataFrame, rows: Sequence[str], columns: str, places: pd.DataFrame) -> None:
    if places.duplicated().any():
        rest = ", ".join(axis for axis in axes_of(summary) if axis not in (*rows, columns))
        raise ConfigFault(
            f"several settings fall into one place of the pivot · {', '.join(rows)} by {columns}"
            f" · rows that also name {rest} · see tables"
        )
