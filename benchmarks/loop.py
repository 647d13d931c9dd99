"""One cell against a bare PyTorch loop over the same tensors, in one process and on one thread, in turns."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.bench import Bench
from benchmarks.table import Table, at_most
from sweeplab.build import build
from sweeplab.cell import Cell
from sweeplab.data import Source
from sweeplab.data.split import all_but, held_out
from sweeplab.record import CellFolder
from sweeplab.run import Surroundings, run_cell
from sweeplab.verbs.plan import plan_of

GOALS = {"lenet": 1.15, "mlp": 1.35}
EPOCHS = {"lenet": 1, "mlp": 3}


@dataclass(frozen=True)
class Times:
    """Seconds of training alone, and of everything from the files to the test."""

    train_s: float
    whole_s: float
    accuracy: float


def loop(bench: Bench) -> list[Table]:
    """LeNet and MLP, each side several times in turns."""
    torch.set_num_threads(1)
    repeats = 2 if bench.quick else 7
    rows = [row for model in EPOCHS for row in _rows(bench, model, repeats)]
    header = ["", "epochs", "n", "bare loop, s", "sweeplab, s", "ratio of medians", "of pairs, min to max", "goal"]
    note = (
        "Seconds are medians of n runs in turns, after one of each that does not count. Training: the epochs without "
        "evaluation. Whole: from the arrays on the disk to the record of the tested cell, evaluation of every epoch "
        "and the test of the best weights included; sweeplab also hashes, logs and writes its files. The bare loop "
        "has the same network, uint8 tensors, normalisation, optimizer (fused Adam), memory layout and metrics."
    )
    return [
        Table("One cell against a bare PyTorch loop, one thread", header, rows, ["python -m benchmarks loop"], [note])
    ]


def _rows(bench: Bench, model: str, repeats: int) -> Iterator[list[str]]:
    cell = _cell(bench, model)
    pairs = []
    for turn in range(repeats + 1):
        bare = _bare(cell.config)
        ours = _ours(cell, bench.scratch / f"{model}-{turn}")
        pairs.append((bare, ours))
    pairs = pairs[1:]
    for what, seconds in (("training", _train_s), ("whole", _whole_s)):
        bare_s, ours_s = (median(seconds(pair[side]) for pair in pairs) for side in (0, 1))
        ratios = [seconds(ours) / seconds(bare) for bare, ours in pairs]
        figures = [
            f"{bare_s:.3f}",
            f"{ours_s:.3f}",
            f"{ours_s / bare_s:.3f}",
            f"{min(ratios):.3f} to {max(ratios):.3f}",
        ]
        goal = at_most(ours_s / bare_s, GOALS[model], " x")
        yield [f"{model}, {what}", str(EPOCHS[model]), str(repeats), *figures, goal]


def _train_s(times: Times) -> float:
    return times.train_s


def _whole_s(times: Times) -> float:
    return times.whole_s


def _cell(bench: Bench, model: str) -> Cell:
    words = [f"model={model}", f"max_epochs={EPOCHS[model]}", "dataset=fashion_mnist", "dataset.download=false"]
    words += ["optimizer=adam", "batch_size=128", "tracker=none", "runtime.accelerator=cpu"]
    cell = plan_of([*words, f"runtime.data_dir={bench.data}"]).cells[0]
    _source(cell.config).prepare()
    return cell


def _source(config: dict[str, Any]) -> Source:
    source = build(config["dataset"], trusted=[])
    assert isinstance(source, Source)
    return source


def _ours(cell: Cell, folder: Path) -> Times:
    started_s = time.perf_counter()
    result = run_cell(cell, CellFolder(folder / cell.id), Surroundings())
    whole_s = time.perf_counter() - started_s
    assert result["state"] == "completed", result["error"]
    return Times(result["train_time_s"], whole_s, result["metrics"]["test/accuracy"])


def _bare(config: dict[str, Any]) -> Times:
    """The plainest loop that gives the same figures."""
    started_s = time.perf_counter()
    train, val, test = _splits(config)
    torch.manual_seed(config["seed"])
    model = build(config["model"], trusted=[]).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=config["lr"], fused=True)
    train_s, best, weights = 0.0, -1.0, {}
    for _ in range(config["max_epochs"]):
        epoch_s = time.perf_counter()
        _learn(model, optimizer, train, config["batch_size"])
        train_s += time.perf_counter() - epoch_s
        _, accuracy = _evaluate(model, val)
        if accuracy > best:
            best, weights = accuracy, {key: value.clone() for key, value in model.state_dict().items()}
    model.load_state_dict(weights)
    _, tested = _evaluate(model, test)
    return Times(train_s, time.perf_counter() - started_s, tested)


@dataclass(frozen=True)
class Split:
    """Examples `ids` of uint8 images and their classes; a pixel becomes `pixel * scale + shift`."""

    images: Tensor
    classes: Tensor
    ids: Tensor
    scale: float
    shift: float

    def batch(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        x = self.images.index_select(0, ids).float().mul_(self.scale).add_(self.shift)
        return x.contiguous(memory_format=torch.channels_last), self.classes.index_select(0, ids)


def _splits(config: dict[str, Any]) -> tuple[Split, Split, Split]:
    arrays, [mean], [std] = _source(config).open(), config["dataset"]["mean"], config["dataset"]["std"]
    train_x, train_y, test_x, test_y = (torch.from_numpy(array) for _, array in arrays.items())
    held = held_out(arrays.train_y, size=config["dataset"]["val_size"], key="dataset.val_size")
    train_ids, val_ids = torch.from_numpy(all_but(len(train_y), held)), torch.from_numpy(held)
    scaling = 1 / (255 * std), -mean / std
    train, val = (Split(train_x, train_y, ids, *scaling) for ids in (train_ids, val_ids))
    return train, val, Split(test_x, test_y, torch.arange(len(test_y)), *scaling)


def _learn(model: nn.Module, optimizer: torch.optim.Optimizer, split: Split, batch_size: int) -> tuple[float, float]:
    """One epoch; its mean loss and accuracy."""
    order = split.ids[torch.randperm(len(split.ids))]
    total, correct = torch.zeros(()), torch.zeros((), dtype=torch.int64)
    for ids in torch.split(order, batch_size):
        x, y = split.batch(ids)
        logits = model(x)
        loss = F.cross_entropy(logits, y)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        total += loss.detach() * len(y)
        correct += (logits.detach().argmax(1) == y).sum()
    return total.item() / len(order), correct.item() / len(order)


@torch.inference_mode()
def _evaluate(model: nn.Module, split: Split) -> tuple[float, float]:
    """Mean loss and accuracy of a split."""
    model.eval()
    total, correct = 0.0, 0.0
    for ids in torch.split(split.ids, 1024):
        x, y = split.batch(ids)
        logits = model(x)
        total += F.cross_entropy(logits, y, reduction="sum").item()
        correct += (logits.argmax(1) == y).sum().item()
    model.train()
    return total / len(split.ids), correct / len(split.ids)
