"""What every random change of images is, and how a configuration's list of them is read."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from sweeplab.errors import ConfigFault


@runtime_checkable
class Augmentation(Protocol):
    """Draws parameters for all examples of an epoch, so that they depend on nothing but the generator."""

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Parameters of `n` images, one row each."""

    def apply(self, x: Tensor, params: Tensor) -> Tensor:
        """Images `(B, C, H, W)` of any type, changed by their rows of parameters.

        The same shape; the same type, or float32 on the same scale where values lie between those of pixels.
        """


def as_list(value: Any) -> list[Any]:
    """Several in order, one, or none (null), as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, Sequence) else [value]


def augmentations(change: Any, *, of: str) -> list[Augmentation]:
    """The `change` of a wrapper called `of`: at least one augmentation, no wrapper among them.

    Raises:
        ConfigFault: it is something else.
    """
    listed = as_list(change)
    if not listed or not all(isinstance(step, Augmentation) for step in listed):
        names = ", ".join(type(step).__name__ for step in listed) or "none"
        raise ConfigFault(f"change of {of} must be augmentations with draw and apply such as RandomFlip, got {names}")
    return listed
