"""One cell: configuration in, record out. The one place that seeds, trains, catches and classifies failures.

No Hydra application is initialised here: a cell is a function of its recorded configuration.
"""

import contextlib
import logging
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sweeplab.lightning  # isort: skip  # noqa: F401 (imports the next one sooner)

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning.utilities.exceptions import SIGTERMException

from sweeplab import record
from sweeplab.allocator import keep_freed_memory
from sweeplab.build import build
from sweeplab.callbacks import callbacks
from sweeplab.cell import Cell, science, setting_label
from sweeplab.data.shard import Shard
from sweeplab.history import History
from sweeplab.memory import peak_memory_bytes
from sweeplab.parameter_groups import TreatedParameters
from sweeplab.provenance import devices_used, provenance
from sweeplab.ranks import Ranks
from sweeplab.record import CellFolder
from sweeplab.secrets import scrub
from sweeplab.start import seed_everything, weights_hash
from sweeplab.strategy import make_strategy, refuse_undividable
from sweeplab.task import Diverged, Metrics, Task
from sweeplab.tracking import CellIdentity, Tracker, open_tracker

# Minibatches in one call of Lightning's training step; it changes no result, only how often we can stop or look.
STEPS_PER_CALL = 16

# Root keys that group examples into batches.
BATCHING = ("batch_size", "eval_batch_size", "drop_last", "limit_batches", "overfit_batches")

Notify = Callable[[int, int, Metrics], None]


class Stopped(Exception):
    """The cell was told to stop; carries the state it ends in."""

    def __init__(self, state: str) -> None:
        super().__init__(f"told to stop ({state})")
        self.state = state


@dataclass
class StopSignal:
    """Set from outside (a signal handler), looked at before every minibatch."""

    state: str | None = None

    def set(self, state: str) -> None:
        """Tell the cell to stop; the first reason counts."""
        self.state = self.state or state

    def check(self) -> None:
        """Raise when told to stop."""
        if self.state is not None:
            raise Stopped(self.state)


@dataclass(frozen=True)
class Surroundings:
    """What a cell needs to know of the sweep around it; none of it can change a result."""

    sweep: str = "single"
    code: Mapping[str, Any] = field(default_factory=dict)
    notify: Notify = lambda _epoch, _max_epochs, _metrics: None
    stop: StopSignal = field(default_factory=StopSignal)
    rerun: bool = False
    redirect: Callable[[Path], Path | None] = lambda _log: None
    ranks: Ranks = field(default_factory=Ranks)


def run_cell(cell: Cell, folder: CellFolder, around: Surroundings) -> dict[str, Any]:
    """Train a cell, unless it is finished already, and leave its record. Never raises for what the cell does."""
    with record.claimed(folder):
        known = record.read_result(folder)
        if known is not None and known["state"] in record.FINAL_STATES and not around.rerun:
            return known
        attempt = record.begin_attempt(folder)
        record.write_asked(folder, cell)
        record.write_status(folder, record.RUNNING, attempt)
        around.ranks.begin(around.redirect(folder.log))
        result, tracker = _attempt(cell, folder, around, attempt)
        _write(folder, result, attempt)
    # Only now: a tracker may take its time, and the record must not wait for it.
    if tracker is not None:
        summary = {**result["metrics"], "wall_time_s": result["wall_time_s"], "best_epoch": result["best_epoch"]}
        tracker.finish(state=result["state"], summary=summary)
    return result


def _write(folder: CellFolder, result: Mapping[str, Any], attempt: int) -> None:
    record.write_result(folder, result)
    record.write_status(folder, result["state"], attempt)


