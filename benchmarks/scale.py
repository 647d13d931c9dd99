"""Ten thousand finished cells on the disk: planning, and finding nothing to do; rebuilding the tables."""

import math
import random
from collections.abc import Iterator
from typing import Any
from unittest import mock

from benchmarks.bench import Bench
from benchmarks.process import Outcome, shown
from benchmarks.table import Table, at_most
from sweeplab import record
from sweeplab.cell import Cell
from sweeplab.sweep import write_sweep
from sweeplab.verbs.plan import plan_of

AXES = [
    "optimizer=sgd,sgdm,adam,adamw,radam",
    "lr=1e-1,5e-2,2e-2,1e-2,5e-3,2e-3,1e-3,5e-4,2e-4,1e-4,5e-5,2e-5,1e-5,5e-6,2e-6,1e-6,5e-7,2e-7,1e-7,1e-8",
]
PLACES = ["dataset=digits", "tracker=none", "runtime.data_dir=OUT", "runtime.output_dir=OUT"]
EPOCHS = 20
CLASSES = 10


def scale(bench: Bench) -> list[Table]:
    """`sweeplab plan` and `sweeplab report` over 10,000 records."""
    words = [*AXES, f"seed=range(0,{3 if bench.quick else 100})", *PLACES]
    name, cells = _write(bench, words)
    plan = ["-m", "sweeplab", "plan", *words]
    report = ["-m", "sweeplab", "report", f"OUT/sweeps/{name}"]
    planned, reported = bench.run(plan), bench.run(report)
    assert f"finished: {cells} of {cells}" in planned.output, planned.output[-2000:]
    assert "100/100" in reported.output or bench.quick, reported.output[-2000:]
    rows = [_row("plan", cells, planned, goal_s=20), _row("report", cells, reported, goal_s=30)]
    header = ["", "cells", "n", "wall time, s", "goal", "peak memory, GiB", "goal for memory"]
    note = "Written through `sweeplab.record` with made-up figures, 20 epochs each; files in the page cache."
    return [Table("10,000 finished cells", header, rows, [shown(plan), shown(report)], [note])]


def _row(verb: str, cells: int, outcome: Outcome, *, goal_s: float) -> list[str]:
    gib = outcome.peak_bytes / 2**30
    time = [f"{outcome.wall_s:.1f}", at_most(outcome.wall_s, goal_s, " s")]
    return [verb, f"{cells:,}", "1", *time, f"{gib:.2f}", at_most(gib, 1, " GiB")]


def _write(bench: Bench, words: list[str]) -> tuple[str, int]:
    """Records of every cell of a plan, all completed; returns the sweep's name and its number of cells."""
    out = str(bench.places()["OUT"])
    plan = plan_of([word.replace("=OUT", f"={out}") for word in words])
    random_ = random.Random(0)
    # what survives a power cut is of no use here, and 10,000 flushes take minutes
    with mock.patch("os.fsync"):
        write_sweep(plan, command=["python", "-m", "sweeplab", "-m", *words], code=CODE)
        for cell in plan.cells:
            folder = record.cell_folder(out, cell.id)
            lines = list(_epochs(random_))
            for line in lines:
                record.append_metrics(folder, line)
            record.write_result(folder, _result(cell, lines, random_))
            record.write_status(folder, record.COMPLETED, 1)
    return plan.name, len(plan.cells)


CODE = {"git_commit": "0" * 40, "git_dirty": False}


def _epochs(random_: random.Random) -> Iterator[dict[str, Any]]:
    ability = random_.uniform(0.3, 1.0)
    for epoch in range(1, EPOCHS + 1):
        accuracy = ability * (1 - math.exp(-epoch / 5)) * random_.uniform(0.97, 1.0)
        scores = {f"{split}/accuracy": accuracy for split in ("train", "val")}
        losses = {f"{split}/loss": -math.log(accuracy) for split in ("train", "val")}
        times = {"train_time_s": 0.2 * epoch, "wall_time_s": 0.3 * epoch}
        yield {"epoch": epoch, "step": 40 * epoch, **losses, **scores, "lr": 1e-3, **times}


def _result(cell: Cell, lines: list[dict[str, Any]], random_: random.Random) -> dict[str, Any]:
    best = max(lines, key=lambda line: line["val/accuracy"])
    tested = {"test/accuracy": best["val/accuracy"] - 0.01, "test/loss": best["val/loss"] + 0.01}
    metrics = {key: value for key, value in best.items() if "/" in key}
    return {
        **record.blank_result(cell),
        "attempt": 1,
        "state": record.COMPLETED,
        "metrics": metrics | tested,
        "last_metrics": {key: value for key, value in lines[-1].items() if "/" in key},
        "best_epoch": best["epoch"],
        "steps": lines[-1]["step"],
        "epochs": EPOCHS,
        "wall_time_s": lines[-1]["wall_time_s"],
        "train_time_s": lines[-1]["train_time_s"],
        "num_parameters": 50_890,
        "confusion_matrix": [[random_.randrange(40) for _ in range(CLASSES)] for _ in range(CLASSES)],
        "initial_weights_hash": random_.randbytes(32).hex(),
        "data_order_hash": random_.randbytes(32).hex(),
        "provenance": {
            "python": "3.11.0",
            "torch": "2.0.0",
            "lightning": "2.0.0",
            "sweeplab": "0.1.0",
            "device": "a processor with a name of usual length",
            "host": "host",
            "threads": 1,
            **CODE,
        },
    }
