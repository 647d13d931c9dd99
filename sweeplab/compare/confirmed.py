"""What a choice had promised against what the chosen settings reach on seeds that had no part in it."""

from collections.abc import Sequence

import pandas as pd

from sweeplab.compare.settings import STATES, summarise


def confirmed(
    tuned: pd.DataFrame, fresh: pd.DataFrame, axes: Sequence[str], metrics: Sequence[str], mode: str
) -> pd.DataFrame:
    """Score of each chosen setting while it was chosen, and on fresh seeds.

    Args:
        tuned: rows of a summary, one per chosen setting.
        fresh: one row per fresh cell: `setting` (its row's number in `tuned`, from 0), `state`, metrics.
        axes: that name a setting in `tuned`.
        metrics: to compare.
        mode: `max` or `min`, what is better in all of them.

    Returns:
        One row per setting and metric: the axes, `metric`, `tuning`, `tuning_std`, `tuning_n`, `confirmed`,
        `confirmed_std`, `cells`, `n` and one count per other state that occurs, of the fresh cells, and `optimism`: by
        how much the score of the choice was better than the confirmed one, negative where it was worse.
    """
    after = summarise(fresh[["setting", "state", *(name for name in metrics if name in fresh)]], ["setting"])
    after = after.set_index("setting").reindex(range(len(tuned)))
    counts = ["cells", "n", *(state for state in STATES[1:] if state in after)]
    sign = 1 if mode == "max" else -1
    parts = []
    for metric in metrics:
        part = tuned[list(axes)].reset_index(drop=True).assign(metric=metric)
        for name, table in {"tuning": tuned.reset_index(drop=True), "confirmed": after}.items():
            part[name] = table.get(f"{metric}/mean", float("nan"))
            part[f"{name}_std"] = table.get(f"{metric}/std", float("nan"))
        part["tuning_n"] = tuned["n"].to_numpy()
        part[counts] = after[counts].fillna(0).astype(int)
        parts.append(part.assign(optimism=sign * (part["tuning"] - part["confirmed"])))
    order = [*axes, "metric", "tuning", "tuning_std", "tuning_n", "confirmed", "confirmed_std", *counts, "optimism"]
    return pd.concat(parts)[order].sort_index(kind="stable").reset_index(drop=True)
