"""MobileNetV2 against torchvision's."""

import pytest
import torch
from torchvision import models

from sweeplab.models.mobilenet import mobilenet_v2


def test_for_large_images_it_is_torchvisions():
    """Same names, same shapes, same function."""
    torch.manual_seed(0)
    theirs = models.mobilenet_v2(num_classes=7).eval()
    ours = mobilenet_v2(shape=(3, 96, 96), num_classes=7, dropout=0.2).eval()
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_small_images_change_strides_alone(dropout):
    """The same weights fit, and without the two strides of 2 torchvision's gives the same logits."""
    torch.manual_seed(0)
    theirs = models.mobilenet_v2(num_classes=10).eval()
    ours = mobilenet_v2(shape=(3, 32, 32), num_classes=10, dropout=dropout).eval()
    ours.load_state_dict(theirs.state_dict())
    theirs.features[0][0].stride = theirs.features[2].conv[1][0].stride = (1, 1)
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize(("side", "grid"), [(8, 1), (28, 4), (32, 4), (64, 8), (95, 12), (96, 3), (224, 7)])
def test_the_grid_that_the_last_stage_sees(side, grid):
    with torch.device("meta"):
        model = mobilenet_v2(shape=(1, side, side), num_classes=10, dropout=0.2)
        assert model.features(torch.empty(2, 1, side, side)).shape == (2, 1280, grid, grid)


def test_one_channel_has_a_third_of_the_first_kernels():
    with torch.device("meta"):
        grey, coloured = (
            sum(p.numel() for p in mobilenet_v2(shape=(n, 32, 32), num_classes=10, dropout=0.2).parameters())
            for n in (1, 3)
        )
    assert coloured - grey == 32 * 9 * 2


def test_stem_is_drawn_as_torchvision_draws_its_convolutions():
    torch.manual_seed(0)
    stem = mobilenet_v2(shape=(3, 32, 32), num_classes=10, dropout=0.2).features[0][0]
    assert stem.weight.std().item() == pytest.approx((2 / (32 * 9)) ** 0.5, rel=0.1)


def test_dropout_is_the_one_asked_for():
    model = mobilenet_v2(shape=(3, 32, 32), num_classes=10, dropout=0.35)
    assert [layer.p for layer in model.modules() if isinstance(layer, torch.nn.Dropout)] == [0.35]
    with pytest.raises(ValueError, match=r"^dropout must be in \[0, 1\), got -1 \(model.dropout\)$"):
        mobilenet_v2(shape=(3, 32, 32), num_classes=10, dropout=-1)
