"""How long cells will take, from finished cells of the same model, data set and batch size."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from sweeplab.cell import Cell, canonical, science
from sweeplab.record import COMPLETED, CellFolder, read_result


@dataclass(frozen=True)
class Estimate:
    """Seconds of one slot, over the cells whose likes have finished; `unknown` cells have none."""

    seconds: float
    known: int
    unknown: int


def estimate(cells: Sequence[Cell], output_dir: str) -> Estimate:
    """Sum over cells of the median seconds per epoch of their likes, times the epochs asked for."""
    rates = seconds_per_epoch(finished(output_dir))
    found = [rates[key] * cell.config["max_epochs"] for cell in cells if (key := kind(cell.config)) in rates]
    return Estimate(sum(found), len(found), len(cells) - len(found))


def kind(config: Mapping[str, Any]) -> str:
    """What decides a cell's speed: its model, data set and batch size."""
    counted = science(config)
    return json.dumps(canonical({key: counted[key] for key in ("model", "dataset", "batch_size")}), sort_keys=True)


def seconds_per_epoch(results: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Median wall-clock seconds per epoch by kind of cell."""
    rates: dict[str, list[float]] = defaultdict(list)
    for result in results:
        if result["state"] == COMPLETED and result["epochs"] and result["wall_time_s"]:
            rates[kind(result["config"])].append(result["wall_time_s"] / result["epochs"])
    return {key: median(values) for key, values in rates.items()}


def finished(output_dir: str) -> Iterable[dict[str, Any]]:
    """Every verified result under the output directory."""
    for path in sorted(Path(output_dir).glob("cells/*/result.json")):
        result = read_result(CellFolder(path.parent))
        if result is not None:
            yield result
