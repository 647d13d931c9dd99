"""Shifts by whole pixels into black."""

import torch
import torch.nn.functional as F
from torch import Tensor

from sweeplab.data.augment.window import windows
from sweeplab.errors import ConfigFault


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
        return windows(F.pad(x, [self.padding] * 4), params, height=x.shape[2], width=x.shape[3])
