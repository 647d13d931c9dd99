"""Which kind of weight decay each optimizer does, in words: one key means different things to different optimizers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sweeplab.cell import Cell

_DECOUPLED = ("torch.optim.AdamW", "torch.optim.Adafactor", "torch.optim.Muon", "pytorch_optimizer.Lion")


def penalty_notes(cells: Sequence[Cell]) -> list[str]:
    """What `weight_decay` and `l2` do in these cells, where they do anything."""
    notes = []
    if kinds := _kinds(cell for cell in cells if _has(cell.config, "weight_decay")):
        said = "; ".join(f"{kind} with {', '.join(names)}" for kind, names in kinds.items())
        notes.append(f"weight_decay: {said}.")
    if any(_has(cell.config, "l2") for cell in cells):
        notes.append("l2: a penalty in the loss as in Keras, l2 * sum of squares, whose gradient is 2 * l2 * w.")
    return notes


def _has(config: Mapping[str, Any], key: str) -> bool:
    return bool(config.get(key)) or any(group.get(key) for group in config.get("parameter_groups", ()))


def _kinds(cells: Iterable[Cell]) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for cell in cells:
        node = cell.config["optimizer"]
        names = kinds.setdefault(_kind(node), [])
        name = cell.choices.get("optimizer") or str(node["_target_"])
        if name not in names:
            names.append(name)
    return kinds


def _kind(node: Mapping[str, Any]) -> str:
    target = str(node["_target_"])
    if "weight_decay" not in node:
        return "ignored"
    if target in _DECOUPLED or node.get("decoupled_weight_decay") or node.get("weight_decouple"):
        return "decoupled, shrinks the weights by lr * weight_decay a step,"
    if target.startswith(("torch.optim.", "sweeplab.optim.")):
        return "L2, weight_decay * w joins the gradient,"
    return "as it is defined there"
