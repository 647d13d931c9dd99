"""All that the guards look at: a sweep's cells with where they come from, and what was made of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeplab.cell import label
from sweeplab.compare.comparison import Comparison
from sweeplab.compare.guards.guard import TableName
from sweeplab.compare.settings import COMPLETED, is_missing, positions, setting_axes

Floats = npt.NDArray[np.float64]
_WORKLOAD = ("model", "dataset")


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What there is to look at.

    `cells`: one row per cell: `cell_id`, `state`, every axis, metrics as `split/name`, `steps`. `axes`: in the order of
    the sweep, with or without `seed`. `comparison`: of these cells. `origins`: one row per cell with a result, as
    `sweeplab.records.Records` has them. `confusions`: test examples by true (rows) and predicted class, by cell id.
    `curves`: one row per cell and epoch: `cell_id`, `epoch`, `lr`, metrics; None where they were not read. `pairs`: one
    row per two settings compared: `verdict`; None where none were. `folder`: of the sweep, as one would type it.
    """

    cells: pd.DataFrame
    axes: Sequence[str]
    comparison: Comparison
    origins: pd.DataFrame
    confusions: Mapping[str, Sequence[Sequence[int]]]
    curves: pd.DataFrame | None
    pairs: pd.DataFrame | None
    folder: str = "FOLDER"

    @cached_property
    def setting(self) -> "pd.Series[int]":
        """For each cell the index of its setting in `comparison.settings`."""
        return positions(self.cells, setting_axes(self.axes))

    @cached_property
    def completed(self) -> "pd.Series[bool]":
        """Which cells have all their figures."""
        return self.cells["state"] == COMPLETED

    @property
    def workload_axes(self) -> list[str]:
        """The axes that vary and make a workload: model, data set and their parts."""
        return [axis for axis in self.comparison.varying if axis.partition(".")[0] in _WORKLOAD]

    @property
    def arm_axes(self) -> list[str]:
        """The axes that tell apart what is compared within a workload: the optimizer, or else all that are not tuned.

        Whatever else varies with the optimizer belongs to the budget that each optimizer was given.
        """
        apart = [*self.workload_axes, *self.comparison.over]
        others = [axis for axis in self.comparison.varying if axis not in apart]
        return ["optimizer"] if "optimizer" in others else others

    @cached_property
    def names(self) -> dict[Any, str]:
        """Each setting, by its index, in words: the axes that vary."""
        axes = self.comparison.varying or self.comparison.axes
        return dict(zip(self.comparison.settings.index, names(self.comparison.settings, axes), strict=True))

    @cached_property
    def members(self) -> dict[Any, tuple[str, ...]]:
        """Each setting, by its index, with the ids of its cells."""
        return {setting: tuple(ids) for setting, ids in self.cells["cell_id"].groupby(self.setting)}

    @property
    def chosen_in(self) -> TableName:
        """The table that shows what was chosen; that of all settings where nothing was tuned."""
        return "choice" if self.comparison.over else "settings"

    def ids(self, rows: "pd.Series[bool]") -> tuple[str, ...]:
        """Ids of the cells for which `rows` is true."""
        return tuple(self.cells.loc[rows, "cell_id"])

    def value(self, name: str) -> "pd.Series[Any]":
        """For each cell its value on an axis, or else what its origin says; missing where neither is known."""
        if name in self.axes:
            return self.cells[name]
        if name not in self.origins:
            return pd.Series(None, index=self.cells.index, dtype=object)
        known = self.origins.set_index("cell_id")[name].astype(object)
        return known.reindex(self.cells["cell_id"]).set_axis(self.cells.index)

    def traces(self, column: str) -> Iterator[tuple[str, Floats, Floats]]:
        """For each cell that recorded `column`: its id, the epochs and the values there, epochs ascending."""
        if self.curves is None or column not in self.curves:
            return
        frame = self.curves[["cell_id", "epoch", column]].dropna()
        codes, ids = pd.factorize(frame["cell_id"])
        epochs, values = frame["epoch"].to_numpy(float), frame[column].to_numpy(float)
        order = np.lexsort((epochs, codes))
        ends = np.flatnonzero(np.diff(codes[order])) + 1
        parts = zip(np.split(epochs[order], ends), np.split(values[order], ends), strict=True)
        yield from ((str(cell_id), *part) for cell_id, part in zip(ids, parts, strict=False))


def names(table: pd.DataFrame, axes: Sequence[str]) -> list[str]:
    """Each row in words, by those of `axes` that it has; empty where it has none."""
    if not axes:
        return [""] * len(table)
    rows = [
        {key: value for key, value in row.items() if not is_missing(value)}
        for row in table[list(axes)].to_dict("records")
    ]
    return [label(row) if row else "" for row in rows]  # type: ignore[arg-type]
