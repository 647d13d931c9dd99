"""The linear classifier: the convex problem among the models."""

import math
from collections.abc import Sequence

from torch import Tensor, nn


class Logistic(nn.Module):
    """Multinomial logistic regression: one affine map of the flattened input, with torch's initial weights.

    Args:
        shape: of one example, (C, H, W).
        num_classes: width of the output.
    """

    def __init__(self, *, shape: Sequence[int], num_classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(math.prod(shape), num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes) of examples (B, C, H, W)."""
        logits: Tensor = self.linear(x.flatten(1))
        return logits
