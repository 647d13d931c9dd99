"""How a cell uses its devices: Lightning's strategies, and what cannot be divided among several."""

from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.strategies import DDPStrategy, FSDPStrategy, Strategy
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from sweeplab.errors import ConfigFault


def make_strategy(runtime: Mapping[str, Any]) -> Strategy | str:
    """For the `runtime` node of a configuration."""
    if runtime["devices"] == 1:
        return "auto"
    if runtime["strategy"] == "fsdp":
        return FSDPStrategy(state_dict_type="full")
    # buffers are alike on all ranks: each computes them of the whole batch, or not at all
    return DDPStrategy(broadcast_buffers=False, gradient_as_bucket_view=True)


def refuse_undividable(model: nn.Module, trainer: pl.Trainer) -> None:
    """Refuse a model that would need to see whole batches and cannot.

    Raises:
        ConfigFault: batch normalisation over several devices that are no GPUs.
    """
    if trainer.world_size == 1 or trainer.strategy.root_device.type == "cuda":
        return
    names = [name for name, module in model.named_modules() if isinstance(module, _BatchNorm)]
    if names:
        raise ConfigFault(
            f"batch normalisation over several devices needs GPUs, got {trainer.strategy.root_device.type} "
            f"(layer {names[0]}; set runtime.devices=1: torch's SyncBatchNorm takes no tensors of a CPU)"
        )
