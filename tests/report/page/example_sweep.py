"""A sweep's frames made by hand, with names that would be markup anywhere they are not escaped."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sweeplab.compare import Comparison, compare
from sweeplab.records import Failure, Records
from sweeplab.report.page import Page, build_page
from sweeplab.sweep import Sweep, read_sweep

SELECT = {"monitor": "val/accuracy", "mode": "max", "data": "held_out", "epoch": "best"}
METRICS = ("train/loss", "val/loss", "val/accuracy", "test/accuracy")
RATES = (1e-3, 1e-2, 1e-1)
PLAIN = ["adam", "sgd"]
HOSTILE = [
    "<img src=x onerror=window.pwned=1>",
    "</script><script>window.pwned=1</script>",
    '"><svg/onload=window.pwned=1>',
    "javascript:window.pwned=1",
    '<a href="https://evil.example/">link</a>',
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;<b>%{x}",
    "<!--<script>",
]


def make_cells(optimizers: list[str], *, sizes: tuple[int, ...] = (16, 32), seeds: int = 3) -> pd.DataFrame:
    """Random metrics from a fixed seed; the last cell of each optimizer failed."""
    rng = np.random.default_rng(0)
    rows = [
        {"optimizer": name, "lr": lr, "batch_size": size, "seed": seed}
        for name in optimizers
        for lr in RATES
        for size in sizes
        for seed in range(seeds)
    ]
    cells = pd.DataFrame(rows)
    cells.insert(0, "cell_id", [f"{number:012x}" for number in range(len(cells))])
    cells.insert(1, "state", "completed")
    for metric in METRICS:
        cells[metric] = rng.uniform(0.1, 0.9, len(cells))
    failed = ~cells["optimizer"].duplicated(keep="last")
    cells.loc[failed, "state"] = "failed"
    cells.loc[failed, list(METRICS)] = np.nan
    return cells


def make_curves(cells: pd.DataFrame, epochs: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    num = len(cells) * epochs
    return pd.DataFrame(
        {
            "cell_id": np.repeat(cells["cell_id"], epochs).to_numpy(),
            "epoch": np.tile(np.arange(1, epochs + 1), len(cells)),
            "train/loss": rng.uniform(0.01, 2, num),
            "val/accuracy": rng.uniform(0.1, 0.9, num),
            "train_time_s": np.tile(np.arange(1, epochs + 1) / 2, len(cells)),
        }
    )


def make_sweep(folder: Path, cells: pd.DataFrame, **more: Any) -> Sweep:
    axes = ["optimizer", "lr", "batch_size", "seed"]
    rows = cells[["cell_id", *axes]].to_dict("records")
    plan = {
        "name": "example",
        "command": "python -m sweeplab -m lr=1e-3,1e-2",
        "axes": {axis: list(dict.fromkeys(row[axis] for row in rows)) for axis in axes},
        "select": SELECT,
        "cells": [{"cell_id": row["cell_id"], "axes": {axis: row[axis] for axis in axes}} for row in rows],
        **more,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sweep.json").write_text(json.dumps(plan))
    return read_sweep(folder)


def make_records(cells: pd.DataFrame, word: str = "plain") -> Records:
    rng = np.random.default_rng(2)
    failed = cells.loc[cells["state"] == "failed", "cell_id"]
    return Records(
        cells=cells,
        origins=pd.DataFrame({"cell_id": cells["cell_id"], "device": word, "host": word}),
        confusions={cell_id: rng.integers(0, 30, (3, 3)).tolist() for cell_id in cells["cell_id"]},
        failures=[
            Failure(cell_id, word, "failed", f"RuntimeError: {word}", Path(word) / "log.txt") for cell_id in failed
        ],
    )


def compared(cells: pd.DataFrame) -> Comparison:
    return compare(cells, ["optimizer", "lr", "batch_size", "seed"], select=SELECT)


def make_page(folder: Path, optimizers: list[str], word: str = "plain", **more: Any) -> Page:
    cells = make_cells(optimizers)
    return build_page(
        make_sweep(folder, cells, **more),
        make_records(cells, word),
        compared(cells),
        make_curves(cells),
        headline=[f"{word} is best."],
        notes={"settings": [word], "learning_rate": [word]},
        extra=[],
    )


def hostile_page(folder: Path) -> Page:
    """Every place that takes a word takes all the hostile ones."""
    word = " ".join(HOSTILE)
    return make_page(folder, HOSTILE, word, name=word, notes=HOSTILE, command=word)
