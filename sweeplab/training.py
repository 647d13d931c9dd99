"""The training of one cell: Lightning's trainer over the parts that its configuration names."""

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import sweeplab.lightning  # isort: skip  # noqa: F401 (imports the next one sooner)

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment

from sweeplab import record
from sweeplab.build import build
from sweeplab.callbacks import callbacks
from sweeplab.data.shard import Shard
from sweeplab.parameter_groups import TreatedParameters
from sweeplab.ranks import Ranks
from sweeplab.record import CellFolder
from sweeplab.start import seed_everything, weights_hash
from sweeplab.strategy import make_strategy, refuse_undividable
from sweeplab.task import Metrics, Task

# Minibatches in one call of Lightning's training step; it changes no result, only how often we can stop or look.
STEPS_PER_CALL = 16

# Root keys that group examples into batches.
BATCHING = ("batch_size", "eval_batch_size", "drop_last", "limit_batches", "overfit_batches")

Notify = Callable[[int, int, Metrics], None]


def train(
    config: Mapping[str, Any],
    folder: CellFolder,
    *,
    ranks: Ranks,
    check: Callable[[], None],
    on_epoch: Notify,
    result: dict[str, Any],
) -> dict[str, Any]:
    """Fit, choose by validation, test the chosen weights once; returns what a completed cell has to tell.

    Args:
        check: called before every minibatch; raises to stop.
        result: told, as soon as it is known, whatever holds also for a cell that fails.
    """
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
        check=check,
    )
    result["num_parameters"] = task.num_parameters()
    # what is drawn while training, as by dropout, is each rank's own
    seed_everything(config["seed"], f"training on rank {ranks.rank}" if ranks.rank else "training")
    try:
        trainer.fit(task, loaders.train, loaders.val)
    finally:
        result["steps"] = task.steps
        result["train_time_s"] = task.train_time_s
    check()
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


@contextlib.contextmanager
def quiet() -> Iterator[None]:
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
