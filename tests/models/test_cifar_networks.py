"""AlexNet, All-CNN and the Adam paper's CNN against the same networks written with torch's functions alone."""

import pytest
import torch
from torch.nn import functional as F

from sweeplab.models.adam_cnn import AdamCNN
from sweeplab.models.alexnet import AlexNet
from sweeplab.models.allcnn import AllCNN

POOLING = {"kernel_size": 3, "stride": 2, "padding": 1}


def adam_cnn(shape=(3, 32, 32), num_classes=10, *, pooling=POOLING, input_dropout=0.0, dropout=0.0):
    torch.manual_seed(0)
    return AdamCNN(
        shape=shape, num_classes=num_classes, pooling=pooling, input_dropout=input_dropout, dropout=dropout
    ).double()


def plain_alexnet(weights, x):
    w = iter(weights)
    x = F.relu(F.conv2d(x, next(w), next(w)))
    x = F.relu(F.conv2d(x, next(w), next(w), padding=1))
    x = F.max_pool2d(x, 3, 2)
    for _ in range(3):
        x = F.relu(F.conv2d(x, next(w), next(w), padding=1))
    x = F.max_pool2d(x, 3, 2).flatten(1)
    assert x.shape[1] == 9216
    x = F.relu(F.linear(x, next(w), next(w)))
    x = F.relu(F.linear(x, next(w), next(w)))
    return F.linear(x, next(w), next(w))


def plain_allcnn(weights, x):
    def convolutions(x, kernels):
        for kernel in kernels:
            z = F.conv2d(x, kernel, padding="same")
            x = torch.where(z > 0, z, z.clamp(max=0).exp() - 1)
        return x

    x = F.avg_pool2d(convolutions(x, weights[:3]), 2)
    x = F.avg_pool2d(convolutions(x, weights[3:6]), 2)
    x = convolutions(x, weights[6:])
    assert x.shape[2:] == (8, 8)
    return x.sum((2, 3)) / 64


def plain_adam_cnn(weights, x):
    w = iter(weights)
    for side in (16, 8, 4):
        x = F.max_pool2d(F.conv2d(x, next(w), next(w), padding=2).clamp(min=0), 3, 2, 1)
        assert x.shape[2:] == (side, side)
    x = F.linear(x.flatten(1), next(w), next(w)).clamp(min=0)
    return F.linear(x, next(w), next(w))


@pytest.mark.parametrize(
    ("make", "plain", "dtype"),
    [
        pytest.param(
            lambda: AlexNet(shape=(3, 32, 32), num_classes=10),
            plain_alexnet,
            torch.float32,  # its size would take twice the time
            marks=pytest.mark.slow,
        ),
        (lambda: AllCNN(shape=(3, 32, 32), num_classes=10, conv_bias=False), plain_allcnn, torch.float64),
        (adam_cnn, plain_adam_cnn, torch.float64),
    ],
    ids=["alexnet", "allcnn", "adam_cnn"],
)
def test_it_is_the_plain_network(make, plain, dtype):
    """Logits and every gradient."""
    torch.manual_seed(0)
    model = make().to(dtype)
    x = torch.randn(2, 3, 32, 32, dtype=dtype)
    weights = list(model.parameters())
    results = [
        [logits, *torch.autograd.grad(logits.square().sum(), weights)] for logits in (model(x), plain(weights, x))
    ]
    rtol, atol = (1e-8, 1e-12) if dtype == torch.float64 else (1e-3, 1e-6)
    for ours, expected in zip(*results, strict=True):
        torch.testing.assert_close(ours, expected, rtol=rtol, atol=atol)


@pytest.mark.parametrize(
    ("side", "grid", "features"),
    [(9, 1, 256), (28, 5, 256 * 25), (32, 6, 9216), (64, 14, 9216), (224, 54, 9216)],
)
def test_alexnet_averages_what_is_larger_than_the_grid_of_32_pixels(side, grid, features):
    with torch.device("meta"):
        model = AlexNet(shape=(1, side, side), num_classes=10)
        x = model.features(torch.empty(1, 1, side, side))
        assert x.shape == (1, 256, grid, grid)
        assert model.classifier.layers[0].in_features == features
        assert model(torch.empty(1, 1, side, side)).shape == (1, 10)


