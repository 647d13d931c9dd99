"""The LightningModule: how one minibatch is learnt from and how a split is evaluated.

Several minibatches come in one `training_step`, and sums stay on the device until the epoch ends: Lightning's cost for
each call, and a synchronisation for each reading, would otherwise outweigh the training of a small model.
"""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy, MulticlassConfusionMatrix

from sweeplab.parameter_groups import TreatedParameters

Minibatch = tuple[Tensor, Tensor]
Metrics = dict[str, float]


class Diverged(Exception):
    """The loss is not finite; `step` is the optimizer step (from 1) at which it was first seen."""

    def __init__(self, step: int, metric: str) -> None:
        super().__init__(f"{metric} is not finite at step {step}")
        self.step = step


class Scores(nn.Module):
    """Loss and accuracy of one split, summed on the device until they are read."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.loss = MeanMetric()
        self.accuracy = MulticlassAccuracy(num_classes, average="micro")

    def add(self, logits: Tensor, y: Tensor) -> None:
        """Add a batch, which may be empty: logits `(B, num_classes)`, classes `(B,)`."""
        if not len(y):
            return
        self.loss.update(F.cross_entropy(logits, y), weight=len(y))
        self.accuracy.update(logits, y)

    def read(self, split: str) -> Metrics:
        """The metrics by `split/name`; starts again from zero."""
        values = {f"{split}/loss": float(self.loss.compute()), f"{split}/accuracy": float(self.accuracy.compute())}
        self.loss.reset()
        self.accuracy.reset()
        return values


class Task(pl.LightningModule):
    """Classification by cross entropy.

    Several processes may train together, each with its part of every batch: sums are those of all of them, so that
    each sees the same figures and decides alike.

    Args:
        model: maps images `(B, C, H, W)` to logits `(B, num_classes)`.
        preprocess: what examples go through before the model, in training and evaluation.
        parameters: the model's, with what each is treated with.
        make_optimizer: parameter groups → optimizer.
        batch_sizes: examples of each batch of an epoch, those of all processes together.
        make_scheduler: optimizer, steps_per_epoch, max_epochs → a schedule stepped after every optimizer step, one
            stepped every epoch with a metric (`ReduceLROnPlateau`), or None.
        on_epoch: called after each epoch with its number (from 1), the optimizer steps so far and the metrics.
        check: called before every minibatch; may raise to end the cell.
    """

    def __init__(
        self,
        *,
        model: nn.Module,
        preprocess: nn.Module,
        parameters: TreatedParameters,
        make_optimizer: Callable[[list[dict[str, Any]]], torch.optim.Optimizer],
        make_scheduler: Callable[..., LRScheduler | ReduceLROnPlateau | None],
        num_classes: int,
        batch_sizes: Sequence[int],
        max_epochs: int,
        gradient_clip: float | None,
        channels_last: bool,
        on_epoch: Callable[[int, int, Metrics], None],
        check: Callable[[], None],
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.model = model.to(memory_format=torch.channels_last) if channels_last else model
        self.preprocess = preprocess
        self._treated = parameters
        self._memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self._make_optimizer = make_optimizer
        self._make_scheduler = make_scheduler
        self._batch_sizes = batch_sizes
        self._horizon = {"steps_per_epoch": len(batch_sizes), "max_epochs": max_epochs}
        self._gradient_clip = gradient_clip
        self._on_epoch = on_epoch
        self._check = check
        self._scheduler: LRScheduler | ReduceLROnPlateau | None = None
        self.steps = 0
        self.train_time_s = 0.0
        self._lr = math.nan
        self._sums: Tensor
        self._started_s = 0.0
        self.val_scores = Scores(num_classes)
        self.test_scores = Scores(num_classes)
        self.confusion = MulticlassConfusionMatrix(num_classes)
        self.confusion_matrix: list[list[int]] = []  # test examples by true class (rows) and predicted class (columns)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The optimizer; its schedule is stepped by the training step itself."""
        optimizer = self._treated.optimizer(self._make_optimizer)
        self._scheduler = self._make_scheduler(optimizer, **self._horizon)
        return optimizer

    def forward(self, x: Tensor) -> Tensor:
        """Logits `(B, num_classes)`."""
        logits: Tensor = self.model(self._laid_out(self.preprocess(x)))
        return logits

    def _laid_out(self, x: Tensor) -> Tensor:
        return x.contiguous(memory_format=self._memory_format) if x.dim() == 4 else x

    def on_train_epoch_start(self) -> None:
        """Start the clock and the sums: loss, correct, examples, and penalty where there is one."""
        num_sums = 4 if self._treated.is_penalised else 3
        self._sums = torch.zeros(
            num_sums, device=self.device, dtype=torch.float64 if self.device.type != "mps" else None
        )
        self._started_s = time.monotonic()

    def training_step(self, batches: Sequence[Minibatch], batch_idx: int) -> None:  # noqa: ARG002 (Lightning's name)
        """Learn from several minibatches, one optimizer step each.

        Raises:
            Diverged: a loss among them is not finite.
        """
        losses = [self._learn(x, y) for x, y in batches]
        finite = torch.isfinite(self._of_all(torch.stack(losses)))
        if not finite.all():
            raise Diverged(self.steps - len(losses) + int(finite.int().argmin()) + 1, "train/loss")

    def _learn(self, x: Tensor, y: Tensor) -> Tensor:
        self._check()
        optimizer = self.optimizers()
        assert not isinstance(optimizer, list)
        size = self._batch_sizes[self.steps % len(self._batch_sizes)]
        logits = self(x)
        loss = F.cross_entropy(logits, y) if len(y) == size else F.cross_entropy(logits, y, reduction="sum") / size
        penalty = self._treated.penalty()
        optimizer.zero_grad()
        # gradients become the mean over all processes, of which each has its part of the loss and all of the penalty
        scaled = loss if self.trainer.world_size == 1 else loss * self.trainer.world_size
        self.manual_backward(scaled if penalty is None else scaled + penalty)
        self._treated.scale_gradients()
        if self._gradient_clip is not None:
            self._clip(optimizer.optimizer)
        self._lr = optimizer.optimizer.param_groups[0]["lr"] / self._treated.base_lr_factor
        optimizer.step()
        if self._scheduler is not None and not isinstance(self._scheduler, ReduceLROnPlateau):
            self._scheduler.step()
        self.steps += 1
        with torch.no_grad():
            correct = (logits.argmax(dim=1) == y).sum()
            sums = [loss * size, correct, torch.full_like(correct, len(y))]
            self._sums += torch.stack(sums if penalty is None else [*sums, penalty * len(y)])
        return loss.detach()

    def _of_all(self, sums: Tensor) -> Tensor:
        """Summed over all processes."""
        total: Tensor = self.trainer.strategy.reduce(sums, reduce_op="sum")
        return total

    def _clip(self, optimizer: torch.optim.Optimizer) -> None:
        # Lightning unscales a 16-bit gradient only when it steps, which is after clipping.
        scaler = getattr(self.trainer.precision_plugin, "scaler", None)
        if scaler is not None:
            scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self._gradient_clip or math.inf)

    def on_validation_start(self) -> None:
        """Validation is no training time."""
        self.train_time_s += time.monotonic() - self._started_s

    def validation_step(self, batch: Minibatch, batch_idx: int) -> None:  # noqa: ARG002 (Lightning's name)
        """Add one batch to the validation metrics."""
        self._evaluate(self.val_scores, batch)

    def on_validation_epoch_end(self) -> None:
        """Make the validation metrics known to the callbacks that choose and stop.

        Raises:
            Diverged: the validation loss is not finite.
        """
        metrics = self._with_objective(self.val_scores.read("val"), "val")
        if not math.isfinite(metrics["val/loss"]):
            raise Diverged(self.steps, "val/loss")
        self.log_dict(metrics)
        if isinstance(self._scheduler, ReduceLROnPlateau):
            self._scheduler.step(metrics[getattr(self._scheduler, "monitor", "val/loss")])

    def on_train_epoch_end(self) -> None:
        """Read the sums of the epoch, once, and hand its metrics on."""
        loss, correct, examples, *penalty = self._of_all(self._sums).tolist()
        trained = {"train/loss": loss / examples, "train/accuracy": correct / examples}
        if penalty:
            trained["train/objective"] = (loss + penalty[0]) / examples
        self.log_dict(trained)
        validated = {
            key: float(value) for key, value in self.trainer.callback_metrics.items() if key.startswith("val/")
        }
        told = {f"optimizer/{name}": value for name, value in self._optimizer_metrics().items()}
        metrics = {**trained, **validated, **told, "lr": self._lr, "train_time_s": self.train_time_s}
        self._on_epoch(self.current_epoch + 1, self.steps, metrics)

    def test_step(self, batch: Minibatch, batch_idx: int) -> None:  # noqa: ARG002 (Lightning's name)
        """Add one batch to the test metrics and the confusion matrix."""
        logits = self._evaluate(self.test_scores, batch)
        self.confusion.update(logits.argmax(dim=1), batch[1])

    def on_test_epoch_end(self) -> None:
        """Make the test metrics known, and the confusion matrix."""
        self.confusion_matrix = self.confusion.compute().int().tolist()
        self.log_dict(self._with_objective(self.test_scores.read("test"), "test"))

    def _with_objective(self, metrics: Metrics, split: str) -> Metrics:
        """What was minimised: loss and penalty, where there is one."""
        with torch.no_grad():
            penalty = self._treated.penalty()
        return (
            metrics if penalty is None else {**metrics, f"{split}/objective": metrics[f"{split}/loss"] + float(penalty)}
        )

    def _optimizer_metrics(self) -> Metrics:
        """What the optimizer tells of itself, if it has a method `metrics`."""
        tell = getattr(self.trainer.optimizers[0], "metrics", None)
        return tell() if callable(tell) else {}

    def _evaluate(self, scores: Scores, batch: Minibatch) -> Tensor:
        x, y = batch
        logits: Tensor = self(x).float()
        scores.add(logits, y)
        return logits

    def num_parameters(self) -> int:
        """Trainable parameters of the model."""
        return sum(parameter.numel() for parameter in self.model.parameters() if parameter.requires_grad)
