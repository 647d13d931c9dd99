"""The start of a cell: from the moment its slot is free to its first optimizer step, in the real launcher."""

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from unittest import mock

from rich.console import Console

from benchmarks.bench import Bench
from benchmarks.process import in_own_process, shown
from benchmarks.table import Table, at_most
from sweeplab.launch.conduct import conduct
from sweeplab.report.live import LiveView
from sweeplab.verbs.plan import plan_of

CLOCKED = '''
"""Adam that writes down when it is first asked to step, by the clock that all processes share."""

import os
import time

import torch


class Adam(torch.optim.Adam):
    has_stepped = False

    def __init__(self, params, lr, weight_decay, betas, eps, amsgrad, fused):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, fused=fused)

    def step(self, closure=None):
        if not self.has_stepped:
            self.has_stepped = True
            with open(os.environ["FIRST_STEPS"], "a") as file:
                file.write(f"{time.monotonic()}\\n")
        return super().step(closure)
'''

TRACKERS = {"none": (["tracker=none"], 0.2), "W&B, offline": (["tracker=wandb", "tracker.mode=offline"], 0.8)}


class Clock(LiveView):
    """The sweep's own view, which also notes when a slot became free and when its next process was started."""

    def __init__(self, console: Console, total: int, finished_before: int, labels: Mapping[str, str]) -> None:
        super().__init__(console, total, finished_before, labels)
        CLOCKS.append(self)
        self.freed_s: list[float] = []

    def ended(
        self, cell_id: str, state: str, metrics: Mapping[str, float], wall_time_s: float, error: str | None
    ) -> None:
        """A slot is free."""
        assert state == "completed", error
        super().ended(cell_id, state, metrics, wall_time_s, error)
        self.freed_s.append(time.monotonic())


CLOCKS: list[Clock] = []


def start(bench: Bench) -> list[Table]:
    """Without a tracker and with W&B offline, and a fresh interpreter beside them."""
    package = bench.scratch / "package"
    package.mkdir()
    (package / "clocked.py").write_text(CLOCKED)
    sys.path.insert(0, str(package))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(package), os.environ.get("PYTHONPATH")]))
    repeats = 3 if bench.quick else 15
    rows = [_row(bench, name, words, goal, repeats) for name, (words, goal) in TRACKERS.items()]
    imports = ["-c", "import torch, pytorch_lightning, torchmetrics, hydra"]
    bench.run(imports)
    fresh = [bench.run(imports).wall_s for _ in range(1 if bench.quick else 3)]
    rows.append(["a fresh interpreter: imports alone", str(len(fresh)), *_spread(fresh), ""])
    header = ["", "n", "median, s", "min to max, s", "goal"]
    note = (
        "From the end of the previous cell, as the launcher sees it, to the first call of the optimizer's step in the "
        "next: process, configuration, tracker, data, network, hashes and the first forward and backward pass. One "
        "slot, one torch thread, LeNet on Fashion-MNIST (digits where that is missing)."
    )
    return [Table("Start of a cell: slot free to first optimizer step", header, rows, [_line(bench)], [note])]


def _row(bench: Bench, name: str, words: list[str], goal: float, repeats: int) -> list[str]:
    out = bench.scratch / words[0].partition("=")[2]
    # a fork server is one per process, and has imported what its first sweep needed
    seconds = in_own_process(_starts, bench, words, repeats, out)
    return [f"tracker: {name}", str(len(seconds)), *_spread(seconds), at_most(median(seconds), goal, " s")]


def _spread(seconds: list[float]) -> list[str]:
    return [f"{median(seconds):.3f}", f"{min(seconds):.3f} to {max(seconds):.3f}"]


def _words(bench: Bench) -> list[str]:
    data = ["dataset=fashion_mnist", "dataset.download=false"] if bench.data else ["dataset=digits"]
    words = ["model=lenet", *data, "batch_size=128", "max_epochs=1", "limit_batches=1", "runtime.accelerator=cpu"]
    clocked = ["optimizer=adam", "optimizer._target_=clocked.Adam", "trusted_targets=[clocked.]"]
    return [*words, *clocked, "runtime.cells_at_once=1", "runtime.threads_per_cell=1"]


def _line(bench: Bench) -> str:
    return shown(["-m", "sweeplab", "-m", "seed=range(0,16)", *_words(bench), "tracker=…"])


def _starts(bench: Bench, words: list[str], repeats: int, out: Path) -> list[float]:
    """Seconds from one cell's end to the next one's first step; the first cell has no predecessor."""
    steps = out.with_suffix(".steps")
    os.environ["FIRST_STEPS"] = str(steps)
    places = [f"runtime.data_dir={bench.data or bench.scratch / 'data'}", f"runtime.output_dir={out}"]
    plan = plan_of([f"seed=range(0,{repeats + 1})", *_words(bench), *words, *places])
    with mock.patch("sweeplab.launch.conduct.LiveView", Clock), out.with_suffix(".txt").open("w") as printed:
        assert conduct(plan, Console(file=printed)) == 0, out.with_suffix(".txt").read_text()
    stepped = [float(line) for line in steps.read_text().splitlines()]
    freed = CLOCKS[-1].freed_s
    assert len(stepped) == len(freed) == repeats + 1
    return [after - before for before, after in zip(freed[:-1], stepped[1:], strict=True)]