def test_alexnet_drops_and_normalises_nothing():
    with torch.device("meta"):
        model = AlexNet(shape=(3, 32, 32), num_classes=10)
    assert {layer.p for layer in model.modules() if isinstance(layer, torch.nn.Dropout)} == {0.0}
    assert not model.state_dict().keys() - dict(model.named_parameters()).keys()


def test_allcnn_has_nine_numbered_convolutions():
    with torch.device("meta"):
        model = AllCNN(shape=(3, 32, 32), num_classes=10, conv_bias=False)
    assert [name for name, _ in model.named_parameters()] == [f"convs.{i}.weight" for i in range(9)]


def test_allcnn_may_have_biases():
    with torch.device("meta"):
        without, with_them = (AllCNN(shape=(3, 32, 32), num_classes=10, conv_bias=bias) for bias in (False, True))
    count = [sum(p.numel() for p in model.parameters()) for model in (without, with_them)]
    assert count[1] - count[0] == 2 * 96 + 6 * 192 + 10


def test_allcnn_logits_are_above_minus_one():
    """ELU follows the last convolution, too."""
    model = AllCNN(shape=(3, 8, 8), num_classes=10, conv_bias=False)
    torch.nn.init.constant_(model.convs[-1].weight, -100.0)
    logits = model(torch.randn(4, 3, 8, 8))
    assert logits.min().item() >= -1


def test_adam_cnn_drops_the_image_and_the_layer_of_1000():
    """Each dropout alone makes passes differ in training and not in evaluation; without both they are the same."""
    x = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    for changes in ({"input_dropout": 0.2}, {"dropout": 0.5}):
        model = adam_cnn(**changes)
        assert not torch.equal(model(x), model(x))
        model.eval()
        assert torch.equal(model(x), model(x))
    model = adam_cnn()
    assert torch.equal(model(x), model(x))


def test_adam_cnn_scales_what_its_input_keeps():
    model, seen = adam_cnn(input_dropout=0.2), []
    model.features.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    model(torch.ones(20, 3, 32, 32, dtype=torch.float64))
    [x] = seen
    torch.testing.assert_close(x.unique(), torch.tensor([0.0, 1 / 0.8], dtype=torch.float64))
    # 61,440 values: standard deviation of the share 0.0016
    assert (x == 0).double().mean().item() == pytest.approx(0.2, abs=0.008)


def test_adam_cnn_drops_half_of_the_layer_of_1000():
    model, seen = adam_cnn(dropout=0.5), []
    *_, last = model.classifier.layers
    last.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    model(torch.randn(2, 3, 32, 32, dtype=torch.float64))
    x = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    model.eval()(x)
    model.train()(x)
    _, whole, dropped = seen
    assert whole.shape == (2, 1000)
    kept = dropped != 0
    torch.testing.assert_close(dropped[kept], 2 * whole[kept])
    assert kept.sum().item() == pytest.approx((whole > 0).sum().item() / 2, rel=0.2)


@pytest.mark.parametrize(
    ("pooling", "grid"),
    [({"kernel_size": 3, "stride": 2, "padding": 0}, 3), ({"kernel_size": 2, "stride": 2, "padding": 0}, 4)],
)
def test_adam_cnn_takes_other_poolings(pooling, grid):
    model = adam_cnn(pooling=pooling)
    x = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    assert model.features(x).shape == (2, 128, grid, grid)
    assert model(x).shape == (2, 10)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"pooling": {"kernel_size": 3}},
            r"pooling must give kernel_size, stride and padding, got \{'kernel_size': 3\}",
        ),
        ({"pooling": POOLING | {"stride": 0}}, r"pooling must have stride >= 1 and padding in \[0, kernel_size / 2\]"),
        (
            {"pooling": POOLING | {"padding": 2}},
            r"padding in \[0, kernel_size / 2\], got \{.*'padding': 2\} \(model.pool",
        ),
        (
            {"shape": (1, 8, 8), "pooling": POOLING | {"padding": 0}},
            r"pooling leaves nothing of images \[1, 8, 8\], got \{.*\} \(model.pooling\)",
        ),
        ({"input_dropout": 1.0}, r"^input_dropout must be in \[0, 1\), got 1.0 \(model.input_dropout\)$"),
        ({"dropout": 2.0}, r"^dropout must be in \[0, 1\), got 2.0 \(model.dropout\)$"),
    ],
)
def test_adam_cnn_refuses_values_that_do_not_fit(changes, message):
    with pytest.raises(ValueError, match=message):
        adam_cnn(**changes)
