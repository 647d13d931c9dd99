"""The pre-activation ResNet against the same network written with torch's functions alone."""

import pytest
import torch
from torch.nn import functional as F

from sweeplab.models.resnet_preact import ResNetPreact


def published(shape=(3, 32, 32)):
    torch.manual_seed(0)
    return ResNetPreact(shape=shape, num_classes=10, stages=[9, 9, 9], filters=[64, 64, 128, 256])


def small():
    torch.manual_seed(0)
    return ResNetPreact(shape=(3, 32, 32), num_classes=10, stages=[2, 1, 2], filters=[6, 8, 12, 16]).double()


def plain(state, x, stages):
    """Logits in training, from named arrays: the text of the source, step by step."""

    def norm_relu(x, name):
        """(x - mean) / sqrt(variance + eps) over the batch, then scale, shift and ReLU."""
        mean = x.mean((0, 2, 3), keepdim=True)
        variance = ((x - mean) ** 2).mean((0, 2, 3), keepdim=True)
        scale, shift = (state[f"{name}.{part}"][:, None, None] for part in ("weight", "bias"))
        x = (x - mean) / (variance + 2e-5).sqrt() * scale + shift
        return x if name == "input_norm" else x.clamp(min=0)

    x = norm_relu(x, "input_norm")
    x = F.conv2d(x, state["stem.weight"], padding=1)
    for i, num_blocks in enumerate(stages):
        for j in range(num_blocks):
            block = f"stages.{i}.{j}"
            stride = 2 if i > 0 and j == 0 else 1
            act1 = norm_relu(x, f"{block}.norm1")
            shortcut = F.conv2d(act1, state[f"{block}.shortcut.weight"], stride=stride) if j == 0 else x
            y = F.conv2d(act1, state[f"{block}.conv1.weight"])
            y = F.conv2d(norm_relu(y, f"{block}.norm2"), state[f"{block}.conv2.weight"], stride=stride, padding=1)
            x = F.conv2d(norm_relu(y, f"{block}.norm3"), state[f"{block}.conv3.weight"]) + shortcut
    x = F.avg_pool2d(norm_relu(x, "norm"), 8).flatten(1)
    return x @ state["head.weight"].T + state["head.bias"]


def test_it_is_the_plain_network():
    """Logits and every gradient, with scales and shifts that are not 1 and 0."""
    model = small()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, mean=0.1, std=0.5)
    x = torch.randn(4, 3, 32, 32, dtype=torch.float64)
    names = [name for name, _ in model.named_parameters()]
    results = [
        [logits, *torch.autograd.grad(logits.square().sum(), model.parameters())]
        for logits in (model(x), plain(dict(model.named_parameters()), x, [2, 1, 2]))
    ]
    for name, ours, expected in zip(["logits", *names], *results, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-6, atol=1e-8, msg=lambda text, name=name: f"{name}: {text}")


def test_counts_of_the_published_sizes():
    model = published()
    convolutions = [layer for layer in model.modules() if isinstance(layer, torch.nn.Conv2d)]
    running = sum(v.numel() for k, v in model.state_dict().items() if k.endswith(("running_mean", "running_var")))
    trainable = sum(parameter.numel() for parameter in model.parameters())
    assert len(convolutions) == 85
    assert all(layer.bias is None for layer in convolutions)
    assert (trainable, trainable + running) == (873_872, 886_102)


def test_normalisations_are_the_sources():
    norms = [layer for layer in published().modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    assert {(layer.eps, layer.momentum) for layer in norms} == {(2e-5, 0.1)}
    assert len(norms) == 1 + 27 * 3 + 1


@pytest.mark.parametrize(
    ("shape", "sizes"),
    [((3, 32, 32), [32, 16, 8]), ((1, 28, 28), [28, 14, 7]), ((3, 96, 96), [96, 48, 24]), ((1, 9, 9), [9, 5, 3])],
)
def test_the_first_stage_keeps_the_resolution_and_the_others_halve_it(shape, sizes):
    with torch.device("meta"):
        model, seen = published(shape), []
        for stage in model.stages:
            stage.register_forward_hook(lambda layer, inputs, output: seen.append(output.shape))
        model(torch.empty(2, *shape))
    assert [tuple(size) for size in seen] == [(2, n, side, side) for n, side in zip((64, 128, 256), sizes, strict=True)]


def test_parameters_have_names_to_choose_them_by():
    """Kernels with a penalty of their own are named by part: the first convolution, the stages, the last layer."""
    names = [name for name, parameter in published().named_parameters() if parameter.dim() > 1]
    assert [name for name in names if not name.startswith("stages.")] == ["stem.weight", "head.weight"]
    assert len(names) == 86


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stages": []}, r"stages must all be >= 1 and at least one, got \[\] \(model.stages\)"),
        ({"stages": [1, 0]}, r"stages must all be >= 1 and at least one, got \[1, 0\] \(model.stages\)"),
        (
            {"filters": [8, 8]},
            r"filters must be one more than the 2 stages, got \[8, 8\] \(model.filters, model.stages\)",
        ),
        ({"filters": [8, 8, 10]}, r"after the first must be divisible by 4, got \[8, 8, 10\] \(model.filters\)"),
        ({"filters": [8, 0, 8]}, r"filters must be >= 1, got \[8, 0, 8\] \(model.filters\)"),
        ({"filters": [0, 8, 8]}, r"filters must be >= 1, got \[0, 8, 8\] \(model.filters\)"),
    ],
)
def test_values_that_do_not_fit_are_refused(changes, message):
    settings = {"shape": (3, 32, 32), "num_classes": 10, "stages": [1, 1], "filters": [8, 8, 8]}
    with pytest.raises(ValueError, match=message):
        ResNetPreact(**settings | changes)
