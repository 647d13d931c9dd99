"""How many optimizer steps an epoch has, from the configuration alone: what the loaders will make of it."""

from collections.abc import Iterator, Mapping
from typing import Any


def steps_per_epoch(config: Mapping[str, Any]) -> int | None:
    """Optimizer steps in an epoch; None where the data set's file does not say its size."""
    if config["overfit_batches"]:
        return int(config["overfit_batches"])
    num_examples = training_examples(config)
    if num_examples is None:
        return None
    whole, rest = divmod(num_examples, fresh_examples(config))
    steps = whole + (rest > 0 and not config["drop_last"])
    return int(min(steps, config["limit_batches"] or steps))


def training_examples(config: Mapping[str, Any]) -> int | None:
    """Examples that are trained on; None where the data set's file does not say its size."""
    dataset = config["dataset"]
    if not isinstance(dataset.get("num_train"), int):
        return None
    held_out = dataset["val_size"] if config["select"]["data"] == "held_out" else 0
    return int(dataset["num_train"] - held_out)


def find_step_faults(config: Mapping[str, Any]) -> Iterator[str]:
    """One line for each way in which no batches can be made of numbers that are sound by themselves."""
    if not isinstance(config.get("dataset"), Mapping):
        return
    batch_size, num_train = config["batch_size"], config["dataset"].get("num_train")
    if _has_twins(config) and batch_size % 2:
        yield f"batch_size must be even with Twins, half of a batch being copies, got {batch_size} (dataset.augment)"
    elif steps_per_epoch(config) == 0:
        yield f"batch_size={batch_size} leaves no batch of {num_train} training examples (drop_last, dataset.val_size)"


def fresh_examples(config: Mapping[str, Any]) -> int:
    """Examples of the data set in a batch."""
    batch_size: int = config["batch_size"]
    return batch_size // 2 if _has_twins(config) else batch_size


def _has_twins(config: Mapping[str, Any]) -> bool:
    augment = config["dataset"].get("augment")
    nodes = augment if isinstance(augment, list | tuple) else [augment]
    return any(isinstance(node, Mapping) and str(node.get("_target_")).endswith(".Twins") for node in nodes)
