"""Shifts by any distance, with the edge drawn out."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from sweeplab.data.augment.window import windows
from sweeplab.errors import ConfigFault


class RandomShift:
    """Shifts down and to the right by up to `max_shift` of the side each way, not only by whole pixels.

    Values between pixels are interpolated bilinearly; beyond the edge stand the edge's own pixels. Gives float32.
    Devices agree to rounding.

    Args:
        max_shift: share of the height and of the width, in (0, 1].
    Source:
        Keras's `ImageDataGenerator(width_shift_range=, height_shift_range=, fill_mode="nearest")`.
    """

    def __init__(self, *, max_shift: float) -> None:
        if not 0 < max_shift <= 1:
            raise ConfigFault(f"max_shift of RandomShift must be in (0, 1], a share of the side, got {max_shift}")
        self.max_shift = max_shift

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Shift down and to the right as shares of the side, `(n, 2)`, uniform in [-max_shift, max_shift)."""
        return (2 * torch.rand(n, 2, generator=generator) - 1) * self.max_shift

    def apply(self, x: Tensor, params: Tensor) -> Tensor:
        """The shifted images; a shift by whole pixels only copies."""
        height, width = x.shape[2:]
        pad_y, pad_x = math.ceil(self.max_shift * height), math.ceil(self.max_shift * width)
        # one row and one column more than the image: each pixel lies between two
        padded = F.pad(x.float(), [pad_x, pad_x + 1, pad_y, pad_y + 1], mode="replicate")
        corners = torch.stack([pad_y - params[:, 0] * height, pad_x - params[:, 1] * width], dim=1)
        whole = corners.floor()
        below, right = (corners - whole)[:, :, None, None, None].unbind(1)
        cut = windows(padded, whole.long(), height=height + 1, width=width + 1)
        rows = torch.lerp(cut[:, :, :-1], cut[:, :, 1:], below)
        return torch.lerp(rows[..., :-1], rows[..., 1:], right)
