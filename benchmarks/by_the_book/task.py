"""The LightningModule: torchmetrics and self.log, as in Lightning's documentation."""

from collections.abc import Callable, Iterator

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics.classification import MulticlassAccuracy


class Classifier(pl.LightningModule):
    """Classification by cross entropy."""

    def __init__(
        self, model: nn.Module, make_optimizer: Callable[[Iterator[nn.Parameter]], torch.optim.Optimizer], classes: int
    ) -> None:
        super().__init__()
        self.model = model
        self.make_optimizer = make_optimizer
        self.train_accuracy = MulticlassAccuracy(classes, average="micro")
        self.val_accuracy = MulticlassAccuracy(classes, average="micro")
        self.test_accuracy = MulticlassAccuracy(classes, average="micro")

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:  # noqa: ARG002
        x, y = batch
        logits = self.model(x)
        loss = F.cross_entropy(logits, y)
        self.train_accuracy(logits, y)
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        self.log("train/accuracy", self.train_accuracy, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:  # noqa: ARG002
        self._evaluate("val", self.val_accuracy, batch)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:  # noqa: ARG002
        self._evaluate("test", self.test_accuracy, batch)

    def _evaluate(self, split: str, accuracy: MulticlassAccuracy, batch: tuple[Tensor, Tensor]) -> None:
        x, y = batch
        logits = self.model(x)
        accuracy(logits, y)
        self.log(f"{split}/loss", F.cross_entropy(logits, y))
        self.log(f"{split}/accuracy", accuracy)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.make_optimizer(self.parameters())
