"""Random changes of training images: drawn per image on the CPU, applied to whole batches where the images are.

They work on raw pixels, before normalisation: what a crop fills in is black (0), as in the published recipes.
"""

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from sweeplab.errors import ConfigFault


class Augmentation(Protocol):
    """Draws parameters for all examples of an epoch, so that they depend on nothing but the generator."""

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Parameters of `n` images, one row each."""

    def apply(self, x: Tensor, params: Tensor) -> Tensor:
        """Images `(B, C, H, W)` of any type, changed by their rows of parameters; same shape and type."""


class RandomCrop:
    """Pads by `padding` zero pixels on every side and crops back to the size: a shift by up to `padding` each way.

    Source:
        He et al. 2016, arXiv:1512.03385, section 4.2 (padding 4 for CIFAR).
    """

    def __init__(self, *, padding: int) -> None:
        if padding < 1:
            raise ConfigFault(f"padding of RandomCrop must be >= 1, got {padding} (for none set dataset.augment=null)")
        self.padding = padding

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Top and left corner of the crop in the padded image, `(n, 2)`, uniform in [0, 2 * padding]."""
        return torch.randint(0, 2 * self.padding + 1, (n, 2), generator=generator)

    def apply(self, x: Tensor, params: Tensor) -> Tensor:
        """The cropped images."""
        num, channels, height, width = x.shape
        padded = F.pad(x, [self.padding] * 4)
        padded_height, padded_width = padded.shape[-2:]
        # every row of a crop is `width` successive pixels: copied as a whole, four times as fast as pixel by pixel
        image_rows = torch.arange(num * channels, device=x.device).view(num, channels, 1) * padded_height
        rows = image_rows + torch.arange(height, device=x.device) + params[:, :1, None]
        starts = rows * padded_width + params[:, 1:, None]
        return padded.view(-1).unfold(0, width, 1).index_select(0, starts.view(-1)).view(x.shape)


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
