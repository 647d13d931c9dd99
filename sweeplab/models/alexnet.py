"""AlexNet, arranged for images of 32x32."""

from collections.abc import Sequence

from torch import Tensor, nn

from sweeplab.models.image_shape import image_shape
from sweeplab.models.mlp import MLP

SMALLEST = 9  # leaves 1x1
GRID = 6  # what 32x32 images leave


class AlexNet(nn.Module):
    """Five 3x3 convolutions of stride 1 with ReLU, two overlapping poolings, then layers of 4096, 4096, classes.

    32x32 images leave a grid of 6x6 and have AlexNet's 9216 features. Smaller images leave a smaller grid; that of
    larger ones is averaged to 6x6, or the first layer after it would not fit in memory. No dropout and no local
    response normalisation. Initial weights are torch's.

    Args:
        shape: of one example, (C, H, W); H and W at least 9.
        num_classes: width of the output.

    Raises:
        ValueError: the examples are no images, or too small.

    Source:
        Krizhevsky et al. 2012, doi:10.1145/3065386, section 3.5. Differs: the first two convolutions are 3x3 and keep
        the resolution, the pooling after the first one, the dropout and the normalisation are left out.
    """

    def __init__(self, *, shape: Sequence[int], num_classes: int) -> None:
        super().__init__()
        channels, *sides = image_shape(shape, model="alexnet_cifar", smallest=SMALLEST)
        grid = [_remaining(side) for side in sides]
        height, width = (min(GRID, side) for side in grid)
        self.features = nn.Sequential(
            *_convolution(channels, 96, padding=0),
            *_convolution(96, 256, padding=1),
            nn.MaxPool2d(3, stride=2),
            *_convolution(256, 384, padding=1),
            *_convolution(384, 384, padding=1),
            *_convolution(384, 256, padding=1),
            nn.MaxPool2d(3, stride=2),
        )
        # not where nothing is averaged: this layer has no deterministic gradient on a GPU
        self.pool = nn.AdaptiveAvgPool2d((height, width)) if max(grid) > GRID else nn.Identity()
        self.classifier = MLP(
            shape=(256, height, width),
            num_classes=num_classes,
            hidden_sizes=[4096, 4096],
            input_dropout=0.0,
            dropout=0.0,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes) of examples (B, C, H, W)."""
        logits: Tensor = self.classifier(self.pool(self.features(x)))
        return logits


def _convolution(n_in: int, n_out: int, *, padding: int) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(n_in, n_out, 3, padding=padding), nn.ReLU(inplace=True)


def _remaining(side: int) -> int:
    after_first = (side - 2 - 3) // 2 + 1
    return (after_first - 3) // 2 + 1
