"""torchvision's MobileNetV2 with a stem for small images."""

from collections.abc import Sequence

from torch import nn
from torchvision import models

from sweeplab.models.dropout import dropout_layer
from sweeplab.models.image_shape import image_shape

# the smallest images of the paper: smaller ones would end as a grid of 2x2 or less
FULL_SIZE = 96


def mobilenet_v2(*, shape: Sequence[int], num_classes: int, dropout: float) -> nn.Module:
    """MobileNetV2; images with a side below 96 keep their resolution in the first convolution and the second stage.

    So the last stage sees 1/8 of a small image, 4x4 for 32x32, and 1/32 of a large one. Strides have no parameters:
    there are as many as in torchvision's. Initial weights as torchvision draws them. Batch normalisation needs more
    than one value per channel, so inputs of 8x8 and smaller cannot be trained on a batch of one example.

    Args:
        shape: of one example, (C, H, W).
        num_classes: width of the output.
        dropout: probability that an input of the last layer is dropped in training, in [0, 1).

    Raises:
        ValueError: the examples are no images, or the dropout is out of range.

    Source:
        Sandler et al. 2018, arXiv:1801.04381, table 2.
    """
    channels, *sides = image_shape(shape, model="mobilenet_v2", smallest=1)
    stride = 1 if min(sides) < FULL_SIZE else 2
    network = models.MobileNetV2(num_classes=num_classes, inverted_residual_setting=_stages(stride))
    stem = nn.Conv2d(channels, 32, kernel_size=3, stride=stride, padding=1, bias=False)
    nn.init.kaiming_normal_(stem.weight, mode="fan_out")
    network.features[0][0] = stem
    network.classifier[0] = dropout_layer(dropout, key="dropout")
    model: nn.Module = network
    return model


def _stages(second_stride: int) -> list[list[int]]:
    """Expansion, channels, blocks and stride of each stage."""
    return [
        [1, 16, 1, 1],
        [6, 24, 2, second_stride],
        [6, 32, 3, 2],
        [6, 64, 4, 2],
        [6, 96, 3, 1],
        [6, 160, 3, 2],
        [6, 320, 1, 1],
    ]
