"""What the cells of a sweep left behind, read once, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeplab import record
from sweeplab.cell import label
from sweeplab.sweep import Sweep

if TYPE_CHECKING:
    import pandas as pd

# Columns of the table of cells behind the axes and the metrics.
_FIGURES = ("best_epoch", "epochs", "steps", "wall_time_s", "train_time_s", "peak_memory_bytes", "num_parameters")
_CHOICES = ("dataset", "model", "optimizer", "scheduler")
_CONFIG = ("max_epochs", "batch_size", "precision", "weight_decay", "l2")
_PROVENANCE = (
    *("git_commit", "git_dirty", "sweeplab", "torch", "lightning", "python"),
    *("device", "device_share", "host", "threads"),
)
_HASHES = ("initial_weights_hash", "data_order_hash")


@dataclass(frozen=True)
class Failure:
    """A cell that ended without a result: its readable name, state, the error in one line, and where its log is."""

    cell_id: str
    name: str
    state: str
    reason: str
    log: Path


@dataclass(frozen=True)
class Records:
    """Everything of a sweep's cells but their curves.

    `cells`: one row per cell in the plan's order: `cell_id`, `state`, axes, metrics as `split/name`, figures; a cell
    without a verified result keeps its row, with its state and no figures. `origins`: one row per cell with a result:
    `cell_id`, the files chosen (`dataset`, `model`, `optimizer`, `scheduler`), what was asked (`max_epochs`, …, and
    `augmented_evaluation`: whether examples of validation and test are changed at random too; `class_names`: words for
    the labels in their order, or None), with what it was trained (`git_commit`, `device`, `device_share`, `torch`, …)
    and the hashes that show which cells are paired.
    `confusions`: test examples by true (rows) and predicted class, by cell id.
    """

    cells: pd.DataFrame
    origins: pd.DataFrame
    confusions: dict[str, list[list[int]]]
    failures: list[Failure]


def read_records(sweep: Sweep) -> Records:
    """Read and verify every cell's result, once."""
    import pandas as pd

    rows, origins, metrics = [], [], dict[str, None]()
    confusions: dict[str, list[list[int]]] = {}
    lost: list[Failure] = []
    for cell_id, axes in sweep.cells:
        folder = sweep.cell_folder(cell_id)
        result = record.read_result(folder)
        state = record.read_state(folder) if result is None else result["state"]
        found = dict((result or {}).get("metrics") or {})
        metrics |= dict.fromkeys(found)
        figures = {key: (result or {}).get(key) for key in _FIGURES}
        rows.append({"cell_id": cell_id, "state": state, **_hashable(axes), **found, **figures})
        if result is None:
            continue
        origins.append({"cell_id": cell_id, **_origin(result, sweep.choices.get(cell_id, {}))})
        if result.get("confusion_matrix"):
            confusions[cell_id] = result["confusion_matrix"]
        lost += _failure(cell_id, axes, result, folder)
    columns = ["cell_id", "state", *sweep.axes, *metrics, *_FIGURES]
    named = ["cell_id", *_CHOICES, *_CONFIG, "augmented_evaluation", "class_names", *_PROVENANCE, *_HASHES]
    return Records(
        cells=pd.DataFrame(rows, columns=list(dict.fromkeys(columns))),
        origins=pd.DataFrame(origins, columns=named),
        confusions=confusions,
        failures=lost,
    )


def read_curves(sweep: Sweep, cell_ids: Iterable[str]) -> pd.DataFrame:
    """Tidy table of evaluations, one row per cell and epoch: `cell_id`, `epoch`, `step`, metrics, `lr`, times.

    A cell without any evaluation has no row.
    """
    import pandas as pd

    rows = [
        {"cell_id": cell_id, **line} for cell_id in cell_ids for line in record.read_metrics(sweep.cell_folder(cell_id))
    ]
    return pd.DataFrame(rows, columns=list(dict.fromkeys(["cell_id", "epoch", *(key for row in rows for key in row)])))


def read_failures(sweep: Sweep) -> list[Failure]:
    """The cells that ended without a result."""
    found: list[Failure] = []
    for cell_id, axes in sweep.cells:
        folder = sweep.cell_folder(cell_id)
        found += _failure(cell_id, axes, record.read_result(folder), folder)
    return found


def last_line(error: Mapping[str, Any] | None) -> str:
    """An error in one line: its class and the first line of its message."""
    if not error:
        return ""
    message = (str(error.get("message") or "").strip().splitlines() or [""])[0]
    return f"{error.get('class')}: {message}" if message else str(error.get("class"))


def _failure(
    cell_id: str, axes: Mapping[str, Any], result: Mapping[str, Any] | None, folder: record.CellFolder
) -> list[Failure]:
    if result is None or result["state"] not in record.FAILURE_STATES:
        return []
    return [Failure(cell_id, label(axes), result["state"], last_line(result.get("error")), folder.log)]


def _origin(result: Mapping[str, Any], choices: Mapping[str, str]) -> dict[str, Any]:
    provenance, config = result.get("provenance") or {}, result.get("config") or {}
    dataset = config.get("dataset") or {}
    return {
        **{key: choices.get(key) for key in _CHOICES},
        **{key: config.get(key) for key in _CONFIG},
        "augmented_evaluation": _is_augmented(dataset.get("augment")),
        "class_names": _words(dataset.get("class_names") or dataset.get("classes")),
        **{key: provenance.get(key) for key in _PROVENANCE},
        **{key: result.get(key) for key in _HASHES},
    }


def _words(names: Any) -> tuple[str, ...] | None:
    return tuple(map(str, names)) if isinstance(names, list) else None


def _is_augmented(augment: Any) -> bool:
    """Whether evaluation examples are changed too, by what `dataset.augment` asks for."""
    steps = augment if isinstance(augment, list) else [augment]
    return any(isinstance(step, Mapping) and str(step.get("_target_")).endswith(".EverySplit") for step in steps)


def _hashable(axes: Mapping[str, Any]) -> dict[str, Any]:
    """Lists as text: a table groups by them."""
    return {key: record.to_json(value) if isinstance(value, list | dict) else value for key, value in axes.items()}
