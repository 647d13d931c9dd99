"""LeNet against the same network written plainly with torch's own layers."""

import pytest
import torch
from torch.nn import functional as F

from sweeplab.models.lenet import LeNet


def textbook(model, x):
    """Convolution, bias, ReLU, then max-pooling: the order of the papers."""
    for conv in (model.conv1, model.conv2):
        x = F.max_pool2d(F.relu(F.conv2d(x, conv.weight, conv.bias, padding=conv.padding)), 2)
    for layer in (model.fc1, model.fc2):
        x = F.relu(layer(x.flatten(1)))
    return model.fc3(x)


def lenet(shape, num_classes=10):
    torch.manual_seed(0)
    return LeNet(shape=shape, num_classes=num_classes).double()


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 28, 28), 61_706),  # (25+1)*6 + (150+1)*16 + 401*120 + 121*84 + 85*10
        ((1, 32, 32), 61_706),
        ((3, 32, 32), 62_006),  # 75 weights for 25 in each of the first 6 kernels
        ((1, 8, 8), 61_706 - (400 - 64) * 120),
    ],
)
def test_parameter_counts(shape, expected):
    assert sum(parameter.numel() for parameter in lenet(shape).parameters()) == expected


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 8, 8), (2, 9, 13), (1, 4, 4)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_pooling_before_relu_is_the_same_function(shape, layout):
    """Logits and all gradients are those of the textbook order, whatever the memory layout."""
    model = lenet(shape).to(memory_format=layout)
    results = []
    for forward in (model, lambda x: textbook(model, x)):
        torch.manual_seed(1)
        x = torch.randn(5, *shape, dtype=torch.float64).contiguous(memory_format=layout).requires_grad_()
        logits = forward(x)
        gradients = torch.autograd.grad(logits.square().sum(), [x, *model.parameters()])
        results.append([logits, *gradients])
    for ours, plain in zip(*results, strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-9, atol=1e-12)


def test_ties_give_the_gradient_to_the_same_pixel():
    """Flat images make every pixel of a window equal: max-pooling must still choose the first, as torch's does."""
    model = lenet((1, 28, 28))
    x = torch.ones(3, 1, 28, 28, dtype=torch.float64)
    gradients = [
        torch.autograd.grad(forward(x.requires_grad_()).sum(), [x, *model.parameters()])
        for forward in (model, lambda x: textbook(model, x))
    ]
    for ours, plain in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-9, atol=1e-12)


def test_a_nan_pixel_is_not_pooled_away():
    x = torch.zeros(2, 1, 28, 28, dtype=torch.float64)
    x[0, 0, 14, 14] = torch.nan
    logits = lenet((1, 28, 28))(x)
    assert logits[0].isnan().all()
    assert logits[1].isfinite().all()


@pytest.mark.parametrize("shape", [(1, 3, 28), (1, 28, 2), (13,)])
def test_too_small_images_are_refused(shape):
    with pytest.raises(
        ValueError, match=r"lenet needs images \(C, H, W\) of at least 4x4, got \[.*\] \(dataset.shape\)"
    ):
        LeNet(shape=shape, num_classes=10)
