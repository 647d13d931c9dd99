"""Per class: what settings get right and what they take for what, test examples of all their seeds pooled.

Refuses to invent a score: what is 0/0 is reported as undefined beside the value it is given.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeplab.compare.comparison import Comparison
from sweeplab.compare.settings import positions

Matrix = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_SCORES = ("precision", "recall", "f1")
AVERAGES = ("macro", "weighted")


@dataclass(frozen=True)
class Pooled:
    """Test examples of a setting by true (rows) and predicted class, summed over its seeds.

    `matrices`: one per cell that has one, shape `(num_matrices, C, C)`; `cells`: those asked; `names`: of the classes,
    shape `(C,)`, their numbers as text where they have none.
    """

    matrices: Matrix
    cells: int
    names: tuple[str, ...]

    @property
    def matrix(self) -> Matrix:
        """The sum, shape `(C, C)`."""
        total: Matrix = self.matrices.sum(axis=0)
        return total


def pool(
    comparison: Comparison,
    cells: pd.DataFrame,
    confusions: Mapping[str, Sequence[Sequence[int]]],
    origins: pd.DataFrame | None = None,
) -> dict[int, Pooled]:
    """The matrices of every setting, by its row in `comparison.settings`; a setting without any has no entry.

    Args:
        comparison: of settings.
        cells: the cells that were compared.
        confusions: test examples by true (rows) and predicted class, by cell id.
        origins: `cell_id`, `class_names`, where they are known.
    """
    found, named = {}, _names_by_cell(origins)
    for number, ids in cells["cell_id"].groupby(positions(cells, comparison.axes)):
        own = [confusions[cell_id] for cell_id in ids if cell_id in confusions]
        if own:
            matrices = np.asarray(own, dtype=np.int64)
            words = [named[cell_id] for cell_id in ids if len(named.get(cell_id, ())) == len(matrices[0])]
            numbers = tuple(map(str, range(len(matrices[0]))))
            found[int(number)] = Pooled(matrices, len(ids), words[0] if words else numbers)
    return found


def class_scores(matrix: npt.ArrayLike, *, zero_division: float = 0.0) -> pd.DataFrame:
    """Precision, recall and F1 of every class and their averages, as scikit-learn's report has them.

    Args:
        matrix: test examples by true (rows) and predicted class, shape `(C, C)`.
        zero_division: what 0/0 counts as: the precision of a class that was never predicted, the recall of one without
            examples, the F1 of one that is both; NaN leaves it out of the averages.

    Returns:
        One row per class, then `macro` and `weighted` (by support): `class` (number as text), `precision`, `recall`,
        `f1`, `support` (true examples), `predicted` (examples), `undefined` (which of the three are 0/0, in words).
    """
    counts = np.asarray(matrix, dtype=float)
    hits, support, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    parts = {"precision": (hits, predicted), "recall": (hits, support), "f1": (2 * hits, support + predicted)}
    scores = {name: _ratio(over, under, zero_division) for name, (over, under) in parts.items()}
    undefined = [", ".join(name for name in _SCORES if not parts[name][1][i]) for i in range(len(counts))]
    words = {"class": [str(i) for i in range(len(counts))], "undefined": undefined}
    frame = pd.DataFrame({**words, **scores, "support": support, "predicted": predicted})
    averages = [_average(scores, name, weights) for name, weights in zip(AVERAGES, (None, support), strict=True)]
    sums = {"support": support.sum(), "predicted": predicted.sum(), "undefined": ""}
    frame = pd.concat([frame, pd.DataFrame([{**row, **sums} for row in averages])], ignore_index=True)
    frame = frame.astype({"support": int, "predicted": int})
    return frame[["class", *_SCORES, "support", "predicted", "undefined"]]


def per_class(
    comparison: Comparison,
    cells: pd.DataFrame,
    confusions: Mapping[str, Sequence[Sequence[int]]],
    *,
    origins: pd.DataFrame | None = None,
    rows: Sequence[int] | None = None,
    zero_division: float = 0.0,
) -> pd.DataFrame:
    """Scores of every class for settings, the seeds of each pooled.

    Args:
        comparison: of settings.
        cells: the cells that were compared.
        confusions: test examples by true (rows) and predicted class, by cell id.
        origins: as for `pool`.
        rows: of `comparison.settings`; None takes the chosen ones.
        zero_division: as in `class_scores`.

    Returns:
        One row per setting and class (then `macro`, `weighted`): `setting` (row of `comparison.settings`), its axes,
        `chosen`, `cells`, `n` (cells with a matrix), the columns of `class_scores`, `f1_std` (sample standard deviation
        over the seeds, each by itself). A setting without any matrix keeps one row, with `class` empty and its
        `reason`.
    """
    pooled = pool(comparison, cells, confusions, origins)
    settings, axes = comparison.settings, comparison.axes
    wanted = settings[settings["chosen"]] if rows is None else settings.loc[list(rows)]
    parts = [pd.DataFrame(columns=[*_SCORES, "f1_std", "support", "predicted", "undefined"])]
    for number, row in zip(wanted.index, wanted.to_dict("records"), strict=True):
        common = {"setting": number, **{name: row[name] for name in (*axes, "chosen", "cells")}}
        own = pooled.get(number)
        if own is None:
            parts.append(pd.DataFrame([{**common, "n": 0, "class": "", "reason": "no cell has a confusion matrix"}]))
            continue
        deviations = _over_seeds(own.matrices, zero_division)
        table = class_scores(own.matrix, zero_division=zero_division)
        table = table.assign(**{"class": [*own.names, *AVERAGES]}, f1_std=deviations, reason="")
        parts.append(pd.DataFrame([{**common, "n": len(own.matrices)}], dtype=object).merge(table, how="cross"))
    names = ["setting", *axes, "chosen", "cells", "n", "class", *_SCORES, "f1_std", "support", "predicted", "undefined"]
    return pd.concat(parts, ignore_index=True).reindex(columns=[*names, "reason"])


def confused_pairs(
    comparison: Comparison,
    cells: pd.DataFrame,
    confusions: Mapping[str, Sequence[Sequence[int]]],
    *,
    origins: pd.DataFrame | None = None,
    rows: Sequence[int] | None = None,
    num_pairs: int = 5,
) -> pd.DataFrame:
    """`most_confused` of settings (None takes the chosen ones), their seeds pooled: `setting`, its axes, the pairs.

    `true` and `predicted` are names of classes, as `pool` gives them.
    """
    settings = comparison.settings
    wanted = settings.index[settings["chosen"]] if rows is None else rows
    pooled = pool(comparison, cells, confusions, origins)
    names = ["setting", *comparison.axes, "true", "predicted", "count", "share"]
    parts = [pd.DataFrame(columns=names)]
    for number in (number for number in wanted if number in pooled):
        common = pd.DataFrame([{"setting": number, **settings.loc[number, comparison.axes]}], dtype=object)
        own = pooled[number]
        pairs = most_confused(own.matrix, num_pairs)
        words = {name: [own.names[place] for place in pairs[name]] for name in ("true", "predicted")}
        parts.append(common.merge(pairs.assign(**words), how="cross"))
    return pd.concat(parts, ignore_index=True)


def _names_by_cell(origins: pd.DataFrame | None) -> dict[Any, tuple[str, ...]]:
    if origins is None or "class_names" not in origins:
        return {}
    named = zip(origins["cell_id"], origins["class_names"], strict=True)
    return {cell_id: names for cell_id, names in named if isinstance(names, tuple)}


def normalised(matrix: npt.ArrayLike) -> Floats:
    """Shares of each true class, rows summing to 1, shape `(C, C)`; NaN in the row of a class without examples."""
    counts = np.asarray(matrix, dtype=float)
    return _ratio(counts, counts.sum(axis=1, keepdims=True), math.nan)


def matrix_difference(first: npt.ArrayLike, second: npt.ArrayLike) -> Floats | None:
    """First minus second in shares of each true class, shape `(C, C)`; None where they have not the same classes.

    A row sums to 0; above 0 on the diagonal the first is better, off it worse. Over equal numbers of test examples the
    seeds need not be equal in number.
    """
    one, other = normalised(first), normalised(second)
    return one - other if one.shape == other.shape else None


def most_confused(matrix: npt.ArrayLike, num_pairs: int = 5) -> pd.DataFrame:
    """What is most often taken for what.

    Returns:
        At most `num_pairs` rows, by falling count: `true`, `predicted` (class numbers), `count`, `share` (of the
        examples of the true class). Pairs that never occur are left out.
    """
    counts = np.asarray(matrix, dtype=np.int64).copy()
    shares = normalised(counts)
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:num_pairs]
    places = [divmod(int(place), len(counts)) for place in order if counts.flat[place]]
    rows = [(true, taken, int(counts[true, taken]), float(shares[true, taken])) for true, taken in places]
    return pd.DataFrame(rows, columns=["true", "predicted", "count", "share"])


def _ratio(over: Floats, under: Floats, zero_division: float) -> Floats:
    over, under = np.broadcast_arrays(over, under)
    ratio: Floats = np.divide(over, under, out=np.full(over.shape, float(zero_division)), where=under > 0)
    return ratio


def _over_seeds(matrices: Matrix, zero_division: float) -> Floats:
    """Sample standard deviation of F1 over the cells, by class and average, shape `(C + 2,)`; NaN for one cell."""
    if len(matrices) < 2:
        return np.full(matrices.shape[1] + len(AVERAGES), math.nan)
    tables = [class_scores(matrix, zero_division=zero_division)["f1"].to_numpy() for matrix in matrices]
    deviations: Floats = np.std(tables, axis=0, ddof=1)
    return deviations


def _average(scores: Mapping[str, Floats], name: str, weights: Floats | None) -> dict[str, Any]:
    return {"class": name, **{key: _weighted(values, weights) for key, values in scores.items()}}


def _weighted(values: Floats, weights: Floats | None) -> float:
    """Of what is no NaN; where only classes without examples are left they weigh the same, as in scikit-learn."""
    known = ~np.isnan(values)
    shares = np.ones(len(values)) if weights is None else weights
    if not known.any():
        return math.nan
    return float(np.average(values[known], weights=shares[known] if shares[known].sum() else None))
