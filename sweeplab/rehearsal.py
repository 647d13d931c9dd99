"""Optimizers and schedules built for nothing, so that a number they do not take is found before anything is trained.

Checking a line imports no torch, and cannot know what a constructor refuses. Only classes of packages that are always
trusted are built: those take any tensor for a parameter.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sweeplab.build import ALWAYS_TRUSTED, build
from sweeplab.cell import Cell
from sweeplab.record import to_json
from sweeplab.steps import steps_per_epoch

# A sweep over thousands of values is to start as soon as one over three.
_MOST_PARTS = 500


@dataclass(frozen=True)
class Part:
    """An optimizer and its schedule, as `num_cells` cells have them, one of which is called `label`."""

    optimizer: Mapping[str, Any]
    scheduler: Mapping[str, Any]
    steps_per_epoch: int | None
    max_epochs: int
    label: str
    num_cells: int = 1


def parts_of(cells: Iterable[Cell]) -> list[Part]:
    """The different ones among these cells; a learning rate is checked already and makes no difference."""
    found: dict[str, Part] = {}
    for cell in cells:
        optimizer, scheduler = cell.config["optimizer"], cell.config["scheduler"]
        horizon = (steps_per_epoch(cell.config), cell.config["max_epochs"])
        key = to_json([{**optimizer, "lr": None}, scheduler, *horizon])
        known = found.get(key)
        if known is None:
            found[key] = Part(optimizer, scheduler, *horizon, cell.label)
        else:
            found[key] = replace(known, num_cells=known.num_cells + 1)
    return list(found.values())[:_MOST_PARTS]


def rehearse(parts: Iterable[Part], trusted: Sequence[str]) -> list[str]:
    """One line for each constructor that refuses its arguments, in its own words."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [fault for part in parts for fault in _faults(part, trusted)]


def _faults(part: Part, trusted: Sequence[str]) -> Iterator[str]:
    import torch

    weight = torch.zeros(2, 2, requires_grad=True)
    optimizer = None
    if _is_known(part.optimizer):
        optimizer, refusal = _attempt(build(part.optimizer, trusted=trusted), [weight])
        if refusal:
            yield _words("optimizer", part.optimizer, refusal, part)
    if _is_known(part.scheduler) and part.steps_per_epoch is not None:
        horizon = {"steps_per_epoch": part.steps_per_epoch, "max_epochs": part.max_epochs}
        optimizer = optimizer or torch.optim.SGD([weight], lr=1e-3)
        _, refusal = _attempt(build(part.scheduler, trusted=trusted), optimizer, **horizon)
        if refusal:
            yield _words("scheduler", part.scheduler, refusal, part)


def _attempt(make: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Any, str]:
    """What it makes, or how it refuses; for what is no fault of an argument, the cell will have better words."""
    try:
        return make(*args, **kwargs), ""
    except (ValueError, TypeError) as error:
        return None, str(error)
    except Exception:
        return None, ""


def _is_known(node: Mapping[str, Any]) -> bool:
    return str(node.get("_target_")).startswith(ALWAYS_TRUSTED)


def _words(key: str, node: Mapping[str, Any], refusal: str, part: Part) -> str:
    where = part.label if part.num_cells == 1 else f"{part.num_cells} cells, first: {part.label}"
    return f"{key}: {node['_target_']} refuses its arguments: {refusal} (in {where})"
