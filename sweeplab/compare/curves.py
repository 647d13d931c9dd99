"""Learning curves of one setting: a metric by epoch, its mean over seeds and how far that can be trusted.

Refuses an interval to epochs that fewer than three seeds reached, and thins before it computes one.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sweeplab.compare.interval import mean_interval

MAX_POINTS = 200  # of one curve


def mean_curve(evaluations: pd.DataFrame, metric: str, also: Sequence[str] = ()) -> pd.DataFrame:
    """Mean and 95 % interval over the cells that reached each epoch; of many epochs every so many, and the last.

    Args:
        evaluations: of one setting's cells: `cell_id`, `epoch`, the metric, at most one row per cell and epoch; rows
            without a number are left out.
        metric: as `split/name`.
        also: further columns to average over the same cells.

    Returns:
        One row per epoch, ascending: `epoch`, `mean`, `low`, `high` (95 % interval of the mean, NaN for n < 3), `n`
        (cells), means of `also` under their names; `epochs` (before they were thinned, the same in each row).
    """
    known = evaluations.dropna(subset=[metric, *also])
    epochs = np.unique(known["epoch"])
    every, numbers = -(-len(epochs) // MAX_POINTS), np.arange(len(epochs))
    kept = epochs[(numbers % max(1, every) == 0) | (numbers == len(epochs) - 1)]
    own = known[known["epoch"].isin(kept)].sort_values("epoch", kind="stable")
    groups = own.groupby("epoch")
    means = {name: groups[name].mean() for name in also}
    curve = pd.DataFrame({"mean": groups[metric].mean(), "n": groups.size(), **means})
    curve["low"], curve["high"] = _intervals(own[metric].to_numpy(float), curve["n"].to_numpy(int))
    return curve.assign(epochs=len(epochs)).reset_index()


def _intervals(values: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Ends for each stretch of so many values, shape `(2, num_stretches)`; stretches of one size are taken together."""
    starts, ends = sizes.cumsum() - sizes, np.full((2, len(sizes)), np.nan)
    for size in np.unique(sizes):
        places = np.flatnonzero(sizes == size)
        ends[:, places] = mean_interval(values[starts[places, None] + np.arange(size)])
    return ends
