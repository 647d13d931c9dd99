"""What cannot be divided among the devices of a cell, found in its configuration alone."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from sweeplab.launch.inventory import visible_gpus
from sweeplab.steps import fresh_examples, training_examples

# Optimizers of torch that treat every weight by itself, and so can be given a part of a tensor.
_ELEMENTWISE = ("Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "SGD")


def find_device_faults(config: Mapping[str, Any]) -> Iterator[str]:
    """One line for each reason why a cell cannot train on several devices as it would on one."""
    devices = config["runtime"]["devices"]
    if devices == 1 or not isinstance(config.get("dataset"), Mapping):
        return
    asked = f"runtime.devices={devices}"
    first = min(fresh_examples(config), training_examples(config) or fresh_examples(config))
    if first < devices:
        yield f"{asked} needs batches of as many examples, got {first} (batch_size={config['batch_size']})"
    if config["runtime"]["accelerator"] == "mps":
        yield f"{asked} needs runtime.accelerator=cpu or gpu, got mps (there is one such device)"
    if _target(config, "preprocess").endswith(".BatchStandardize"):
        yield f"{asked} cannot have preprocess=batch_standardize, which needs to see whole batches"
    if config["runtime"]["strategy"] == "fsdp":
        yield from _find_fsdp_faults(config)


def _find_fsdp_faults(config: Mapping[str, Any]) -> Iterator[str]:
    accelerator = config["runtime"]["accelerator"]
    if accelerator == "cpu" or (accelerator == "auto" and not _gpus()):
        yield f"runtime.strategy=fsdp needs GPUs, got accelerator={accelerator} (set runtime.strategy=ddp)"
    keys = [key for key in ("gradient_clip", "l2", "parameter_groups") if config[key]]
    target = _target(config, "optimizer")
    package, _, name = target.rpartition(".")
    if not (package.startswith("torch.optim") and name in _ELEMENTWISE):
        keys.append(f"optimizer {target}")
    if keys:
        yield (
            f"runtime.strategy=fsdp gives each device a part of every tensor and cannot have {', '.join(keys)} "
            f"(set runtime.strategy=ddp · optimizers: {', '.join(_ELEMENTWISE)} of torch.optim)"
        )


def _target(config: Mapping[str, Any], key: str) -> str:
    node = config.get(key)
    return str(node.get("_target_")) if isinstance(node, Mapping) else ""


@cache
def _gpus() -> tuple[str, ...]:
    return tuple(visible_gpus())
