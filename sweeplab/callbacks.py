"""What watches a training from outside: the choice of the epoch to test, and an early stop."""

from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint


def callbacks(config: Mapping[str, Any], checkpoints: str) -> list[pl.Callback]:
    """What chooses the epoch to test and what stops early, from a cell's configuration."""
    select, stopping = config["select"], config["early_stopping"]
    is_best = select["epoch"] == "best"
    chosen: list[pl.Callback] = [
        ModelCheckpoint(
            dirpath=checkpoints,
            filename=select["epoch"],
            monitor=select["monitor"] if is_best else None,  # without one, each epoch replaces the one before
            mode=select["mode"],
            save_top_k=1,
            save_weights_only=True,
            enable_version_counter=False,
        )
    ]
    if stopping["enabled"]:
        chosen.append(EarlyStopping(**{key: value for key, value in stopping.items() if key != "enabled"}))
    return chosen


class EarlyStopping(pl.callbacks.EarlyStopping):
    """Lightning's, with a value that must be beaten within `patience` epochs."""

    def __init__(self, *, monitor: str, mode: str, patience: int, min_delta: float, baseline: float | None) -> None:
        super().__init__(
            monitor=monitor, mode=mode, patience=patience, min_delta=min_delta, check_on_train_epoch_end=True
        )
        if baseline is not None:
            self.best_score = torch.tensor(float(baseline))
