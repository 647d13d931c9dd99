"""The fully connected network."""

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn


class MLP(nn.Module):
    """Affine layers, each but the last followed by ReLU and dropout, with torch's initial weights.

    Args:
        shape: of one example, (C, H, W).
        num_classes: width of the output.
        hidden_sizes: widths of the hidden layers, each >= 1; none makes it a linear classifier.
        dropout: probability that a hidden unit is dropped in training, in [0, 1).

    Raises:
        ValueError: a width or the dropout is out of range.
    """

    def __init__(self, *, shape: Sequence[int], num_classes: int, hidden_sizes: Sequence[int], dropout: float) -> None:
        super().__init__()
        if any(size < 1 for size in hidden_sizes):
            raise ValueError(f"hidden_sizes must all be >= 1, got {list(hidden_sizes)} (model.hidden_sizes)")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {dropout} (model.dropout)")
        sizes = [math.prod(shape), *hidden_sizes]
        hidden = [
            layer
            for n_in, n_out in pairwise(sizes)
            for layer in (nn.Linear(n_in, n_out), nn.ReLU(), nn.Dropout(dropout))
        ]
        self.layers = nn.Sequential(*hidden, nn.Linear(sizes[-1], num_classes))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes) of examples (B, C, H, W)."""
        logits: Tensor = self.layers(x.flatten(1))
        return logits
