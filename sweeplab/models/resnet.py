"""torchvision's residual networks with a stem for small images."""

from collections.abc import Sequence

from torch import nn
from torchvision import models


def resnet18(*, shape: Sequence[int], num_classes: int) -> nn.Module:
    """ResNet-18 whose stem keeps the resolution: a 3x3 convolution of stride 1 and no max-pooling.

    Initial weights as torchvision draws them. Batch normalisation needs more than one value per channel, so inputs of
    8x8 and smaller cannot be trained on a batch of one example.

    Args:
        shape: of one example, (C, H, W).
        num_classes: width of the output.

    Raises:
        ValueError: the examples are no images.

    Source:
        He et al. 2016, arXiv:1512.03385, section 4.2 for the stem, table 1 for the rest.
    """
    if len(shape) != 3:
        raise ValueError(f"resnet18 needs images (C, H, W), got {list(shape)} (dataset.shape)")
    network: nn.Module = models.resnet18(num_classes=num_classes)
    stem = nn.Conv2d(shape[0], 64, kernel_size=3, padding=1, bias=False)
    nn.init.kaiming_normal_(stem.weight, mode="fan_out", nonlinearity="relu")
    network.conv1, network.maxpool = stem, nn.Identity()
    return network
