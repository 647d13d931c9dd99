"""The network of convolutions alone, with ELU."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from sweeplab.models.image_shape import image_shape

WIDTHS = (96, 96, 192, 192, 192, 192, 192, 192)  # of all convolutions but the last
SIZES = (3, 3, 3, 3, 3, 3, 3, 1, 1)
POOLED = (2, 5)  # convolutions after which the resolution is halved


class AllCNN(nn.Module):
    """Nine convolutions that keep the resolution, two average-poolings by 2, the mean over the remaining grid.

    ELU follows every convolution, the last one too, so no logit is below -1. Initial weights are torch's.

    Args:
        shape: of one example, (C, H, W); H and W at least 4.
        num_classes: width of the output.
        conv_bias: whether convolutions have a bias.

    Raises:
        ValueError: the examples are no images, or too small.

    Source:
        Springenberg et al. 2015, arXiv:1412.6806, All-CNN-C of section 3; Clevert et al. 2016, arXiv:1511.07289 (ELU).
        Differs: average-pooling for convolutions of stride 2, no dropout, same padding throughout.
    """

    def __init__(self, *, shape: Sequence[int], num_classes: int, conv_bias: bool) -> None:
        super().__init__()
        channels, _, _ = image_shape(shape, model="allcnn_elu", smallest=2 ** len(POOLED))
        widths = pairwise((channels, *WIDTHS, num_classes))
        self.convs = nn.ModuleList(
            nn.Conv2d(n_in, n_out, size, padding=size // 2, bias=conv_bias)
            for (n_in, n_out), size in zip(widths, SIZES, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes) of examples (B, C, H, W)."""
        for i, conv in enumerate(self.convs):
            x = F.elu(conv(x))
            if i in POOLED:
                x = F.avg_pool2d(x, 2)
        return x.mean((2, 3))
