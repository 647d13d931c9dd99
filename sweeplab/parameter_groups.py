"""Parameters that are treated differently: a penalty, learning rate, weight decay or gradient of their own.

Importing it needs no torch: a plan checks the entries.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from sweeplab.errors import ConfigFault

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

_EXAMPLE = '{parameters: "conv1.*", l2: 5e-4}'
_LEAST = {
    "l2": (">= 0", 0.0),
    "weight_decay": (">= 0", 0.0),
    "lr_factor": ("> 0", 5e-324),
    "gradient_factor": ("> 0", 5e-324),
}


@dataclass(frozen=True)
class Treatment:
    """What one parameter gets; `weight_decay: None` leaves it to the optimizer."""

    l2: float = 0.0
    weight_decay: float | None = None
    lr_factor: float = 1.0
    gradient_factor: float = 1.0


class TreatedParameters:
    """A model's trainable parameters, each with its treatment: that of the first entry with a pattern for its name.

    Args:
        model: gives the names and the parameters.
        l2: penalty of parameters of two or more dimensions, the kernels, whose entry names none.
        entries: as in the configuration, `parameters` (a pattern with * and ?, or several) and what differs.

    Raises:
        ConfigFault: a pattern fits no parameter of the model, or (by `optimizer`) the optimizer has no weight decay.
    """

    def __init__(self, model: nn.Module, *, l2: float, entries: Sequence[Mapping[str, Any]]) -> None:
        named = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
        _refuse_idle(entries, [name for name, _ in named])
        self._treated = [(parameter, _treatment(name, parameter.dim(), l2, entries)) for name, parameter in named]
        self._penalised = [(parameter, given.l2) for parameter, given in self._treated if given.l2]
        self._scaled = [
            (parameter, given.gradient_factor) for parameter, given in self._treated if given.gradient_factor != 1
        ]
        self.base_lr_factor = self._treated[0][1].lr_factor if self._treated else 1.0

    def optimizer(self, make: Callable[[Any], Optimizer]) -> Optimizer:
        """The optimizer over all parameters, with a group for each pair of weight decay and lr factor."""
        groups: dict[tuple[float | None, float], list[Tensor]] = {}
        for parameter, given in self._treated:
            groups.setdefault((given.weight_decay, given.lr_factor), []).append(parameter)
        optimizer = make(
            [
                {"params": parameters} if decay is None else {"params": parameters, "weight_decay": decay}
                for (decay, _), parameters in groups.items()
            ]
        )
        if any(decay is not None for decay, _ in groups) and "weight_decay" not in optimizer.defaults:
            raise ConfigFault(f"parameter_groups: {type(optimizer).__name__} has no weight_decay to set")
        for group, (_, lr_factor) in zip(optimizer.param_groups, groups, strict=True):
            group["lr"] *= lr_factor
            if "initial_lr" in group:  # what a schedule starts from, where the optimizer has set it itself
                group["initial_lr"] *= lr_factor
        return optimizer

    @property
    def is_penalised(self) -> bool:
        """Whether there is a penalty."""
        return bool(self._penalised)

    def penalty(self) -> Tensor | None:
        """Sum of l2 * sum of squares, with gradient; None where nothing is penalised."""
        if not self._penalised:
            return None
        first, *others = (l2 * parameter.square().sum() for parameter, l2 in self._penalised)
        return sum(others, first)

    def scale_gradients(self) -> None:
        """Multiply the gradients by their factors."""
        for parameter, factor in self._scaled:
            if parameter.grad is not None:
                parameter.grad.mul_(factor)


def find_group_faults(entries: Any) -> Iterator[str]:
    """One line for each fault of the configuration's `parameter_groups`."""
    if not isinstance(entries, list | tuple):
        yield f"parameter_groups must be a list such as [{_EXAMPLE}], got {entries!r}"
        return
    for i, entry in enumerate(entries):
        where = f"parameter_groups[{i}]"
        if not isinstance(entry, Mapping):
            yield f"{where} must be a mapping such as {_EXAMPLE}, got {entry!r}"
            continue
        if not _patterns(entry):
            given = entry.get("parameters")
            yield f"{where}.parameters must be a pattern over parameter names, or a list of them, got {given!r}"
        for key, value in entry.items():
            if key in _LEAST:
                words, least = _LEAST[key]
                if type(value) not in (int, float) or not math.isfinite(value) or value < least:
                    yield f"{where}.{key} must be {words}, got {value!r}"
            elif key != "parameters":
                yield f"{where} has no key {key} · allowed: parameters, {', '.join(_LEAST)}"


def _patterns(entry: Mapping[str, Any]) -> list[str]:
    given = entry.get("parameters")
    patterns = [given] if isinstance(given, str) else given if isinstance(given, list | tuple) else []
    return [pattern for pattern in patterns if isinstance(pattern, str) and pattern]


def _treatment(name: str, num_dims: int, l2: float, entries: Sequence[Mapping[str, Any]]) -> Treatment:
    default = Treatment(l2=l2 if num_dims >= 2 else 0.0)
    for entry in entries:
        if any(fnmatchcase(name, pattern) for pattern in _patterns(entry)):
            return replace(default, **{key: value for key, value in entry.items() if key != "parameters"})
    return default


def _refuse_idle(entries: Sequence[Mapping[str, Any]], names: Iterable[str]) -> None:
    names = list(names)
    for i, entry in enumerate(entries):
        for pattern in _patterns(entry):
            if not any(fnmatchcase(name, pattern) for name in names):
                shown = ", ".join(names[:8]) + (f", … ({len(names)} in all)" if len(names) > 8 else "")
                where = f"parameter_groups[{i}].parameters"
                raise ConfigFault(f"{where}: {pattern!r} fits no parameter of this model · its names: {shown}")
