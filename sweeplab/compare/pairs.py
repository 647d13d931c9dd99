"""Settings against each other, two at a time, paired by seed: which differences can be believed.

Refuses a verdict that the number of seeds cannot carry, and lets no setting win by the cells it lost.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import comb, nan, sqrt
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweeplab.cell import label
from sweeplab.compare.interval import Numbers, mean_interval
from sweeplab.compare.settings import (
    COMPLETED,
    ENDED_WITHOUT_RESULT,
    SEED,
    is_missing,
    positions,
    setting_axes,
    varying,
)
from sweeplab.compare.significance import holm, least_p, sign_flip
from sweeplab.errors import ConfigFault

Flags = NDArray[np.bool_]

BETTER = "better"
WORSE = "worse"
INDISTINGUISHABLE = "indistinguishable"
NOT_ENOUGH = "not enough seeds"
LEVEL = 0.05
MAX_SETTINGS = 20
COLUMNS = (
    *("a", "b", "setting_a", "setting_b", "metric", "mode"),
    *("n_pairs", "only_a", "only_b", "lost_a", "lost_b"),
    *("difference", "low", "high", "p", "p_holm", "probability", "verdict", "below_noise", "remark"),
)


def compare_pairs(
    cells: pd.DataFrame,
    axes: Sequence[str],
    *,
    metric: str,
    mode: str,
    settings: Sequence[int] | None = None,
    within: Sequence[str] = (),
    num_test: int | None = None,
) -> pd.DataFrame:
    """Every two settings against each other on the seeds of both.

    A cell that ended without a result, or with an infinite metric, counts where the other setting completed its seed:
    as a difference against it as large as the largest between these two settings (1 where there is none), in `p`,
    `p_holm` and `probability`; `difference` and its interval are of the pairs that both completed.

    Args:
        cells: one row per cell: `state`, every axis, metrics as `split/name`.
        axes: in the order of the sweep; `seed` pairs the cells.
        metric: to compare by; a completed cell without this number is paired with nothing.
        mode: whether its `max` or `min` is best.
        settings: rows of the table that `summarise` makes of the same cells; all if none are named.
        within: axes that two settings must share to be compared, such as the data set.
        num_test: number of test examples that an accuracy was measured on.

    Returns:
        One row per pair, in the order of the settings, each pair once: `a` and `b` (axes that vary among the settings,
        in words), `setting_a`, `setting_b` (as in `settings`), `metric`, `mode`, `n_pairs` (seeds both completed),
        `only_a`, `only_b` (completed by one, and not yet ended or not asked of the other), `lost_a`, `lost_b` (lost by
        one, completed by the other), `difference` (mean of a - b), `low`, `high` (95 % interval of it, as
        `mean_interval`), `p` (two-sided sign-flip permutation of the mean; exact up to 16 pairs, else 20,000 fixed
        draws), `p_holm` (over all pairs of the table), `probability` (share of the pairs where a is better, ties half),
        `verdict` on a (`better` or `worse` if p_holm < 0.05 and no interval speaks against it; `not enough seeds` where
        no outcome of so many pairs could have passed, always below 6; else `indistinguishable`), `below_noise` (whether
        the difference of two accuracies is below the noise of `num_test` examples; missing where that is not known),
        `remark` (in words: cells lost or unpaired). Without a row where there are fewer than two settings or more than
        20; `attrs["reason"]` says why.

    Raises:
        ConfigFault: two cells of one setting have the same seed.

    Source:
        Sign-flip permutation: Fisher 1935; several comparisons: Holm 1979; probability of improvement over paired seeds
        and its verdicts: Bouthillier et al. 2021, arXiv:2103.03098. Differs: a permutation test decides here.
    """
    member = positions(cells, setting_axes(axes))
    chosen = list(range(member.nunique())) if settings is None else list(settings)
    group = positions(cells[~member.duplicated()].reset_index(drop=True), within) if within else None
    pairs = [(a, b) for a, b in combinations(chosen, 2) if group is None or group[a] == group[b]]
    reason = _refusal(len(chosen)) or ("" if pairs else f"no two settings share {', '.join(within)}")
    if reason:
        empty = pd.DataFrame(columns=list(COLUMNS))
        empty.attrs["reason"] = reason
        return empty
    values, is_lost = _runs(cells, member, metric)
    named = dict(zip(chosen, _names(cells, axes, member, chosen), strict=True))
    rows = []
    for a, b in pairs:
        pair = {"a": named[a], "b": named[b], "setting_a": a, "setting_b": b, "metric": metric, "mode": mode}
        noise = _below_noise(values[[a, b]], metric, num_test)
        rows.append({**pair, **_pair(values[[a, b]], is_lost[[a, b]], mode), "below_noise": noise})
    table = pd.DataFrame([{**row, "remark": _remark(row)} for row in rows])
    return _judged(table)[list(COLUMNS)].astype({"below_noise": "boolean"})


def _refusal(num_settings: int) -> str:
    if num_settings < 2:
        return "there are not two settings to compare"
    if num_settings > MAX_SETTINGS:
        return f"{num_settings} settings make {comb(num_settings, 2)} pairs: more than {MAX_SETTINGS} are not compared"
    return ""


def _runs(cells: pd.DataFrame, member: "pd.Series[int]", metric: str) -> tuple[Numbers, Flags]:
    """The metric of every setting (rows) by seed, NaN without one, and which of these cells were lost."""
    seed = positions(cells, [SEED]) if SEED in cells else pd.Series(0, index=cells.index)
    _refuse_twice(cells, member, seed)
    recorded = cells.get(metric, pd.Series(nan, index=cells.index))
    value = recorded.astype(float).where(cells["state"] == COMPLETED).to_numpy()
    lost = cells["state"].isin(ENDED_WITHOUT_RESULT).to_numpy() | np.isinf(value)
    shape = (member.max() + 1, seed.max() + 1)
    values, is_lost = np.full(shape, nan), np.zeros(shape, dtype=np.bool_)
    values[member, seed] = np.where(lost, nan, value)
    is_lost[member, seed] = lost
    return values, is_lost


def _refuse_twice(cells: pd.DataFrame, member: "pd.Series[int]", seed: "pd.Series[int]") -> None:
    twice = pd.DataFrame({"member": member, "seed": seed}).duplicated()
    if twice.any():
        where = label({SEED: cells[SEED][twice].iloc[0]}) if SEED in cells else "no seed"
        raise ConfigFault(f"two cells of one setting have the same seed · {where} · one cell each · see sweep.json")


def _names(cells: pd.DataFrame, axes: Sequence[str], member: "pd.Series[int]", chosen: Sequence[int]) -> list[str]:
    first = cells[~member.duplicated()].iloc[list(chosen)]
    points = first[varying(first, setting_axes(axes))].astype(object).to_dict("records")
    return [label({str(axis): None if is_missing(value) else value for axis, value in row.items()}) for row in points]


def _pair(values: Numbers, is_lost: Flags, mode: str) -> dict[str, Any]:
    """What two settings come to, their values and lost cells of shape `(2, num_seeds)`."""
    has_a, has_b = ~np.isnan(values)
    both, lost_a, lost_b = has_a & has_b, is_lost[0] & has_b, is_lost[1] & has_a
    differences = np.sort((values[0] - values[1])[both])
    worst = np.abs(differences).max(initial=0.0) or 1.0
    sign = 1 if mode == "max" else -1
    gains = np.concatenate([sign * differences, np.full(lost_a.sum(), -worst), np.full(lost_b.sum(), worst)])
    low, high = mean_interval(differences)
    return {
        "n_pairs": int(both.sum()),
        "only_a": int((has_a & ~has_b & ~lost_b).sum()),
        "only_b": int((has_b & ~has_a & ~lost_a).sum()),
        "lost_a": int(lost_a.sum()),
        "lost_b": int(lost_b.sum()),
        "difference": float(differences.mean()) if both.any() else nan,
        "low": float(low),
        "high": float(high),
        "p": sign_flip(gains),
        "probability": float((0.5 + np.sign(gains) / 2).mean()) if len(gains) else nan,
        "gain": float(gains.sum()),
    }


def _below_noise(values: Numbers, metric: str, num_test: int | None) -> bool | None:
    """Guard G8: whether two accuracies differ by less than 1.96 standard errors of two samples of test examples."""
    paired = values[:, ~np.isnan(values).any(axis=0)]
    if num_test is None or "accuracy" not in metric or not paired.size:
        return None
    one, other = paired.mean(axis=1)
    p = (one + other) / 2
    return bool(abs(one - other) < 1.96 * sqrt(max(0.0, 2 * p * (1 - p) / num_test)))


def _remark(row: Mapping[str, Any]) -> str:
    seeds = row["n_pairs"] + row["lost_a"] + row["lost_b"]
    lost = [f"{row[side]} lost {row[f'lost_{side}']} of {seeds} seeds" for side in "ab" if row[f"lost_{side}"]]
    only = {row[side]: row[f"only_{side}"] for side in "ab" if row[f"only_{side}"]}
    return "; ".join([*lost, *(f"{num} seed{'s' * (num > 1)} of {name} unpaired" for name, num in only.items())])


def _judged(table: pd.DataFrame) -> pd.DataFrame:
    p = table["p"].to_numpy(dtype=float)
    adjusted = holm(p)
    least = [least_p(entered) for entered in table["n_pairs"] + table["lost_a"] + table["lost_b"]]
    verdicts = []
    for place, (row, floor) in enumerate(zip(table.to_dict("records"), least, strict=True)):
        # would the smallest p there is have passed, all else being as it is?
        possible = holm(np.where(np.arange(len(p)) == place, floor, p))[place] < LEVEL
        verdicts.append(_verdict(row, adjusted[place], could_pass=bool(possible)))
    return table.assign(p_holm=adjusted, verdict=verdicts)


def _verdict(row: Mapping[Any, Any], p_holm: float, *, could_pass: bool) -> str:
    if not could_pass:
        return NOT_ENOUGH
    ends = sorted((row["low"], row["high"])) if row["mode"] == "max" else sorted((-row["low"], -row["high"]))
    if p_holm < LEVEL and row["gain"] > 0 and not ends[0] <= 0:
        return BETTER
    if p_holm < LEVEL and row["gain"] < 0 and not ends[1] >= 0:
        return WORSE
    return INDISTINGUISHABLE
