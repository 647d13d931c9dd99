"""A comparison as W&B holds it: plain values in a `wandb.Table`, and numbers for its summary."""

import math
from typing import TYPE_CHECKING, Any

from sweeplab.secrets import scrub

if TYPE_CHECKING:
    import pandas as pd
    import wandb


def to_wandb(table: "pd.DataFrame") -> "wandb.Table":
    """Plain values; what is missing, NaN or infinite is null, since strict JSON has no word for it."""
    import wandb

    flat = _flat(table)
    if len(flat) > wandb.Table.MAX_ARTIFACT_ROWS:
        raise ValueError(f"{len(flat):,} rows, W&B takes {wandb.Table.MAX_ARTIFACT_ROWS:,}")
    rows = [[_plain(value) for value in row] for row in flat.itertuples(index=False, name=None)]
    return wandb.Table(columns=list(flat.columns), data=scrub(rows), allow_mixed_types=True)


def extremes(table: "pd.DataFrame") -> dict[str, float]:
    """The number of settings, and the least and greatest value of each numeric column."""
    numbers = _flat(table).select_dtypes("number")
    found = {f"{name}/{kind}": float(numbers[name].agg(kind)) for name in numbers for kind in ("min", "max")}
    return {"num_settings": len(table)} | {name: value for name, value in found.items() if math.isfinite(value)}


def _flat(table: "pd.DataFrame") -> "pd.DataFrame":
    """The same rows with a named index as columns, and every column's name one text."""
    flat = table.reset_index() if any(name is not None for name in table.index.names) else table.copy()
    flat.columns = [
        "/".join(str(part) for part in column if part != "") if isinstance(column, tuple) else str(column)
        for column in flat.columns
    ]
    return flat


def _plain(value: Any) -> str | int | float | bool | None:
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    text = str(value)
    return None if text in {"<NA>", "NaT"} else text
