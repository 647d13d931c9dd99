"""What a comparison comes to: settings against each other, and what stands against the figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from sweeplab.compare.comparison import Comparison
from sweeplab.compare.guards import Evidence, Remark, look
from sweeplab.compare.winners import mark_winners


@dataclass(frozen=True)
class Analysis:
    """`comparison`: with its winners marked; `pairs`: of the chosen settings; `remarks`: of all guards."""

    comparison: Comparison
    pairs: pd.DataFrame
    remarks: list[Remark]


def analyse(
    comparison: Comparison,
    cells: pd.DataFrame,
    axes: Sequence[str],
    *,
    origins: pd.DataFrame,
    confusions: Mapping[str, Sequence[Sequence[int]]],
    curves: pd.DataFrame | None,
    folder: str = "FOLDER",
) -> Analysis:
    """Compare the chosen settings pair by pair, and let every guard look.

    Args:
        comparison: of `cells`.
        cells: one row per cell: `cell_id`, `state`, every axis, metrics as `split/name`, figures.
        axes: in the order of the sweep, with or without `seed`.
        origins: one row per cell with a result, as `sweeplab.records.Records` has them.
        confusions: test examples by true (rows) and predicted class, by cell id.
        curves: one row per cell and epoch, of all cells or some; None where they were not read.
        folder: of the sweep, as one would type it.
    """
    sizes = {sum(map(sum, matrix)) for matrix in confusions.values()}
    # several data sets have several sizes, and a pair does not say which is its own
    pairs = comparison.pairs(cells, num_test=sizes.pop() if len(sizes) == 1 else None)
    evidence = Evidence(
        cells=cells,
        axes=axes,
        comparison=comparison,
        origins=origins,
        confusions=confusions,
        curves=curves,
        pairs=pairs,
        folder=folder,
    )
    return Analysis(mark_winners(comparison, pairs), pairs, look(evidence))
