"""Evidence made by hand: rows of cells, and beside them whatever a guard looks at."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from sweeplab.compare import compare
from sweeplab.compare.guards import Evidence, look

SELECT = {"monitor": "val/accuracy", "mode": "max", "data": "held_out", "epoch": "best"}
ORIGIN = {
    "dataset": "cifar10",
    "model": "lenet",
    "optimizer": "adam",
    "scheduler": "constant",
    "max_epochs": 50,
    "batch_size": 32,
    "precision": "32-true",
    "weight_decay": 0.0,
    "l2": 0.0,
    "augmented_evaluation": False,
    "git_commit": "0123456789",
    "git_dirty": False,
    "sweeplab": "0.1",
    "torch": "2.10",
    "lightning": "2.6",
    "device": "H200",
    "host": "a",
    "threads": 1,
    "initial_weights_hash": "w",
    "data_order_hash": "o",
}


def evidence(
    rows: Sequence[Mapping[str, Any]],
    axes: Sequence[str],
    *,
    select: Mapping[str, str] | None = None,
    origins: Mapping[str, Sequence[Any]] | None = None,
    confusions: Mapping[int, Sequence[Sequence[int]]] | None = None,
    curves: Mapping[int, Mapping[str, Sequence[float]]] | None = None,
    verdicts: Sequence[str] | None = None,
) -> Evidence:
    """Cells `c0`, `c1`, … of these rows; `origins` by column, `confusions` and `curves` by number of the cell."""
    blank = {"state": "completed", "steps": 100, "val/accuracy": 0.5}
    cells = pd.DataFrame([{"cell_id": f"c{number}", **blank, **row} for number, row in enumerate(rows)])
    known = pd.DataFrame([{**ORIGIN, **{axis: row[axis] for axis in axes if axis in ORIGIN}} for row in rows])
    traces = [
        pd.DataFrame({"cell_id": f"c{number}", **trace}).assign(epoch=lambda frame: range(1, len(frame) + 1))
        for number, trace in (curves or {}).items()
    ]
    return Evidence(
        cells=cells,
        axes=axes,
        comparison=compare(cells, axes, select={**SELECT, **(select or {})}),
        origins=known.assign(cell_id=cells["cell_id"], **(origins or {})),
        confusions={f"c{number}": matrix for number, matrix in (confusions or {}).items()},
        curves=pd.concat(traces, ignore_index=True) if traces else None,
        pairs=None if verdicts is None else pd.DataFrame({"verdict": verdicts}),
    )


def grid(**values: Sequence[Any]) -> list[dict[str, Any]]:
    """Every combination of the values, first axis slowest."""
    rows: list[dict[str, Any]] = [{}]
    for name, choices in values.items():
        rows = [{**row, name: value} for row in rows for value in choices]
    return rows


def said(guard: str, found: Evidence) -> list[str]:
    """The words of one guard, as a reader gets them."""
    return [remark.words for remark in look(found) if remark.guard == guard]
