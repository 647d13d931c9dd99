"""Pictures out of focus."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from sweeplab.errors import ConfigFault


class RandomBlur:
    """Blurs with probability `probability` by a Gaussian whose width is drawn for each image. Gives float32.

    The kernel reaches four of the largest widths to each side; beyond the edge stands the mirror image, the edge's
    pixels included, as in `scipy.ndimage.gaussian_filter`. Devices agree to rounding.

    Args:
        probability: in [0, 1].
        sigma: smallest and largest standard deviation in pixels, 0 <= smallest <= largest, largest > 0.
    """

    def __init__(self, *, probability: float, sigma: Sequence[float]) -> None:
        if not 0 <= probability <= 1:
            raise ConfigFault(f"probability of RandomBlur must be in [0, 1], got {probability}")
        is_pair = isinstance(sigma, Sequence) and len(sigma) == 2
        if not is_pair or not 0 <= sigma[0] <= sigma[1] or not 0 < sigma[1] < math.inf:
            raise ConfigFault(
                f"sigma of RandomBlur must be [smallest, largest] in pixels, 0 <= smallest <= largest, largest > 0, "
                f"got {sigma}"
            )
        self.probability = probability
        self.smallest, self.largest = sigma

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Standard deviation of each image's blur in pixels, `(n,)`; 0 for none."""
        chance, share = torch.rand(2, n, generator=generator).unbind()
        return (self.smallest + share * (self.largest - self.smallest)).where(chance < self.probability, 0)

    def apply(self, x: Tensor, params: Tensor) -> Tensor:
        """The images, blurred where `params` is not 0; the others keep their values bit by bit."""
        rows = params.nonzero().squeeze(1)
        blurred = _blurred(x.float()[rows], params[rows], radius=math.ceil(4 * self.largest))
        return x.float().index_copy(0, rows, blurred)


def _blurred(x: Tensor, sigma: Tensor, *, radius: int) -> Tensor:
    offsets = torch.arange(-radius, radius + 1, device=x.device)
    kernels = torch.softmax(-0.5 * (offsets / sigma[:, None]) ** 2, dim=1)[..., None, None, None]
    for axis in (2, 3):
        size = x.shape[axis]
        padded = x.index_select(axis, _mirrored(size, radius, x.device))
        x = torch.zeros_like(x)
        for k in range(len(offsets)):
            x += kernels[:, k] * padded.narrow(axis, k, size)
    return x


def _mirrored(size: int, radius: int, device: torch.device) -> Tensor:
    """Which pixels stand at -radius … size + radius - 1, however far beyond the edge that is."""
    places = torch.arange(-radius, size + radius, device=device) % (2 * size)
    return torch.minimum(places, 2 * size - 1 - places)
