"""Ten thousand finished cells on the disk: planning, and finding nothing to do; the whole report, figures and page."""

import math
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
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
EPOCHS = 50
CLASSES = 10
NUM_TEST = 360  # examples, as many of each class
MAX_PAGE_MB = 8
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr"]
DRAWING_MS = 30_000  # of the page's own clock, which stands still while it works


def scale(bench: Bench) -> list[Table]:
    """`sweeplab plan` and `sweeplab report` over 10,000 records, and the page in a browser."""
    words = [*AXES, f"seed=range(0,{3 if bench.quick else 100})", *PLACES]
    name, cells = _write(bench, words)
    plan = ["-m", "sweeplab", "plan", *words]
    report = ["-m", "sweeplab", "report", f"OUT/sweeps/{name}"]
    planned, reported = bench.run(plan), bench.run(report)
    assert f"finished: {cells} of {cells}" in planned.output, planned.output[-2000:]
    assert "100/100" in reported.output or bench.quick, reported.output[-2000:]
    folder = Path(bench.places()["OUT"]) / "sweeps" / name
    assert list(folder.glob("figures/*.png")), reported.output[-2000:]
    rows = [
        _row("plan", cells, planned, goal_s=20, goal_gib=1),
        _row("report, with figures and page", cells, reported, goal_s=60, goal_gib=1.5),
    ]
    header = ["", "cells", "n", "wall time, s", "goal", "peak memory, GiB", "goal for memory"]
    note = (
        f"Written through `sweeplab.record` with made-up figures, {EPOCHS} epochs each; files in the page cache. The "
        "report reads every result, and the epochs of the settings that validation chose."
    )
    return [Table("10,000 finished cells", header, rows, [shown(plan), shown(report)], [note, *_page(folder)])]


def _row(verb: str, cells: int, outcome: Outcome, *, goal_s: float, goal_gib: float) -> list[str]:
    gib = outcome.peak_bytes / 2**30
    wall_time = [f"{outcome.wall_s:.1f}", at_most(outcome.wall_s, goal_s, " s")]
    return [verb, f"{cells:,}", "1", *wall_time, f"{gib:.2f}", at_most(gib, goal_gib, " GiB")]


def _page(folder: Path) -> list[str]:
    """How large the page is, and how it does in a browser."""
    page = folder / "report.html"
    size_mb = page.stat().st_size / 1e6
    size = f"`report.html`: {size_mb:.1f} MB ({at_most(size_mb, MAX_PAGE_MB, ' MB')})"
    if CHROMIUM is None:
        return [f"{size}; no Chromium here to open it in."]
    num_charts, complaints, wall_s = _open(page)
    words = f"{len(complaints)} messages" if complaints else "nothing"
    return [f"{size}; headless Chromium draws its {num_charts} charts in {wall_s:.1f} s, {words} in the console."]


def _open(page: Path) -> tuple[int, list[str], float]:
    """Number of charts, the lines of the browser's console, and the time it took from its start to its end."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(prefix="sweeplab-bench-") as profile:
        flags = [*FLAGS, f"--user-data-dir={profile}", f"--virtual-time-budget={DRAWING_MS}", "--dump-dom"]
        started_s = time.perf_counter()
        shown_ = subprocess.run([CHROMIUM, *flags, page.as_uri()], capture_output=True, text=True, timeout=300)
        wall_s = time.perf_counter() - started_s
    charts = page.read_text(encoding="utf-8").count('<div class="chart"')
    drawn = shown_.stdout.count('class="chart js-plotly-plot"')
    assert drawn >= charts > 0, f"{drawn} of {charts} charts are drawn:\n{shown_.stderr[-2000:]}"
    return charts, [line for line in shown_.stderr.splitlines() if "CONSOLE" in line], wall_s


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
    num_right = round(best["val/accuracy"] * NUM_TEST)
    tested = {"test/accuracy": num_right / NUM_TEST, "test/loss": best["val/loss"] + 0.01}
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
        "confusion_matrix": list(_confusion(num_right, random_)),
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


def _confusion(num_right: int, random_: random.Random) -> Iterator[list[int]]:
    """Right answers spread evenly over the classes, wrong ones anywhere."""
    for label in range(CLASSES):
        right = (num_right + label) // CLASSES
        others = [answer for answer in range(CLASSES) if answer != label]
        answers = [label] * right + random_.choices(others, k=NUM_TEST // CLASSES - right)
        yield [answers.count(answer) for answer in range(CLASSES)]
