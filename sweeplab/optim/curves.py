"""How a learning rate gets from one value to another: (start, end, progress) → value; beyond progress 1 it stays."""

import math
from collections.abc import Callable


def cosine(start: float, end: float, progress: float) -> float:
    """Half a cosine: slow, fast, slow."""
    return end + (start - end) * (1 + math.cos(math.pi * min(progress, 1.0))) / 2


def linear(start: float, end: float, progress: float) -> float:
    """A straight line."""
    return start + (end - start) * min(progress, 1.0)


def constant(start: float, end: float, progress: float) -> float:  # noqa: ARG001 (one interface)
    """The start, for ever."""
    return start


CURVES: dict[str, Callable[[float, float, float], float]] = {"constant": constant, "linear": linear, "cosine": cosine}
