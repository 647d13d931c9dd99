"""VGG16 for images of any size, from torchvision's convolutions: with its own classifier, and with global averaging."""

import math
from collections import OrderedDict
from collections.abc import Sequence

from torch import nn
from torchvision.models import vgg

from sweeplab.models.image_shape import image_shape
from sweeplab.models.mlp import MLP

REDUCTION = 32  # five poolings halve a side
GRID = 7  # 224 / 32: what the classifier was made for


def vgg16(*, shape: Sequence[int], num_classes: int, dropout: float) -> nn.Module:
    """Thirteen 3x3 convolutions with ReLU, five poolings, then layers of 4096, 4096 and classes.

    At (3, 224, 224) it is torchvision's VGG16. Larger images are averaged to the same grid of 7x7, as there. Smaller
    ones keep the grid that is left of them (32x32 images: 1x1), where torchvision would hand the classifier copies of
    the same values. Sides below 32 are rounded up at each pooling instead of down, so that something is left.
    Initial weights as torchvision draws them.

    Args:
        shape: of one example, (C, H, W).
        num_classes: width of the output.
        dropout: probability that a hidden unit of the classifier is dropped in training, in [0, 1).

    Raises:
        ValueError: the examples are no images, or the dropout is out of range.

    Source:
        Simonyan & Zisserman 2015, arXiv:1409.1556, table 1, column D.
    """
    _, *sides = image_shape(shape, model="vgg16", smallest=1)
    rounded = math.ceil if min(sides) < REDUCTION else math.floor
    grid = [rounded(side / REDUCTION) for side in sides]
    height, width = (min(GRID, side) for side in grid)
    classifier = MLP(
        shape=(512, height, width),
        num_classes=num_classes,
        hidden_sizes=[4096, 4096],
        input_dropout=0.0,
        dropout=dropout,
    )
    # not where nothing is averaged: this layer has no deterministic gradient on a GPU
    pool = nn.AdaptiveAvgPool2d((height, width)) if max(grid) > GRID else nn.Identity()
    return _drawn(nn.Sequential(OrderedDict(features=_features(shape), pool=pool, classifier=classifier)))


def vgg16_gap(*, shape: Sequence[int], num_classes: int) -> nn.Module:
    """VGG16's convolutions, the average of each channel over the remaining grid, one affine map.

    Sides below 32 are rounded up at each pooling instead of down, so that something is left. Initial weights as
    torchvision draws them.

    Args:
        shape: of one example, (C, H, W).
        num_classes: width of the output.

    Raises:
        ValueError: the examples are no images.

    Source:
        Simonyan & Zisserman 2015, arXiv:1409.1556, table 1, column D; Lin et al. 2014, arXiv:1312.4400, section 3.2
        for the average.
    """
    image_shape(shape, model="vgg16_gap", smallest=1)
    parts = OrderedDict(
        features=_features(shape),
        pool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        classifier=nn.Linear(512, num_classes),
    )
    return _drawn(nn.Sequential(parts))


def _features(shape: Sequence[int]) -> nn.Sequential:
    layers: nn.Sequential = vgg.make_layers(vgg.cfgs["D"])
    layers[0] = nn.Conv2d(shape[0], 64, kernel_size=3, padding=1)
    for layer in layers:
        if isinstance(layer, nn.MaxPool2d):
            layer.ceil_mode = min(shape[1:]) < REDUCTION
    return layers


def _drawn(model: nn.Module) -> nn.Module:
    """The model with initial weights as torchvision draws a VGG's, which it does in a constructor of its own."""
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.01)
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return model
