"""ResNet-18 against torchvision's published parameter count, with the changed stem and head computed by hand."""

import subprocess
import sys

import pytest
import torch
from torch import nn

TORCHVISION_RESNET18 = 11_689_512  # published: 3 channels, 7x7 stem, 1000 classes


@pytest.mark.parametrize(("channels", "num_classes"), [(3, 10), (1, 10), (3, 100)])
def test_parameter_count(channels, num_classes):
    from sweeplab.models.resnet import resnet18

    model = resnet18(shape=(channels, 32, 32), num_classes=num_classes)
    stem = 64 * 9 * channels - 64 * 49 * 3
    head = 513 * num_classes - 513 * 1000
    assert sum(parameter.numel() for parameter in model.parameters()) == TORCHVISION_RESNET18 + stem + head


def test_stem_keeps_the_resolution():
    """The last stage sees 1/8 of the image, not 1/32."""
    from sweeplab.models.resnet import resnet18

    model = resnet18(shape=(3, 32, 32), num_classes=10).eval()
    seen = []
    model.layer4.register_forward_hook(lambda layer, inputs, output: seen.append(output.shape))
    model(torch.randn(2, 3, 32, 32))
    assert seen == [(2, 512, 4, 4)]


def test_stem_is_drawn_as_torchvision_draws_its_convolutions():
    """He's normal distribution over what goes out: standard deviation sqrt(2 / (64 * 9))."""
    from sweeplab.models.resnet import resnet18

    torch.manual_seed(0)
    stem = resnet18(shape=(3, 32, 32), num_classes=10).conv1
    assert isinstance(stem, nn.Conv2d)
    assert stem.weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.1)


def test_features_are_refused():
    from sweeplab.models.resnet import resnet18

    with pytest.raises(ValueError, match=r"resnet18 needs images \(C, H, W\), got \[13\] \(dataset.shape\)"):
        resnet18(shape=(13,), num_classes=3)


def test_other_models_do_not_wait_for_torchvision():
    """It takes seconds to import, and only this model needs it."""
    code = (
        "import sys, sweeplab.models.lenet, sweeplab.models.mlp, sweeplab.models.logistic;"
        "sys.exit('torchvision' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
