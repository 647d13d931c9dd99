"""The linear classifier: the convex problem among the models."""

import math
from collections.abc import Sequence

from torch import Tensor, nn

from sweeplab.models.dropout import dropout_layer


class Logistic(nn.Module):
    """Multinomial logistic regression: one affine map of the flattened input, with torch's initial weights.

    Args:
        shape: of one example, (C, H, W) or (D,).
        num_classes: width of the output.
        input_dropout: probability that an input value is dropped in training, in [0, 1).

    Raises:
        ValueError: the dropout is out of range.
    """

    def __init__(self, *, shape: Sequence[int], num_classes: int, input_dropout: float) -> None:
        super().__init__()
        self.input_dropout = dropout_layer(input_dropout, key="input_dropout")
        self.linear = nn.Linear(math.prod(shape), num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes) of examples (B, *shape)."""
        logits: Tensor = self.linear(self.input_dropout(x.flatten(1)))
        return logits