def _attempt(
    cell: Cell, folder: CellFolder, around: Surroundings, attempt: int
) -> tuple[dict[str, Any], Tracker | None]:
    keep_freed_memory()
    started_s = time.monotonic()
    history = History()
    result: dict[str, Any] = {**record.blank_result(cell), "attempt": attempt}
    tracker: Tracker | None = None

    def conclude(outcome: Mapping[str, Any]) -> dict[str, Any]:
        measured = history.measured(cell.config["select"], tested=outcome.get("tested", {}))
        known = {key: value for key, value in outcome.items() if key != "tested"}
        told = {
            "wall_time_s": time.monotonic() - started_s,
            "peak_memory_bytes": peak_memory_bytes(),
            "provenance": provenance({**devices_used(cell.config["runtime"]), **around.code}),
        }
        return {**result, **known, **measured, **told}

    def abandon(outcome: Mapping[str, Any]) -> None:
        _write(folder, conclude(outcome), attempt)

    try:
        with _quiet(), around.ranks.watched(abandon):
            tracker = open_tracker(cell.config["tracker"], _identity(cell, folder, around, attempt))
            on_epoch = _on_epoch(cell.config["max_epochs"], folder, around, history, tracker)
            outcome = _train(cell, folder, around, result, on_epoch)
    except (Exception, SystemExit) as error:  # the one broad catch: a cell fails alone, and says why
        outcome = dict(around.ranks.cause_of(error) or outcome_of(error))
        if outcome["state"] in _SURPRISES:
            print(outcome["error"]["traceback"], file=sys.stderr)  # noqa: T201 (into the cell's log)
    finally:
        around.ranks.end()
    return conclude(outcome), tracker


def follow_cell(cell: Cell, folder: CellFolder, ranks: Ranks) -> None:
    """Train a cell as one of its ranks, beside the one that writes its record."""
    keep_freed_memory()
    with _quiet():
        _train(cell, folder, Surroundings(ranks=ranks), {}, lambda *_: None)


def outcome_of(error: BaseException) -> dict[str, Any]:
    """What the end of a training by an exception comes to, as keys of its result."""
    if isinstance(error, Diverged):
        return {"state": record.DIVERGED, "error": _described(error), "steps": error.step}
    if isinstance(error, SIGTERMException):  # Lightning looks for the signal, too
        error = Stopped(record.INTERRUPTED)
    if isinstance(error, Stopped):
        return {"state": error.state, "error": _described(error)}
    return {"state": _failure_state(error), "error": _described(error)}


_SURPRISES = (record.FAILED, record.OUT_OF_MEMORY)


def _on_epoch(max_epochs: int, folder: CellFolder, around: Surroundings, history: History, tracker: Tracker) -> Notify:
    """What writes down each epoch, and tells everybody who wants to know."""
    started_s = time.monotonic()

    def on_epoch(epoch: int, steps: int, metrics: Metrics) -> None:
        line = {"epoch": epoch, "step": steps, **metrics, "wall_time_s": time.monotonic() - started_s}
        history.epochs.append(line)
        record.append_metrics(folder, line)
        tracker.log(line, epoch=epoch, step=steps)
        around.notify(epoch, max_epochs, metrics)

    return on_epoch


def _train(
    cell: Cell, folder: CellFolder, around: Surroundings, result: dict[str, Any], on_epoch: Notify
) -> dict[str, Any]:
    """Fit, choose by validation, test the chosen weights once."""
    config, ranks = cell.config, around.ranks
    trainer = _trainer(config, folder)
    ranks.join(trainer.strategy.root_device)
    data = build(config["dataset"], trusted=config["trusted_targets"])
    data.prepare()
    loaders = data.loaders(
        seed=config["seed"],
        device=trainer.strategy.root_device,
        workers=config["runtime"]["workers"],
        steps_per_call=STEPS_PER_CALL,
        select_data=config["select"]["data"],
        shard=Shard(ranks.rank, ranks.world),
        **{key: config[key] for key in BATCHING},
    )
    seed_everything(config["seed"], "initial weights")
    model = build_model(config)
    refuse_undividable(model, trainer)
    preprocess = build(config["preprocess"], trusted=config["trusted_targets"])
    if hasattr(preprocess, "fit"):
        preprocess.fit(loaders.examples, data.array_folder)
    result |= {"initial_weights_hash": weights_hash(model), "data_order_hash": loaders.order_hash}

    task = Task(
        model=model,
        preprocess=preprocess,
        parameters=TreatedParameters(model, l2=config["l2"], entries=config["parameter_groups"]),
        make_optimizer=build(config["optimizer"], trusted=config["trusted_targets"]),
        make_scheduler=build(config["scheduler"], trusted=config["trusted_targets"]),
        num_classes=config["dataset"]["num_classes"],
        batch_sizes=loaders.batch_sizes,
        max_epochs=config["max_epochs"],
        gradient_clip=config["gradient_clip"],
        channels_last=config["channels_last"],
        on_epoch=on_epoch,
        check=around.stop.check,
    )
    result["num_parameters"] = task.num_parameters()
    # what is drawn while training, as by dropout, is each rank's own
    seed_everything(config["seed"], f"training on rank {ranks.rank}" if ranks.rank else "training")
    try:
        trainer.fit(task, loaders.train, loaders.val)
    finally:
        result["steps"] = task.steps
        result["train_time_s"] = task.train_time_s
    around.stop.check()
    tested = _test(trainer, task, loaders.test)
    if ranks.is_first and not config["runtime"]["keep_checkpoints"]:
        _forget(folder.checkpoints)
    return {"state": record.COMPLETED, "tested": tested, "confusion_matrix": task.confusion_matrix}


