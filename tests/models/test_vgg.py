"""VGG16 and its averaged form against torchvision's, and against torch's functions alone."""

from functools import partial

import pytest
import torch
from torch.nn import functional as F
from torchvision import models

from sweeplab.models.vgg import vgg16, vgg16_gap


def shapes_of(model):
    return [tuple(parameter.shape) for parameter in model.parameters()]


def test_for_images_of_imagenet_it_has_torchvisions_parameters():
    with torch.device("meta"):
        ours = vgg16(shape=(3, 224, 224), num_classes=1000, dropout=0.5)
        assert shapes_of(ours) == shapes_of(models.vgg16())


def with_the_weights_of(make, other):
    """The names differ, the order does not; on the meta device no weight is drawn only to be replaced."""
    with torch.device("meta"):
        model = make()
    model.load_state_dict(dict(zip(model.state_dict(), other.state_dict().values(), strict=True)), assign=True)
    return model.eval()


@pytest.mark.slow
def test_for_large_images_it_is_torchvisions_function():
    """At 224 the classifier sees the grid of 7x7 itself, at 256 its average."""
    theirs = models.vgg16(num_classes=10, init_weights=False).eval()
    for side in (224, 256):
        x = torch.randn(1, 3, side, side)
        ours = with_the_weights_of(partial(vgg16, shape=(3, side, side), num_classes=10, dropout=0.5), theirs)
        with torch.no_grad():
            torch.testing.assert_close(ours(x), theirs(x))


def test_for_small_images_it_is_torchvisions_without_copies():
    """torchvision repeats a grid of 1x1 49 times; summing the 49 weights of each value is the same function."""
    torch.manual_seed(0)
    ours = vgg16(shape=(3, 32, 32), num_classes=10, dropout=0.5).eval()
    x = torch.randn(2, 3, 32, 32)
    first, *_ = (layer for layer in ours.classifier.layers if isinstance(layer, torch.nn.Linear))
    repeated = F.adaptive_avg_pool2d(ours.features(x), 7)
    assert repeated.shape == (2, 512, 7, 7)
    hidden = F.linear(repeated.flatten(1), first.weight.repeat_interleave(49, dim=1) / 49, first.bias)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), ours.classifier.layers[1:](hidden))


def test_averaged_it_is_torchvisions_convolutions_then_a_mean_and_an_affine_map():
    torch.manual_seed(0)
    model = vgg16_gap(shape=(3, 64, 96), num_classes=2)
    x = torch.randn(2, 3, 64, 96)
    theirs = with_the_weights_of(lambda: models.vgg16().features, model.features)
    with torch.no_grad():
        features = theirs(x)
        expected = features.mean((2, 3)) @ model.classifier.weight.T + model.classifier.bias
        torch.testing.assert_close(model(x), expected)
    assert features.shape == (2, 512, 2, 3)


def test_it_is_column_d_of_the_paper():
    """Thirteen 3x3 convolutions with bias, a halving after the 2nd, 4th, 7th, 10th and 13th."""
    with torch.device("meta"):
        model = vgg16_gap(shape=(3, 224, 224), num_classes=2)
        seen = [(3, 224)]
        for layer in model.features:
            layer.register_forward_hook(lambda layer, inputs, output: seen.append((output.shape[1], output.shape[2])))
        model(torch.empty(1, 3, 224, 224))
    sides = [side for _, side in dict.fromkeys(seen)]
    assert sorted(set(sides), reverse=True) == [224, 112, 56, 28, 14, 7]
    widths = [layer.out_channels for layer in model.features if isinstance(layer, torch.nn.Conv2d)]
    assert widths == [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6


@pytest.mark.parametrize(("side", "grid"), [(8, 1), (28, 1), (32, 1), (64, 2), (100, 3)])
def test_the_grid_that_small_images_leave(side, grid):
    with torch.device("meta"):
        model = vgg16(shape=(1, side, side), num_classes=10, dropout=0.0)
        assert model.features(torch.empty(1, 1, side, side)).shape == (1, 512, grid, grid)
    assert model.classifier.layers[0].in_features == 512 * grid * grid


def test_initial_weights_are_drawn_as_torchvision_draws_them():
    """He's normal distribution over what goes out for convolutions, 0.01 for affine layers, no bias."""
    torch.manual_seed(0)
    model = vgg16(shape=(3, 32, 32), num_classes=10, dropout=0.5)
    convolutions = [layer for layer in model.features if isinstance(layer, torch.nn.Conv2d)]
    for layer in convolutions:
        assert layer.weight.std().item() == pytest.approx((2 / (9 * layer.out_channels)) ** 0.5, rel=0.05)
    affine = [layer for layer in model.classifier.layers if isinstance(layer, torch.nn.Linear)]
    assert [layer.weight.std().item() for layer in affine] == pytest.approx([0.01] * 3, rel=0.02)
    assert all(not layer.bias.any() for layer in [*convolutions, *affine])


def test_dropout_out_of_range_is_refused():
    with (
        torch.device("meta"),
        pytest.raises(ValueError, match=r"^dropout must be in \[0, 1\), got 1 \(model.dropout\)$"),
    ):
        vgg16(shape=(3, 32, 32), num_classes=10, dropout=1)
