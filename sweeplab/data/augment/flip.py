"""Mirror images."""

import torch
from torch import Tensor

from sweeplab.errors import ConfigFault


class RandomFlip:
    """Mirrors left and right with probability `probability`."""

    def __init__(self, *, probability: float) -> None:
        if not 0 <= probability <= 1:
            raise ConfigFault(f"probability of RandomFlip must be in [0, 1], got {probability}")
        self.probability = probability

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Whether to mirror, `(n,)` booleans."""
        return torch.rand(n, generator=generator) < self.probability

    def apply(self, x: Tensor, params: Tensor) -> Tensor:
        """The images, mirrored where `params` says so."""
        both = torch.cat([x, x.flip(-1)])
        # whole images are copied: torch.where would choose pixel by pixel, five times as slow
        return both.index_select(0, torch.arange(len(x), device=x.device) + len(x) * params)
