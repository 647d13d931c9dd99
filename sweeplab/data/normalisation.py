"""From stored values to those that a model sees."""

from dataclasses import dataclass

import torch
from torch import Tensor

from sweeplab.data.source import Source


@dataclass(frozen=True, kw_only=True, eq=False)
class Normalisation:
    """Stored rows `(B, D)` → float32 `(B, *shape)`, as `x * scale + shift` per channel."""

    shape: tuple[int, ...]
    scale: Tensor
    shift: Tensor

    @classmethod
    def of(cls, source: Source, *, is_image: bool, device: torch.device) -> "Normalisation":
        """What the source's constants say; images (uint8) are brought to [0, 1] first."""
        channels = source.shape[0]
        mean = torch.tensor(source.mean or [0.0] * channels, dtype=torch.float64)
        std = torch.tensor(source.std or [1.0] * channels, dtype=torch.float64)
        per_channel = (channels, *[1] * (len(source.shape) - 1))
        scale = 1 / (std * source.full_scale) if is_image else 1 / std
        return cls(
            shape=tuple(source.shape),
            scale=scale.float().view(per_channel).to(device),
            shift=(-mean / std).float().view(per_channel).to(device),
        )

    def shaped(self, raw: Tensor) -> Tensor:
        """Rows as examples, values untouched."""
        return raw.view(len(raw), *self.shape)

    def __call__(self, x: Tensor) -> Tensor:
        """Examples with scaled values; `x` is written over where it is float32 already."""
        return x.float().mul_(self.scale).add_(self.shift)