def build_model(config: Mapping[str, Any]) -> torch.nn.Module:
    """The model of a cell, its weights drawn by the chosen scheme from torch's present random state."""
    model: torch.nn.Module = build(config["model"], trusted=config["trusted_targets"])
    build(config["init"], trusted=config["trusted_targets"])(model)
    return model


def _trainer(config: Mapping[str, Any], folder: CellFolder) -> pl.Trainer:
    runtime = config["runtime"]
    return pl.Trainer(
        accelerator=runtime["accelerator"],
        devices=runtime["devices"],
        strategy=make_strategy(runtime),
        plugins=[LightningEnvironment()],  # of whatever job we are part of, nothing is said of this cell
        sync_batchnorm=runtime["devices"] > 1,
        precision=config["precision"],
        deterministic=config["deterministic"],
        max_epochs=config["max_epochs"],
        callbacks=callbacks(config, str(folder.checkpoints)),
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        default_root_dir=folder.path,
    )


def _test(trainer: pl.Trainer, task: Task, loader: Any) -> Metrics:
    best = trainer.checkpoint_callback.best_model_path  # type: ignore[union-attr]
    [metrics] = trainer.test(task, loader, ckpt_path=best, weights_only=True, verbose=False)
    return {key: float(value) for key, value in metrics.items()}


def _forget(checkpoints: Path) -> None:
    for path in checkpoints.glob("*.ckpt"):
        path.unlink()
    with contextlib.suppress(OSError):
        checkpoints.rmdir()


def _failure_state(error: BaseException) -> str:
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error):
        return record.OUT_OF_MEMORY
    return record.FAILED


def _described(error: BaseException) -> dict[str, str]:
    text = "".join(traceback.format_exception(error))
    described = {"class": type(error).__qualname__, "message": str(error), "traceback": text}
    return {key: str(scrub(value)) for key, value in described.items()}


def _identity(cell: Cell, folder: CellFolder, around: Surroundings, attempt: int) -> CellIdentity:
    config = cell.config
    words = [cell.choices.get(key) for key in ("optimizer", "model", "dataset")]
    return CellIdentity(
        cell_id=cell.id,
        sweep=around.sweep,
        name=cell.label,
        setting=setting_label(cell.axes),
        job_type="train",
        tags=tuple(dict.fromkeys([*config["tags"], *(word for word in words if word)])),
        config=science(config),
        folder=folder.path,
        attempt=attempt,
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Lightning's announcements are about its user, which is us; real warnings go to the cell's log."""
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        for message in _LIGHTNING_ADVICE:
            warnings.filterwarnings("ignore", message=message)
        yield


_LIGHTNING_ADVICE = (
    ".*does not have many workers.*",
    ".*Checkpoint directory .* exists.*",
    ".*available but not used.*",
    ".*logging interval.*",
    ".*sync_dist=True.*",  # ours are sums over all ranks already
    ".*`broadcast_buffers` is deprecated.*",  # what replaces it is newer than the oldest torch that will do
    ".*was called before the ``update`` method.*",  # by a rank that has no examples
    r".*isinstance\(treespec, LeafSpec\).*",
)
