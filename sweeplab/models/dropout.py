"""Dropout that is named after the key that sets it."""

from torch import nn


def dropout_layer(p: float, *, key: str) -> nn.Dropout:
    """A layer that drops each value with probability `p` in training and scales the others by 1 / (1 - p).

    Raises:
        ValueError: `p` is not in [0, 1).
    """
    if not 0 <= p < 1:
        raise ValueError(f"{key} must be in [0, 1), got {p} (model.{key})")
    return nn.Dropout(p)
