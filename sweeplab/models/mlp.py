"""The fully connected network."""

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from sweeplab.models.dropout import dropout_layer


class MLP(nn.Module):
    """Affine layers, each but the last followed by ReLU and dropout, with torch's initial weights.

    Args:
        shape: of one example, (C, H, W) or (D,).
        num_classes: width of the output.
        hidden_sizes: widths of the hidden layers, each >= 1; none makes it a linear classifier.
        input_dropout: probability that an input value is dropped in training, in [0, 1).
        dropout: probability that a hidden unit is dropped in training, in [0, 1).

    Raises:
        ValueError: a width or a dropout is out of range.
    """

    def __init__(
        self,
        *,
        shape: Sequence[int],
        num_classes: int,
        hidden_sizes: Sequence[int],
        input_dropout: float,
        dropout: float,
    ) -> None:
        super().__init__()
        if any(size < 1 for size in hidden_sizes):
            raise ValueError(f"hidden_sizes must all be >= 1, got {list(hidden_sizes)} (model.hidden_sizes)")
        drop = dropout_layer(dropout, key="dropout")
        sizes = [math.prod(shape), *hidden_sizes]
        hidden = [layer for n_in, n_out in pairwise(sizes) for layer in (nn.Linear(n_in, n_out), nn.ReLU(), drop)]
        self.input_dropout = dropout_layer(input_dropout, key="input_dropout")
        self.layers = nn.Sequential(*hidden, nn.Linear(sizes[-1], num_classes))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes) of examples (B, *shape)."""
        logits: Tensor = self.layers(self.input_dropout(x.flatten(1)))
        return logits
