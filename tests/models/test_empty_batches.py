"""A rank whose part of a batch is empty still takes part: no example, no loss, gradients of zero."""

import pytest
import torch
from test_model_configs import FILES, build
from torch import nn
from torch.nn import functional as F

# Over several devices it looks at whole batches, on GPUs: what one device makes of no example is not asked.
NORMALISED = {"resnet18", "resnet_preact", "mobilenet_v2", "vgg16_bn"}


@pytest.mark.parametrize("path", [path for path in FILES if path.stem not in NORMALISED], ids=lambda path: path.stem)
def test_every_model_takes_no_example(path):
    """In training and in evaluation."""
    shape = (3, 32, 32)
    model = build(path, shape).to(memory_format=torch.channels_last)
    x, y = torch.empty(0, *shape), torch.empty(0, dtype=torch.int64)
    loss = F.cross_entropy(model(x), y, reduction="sum") / 32
    loss.backward()

    assert loss.item() == 0
    assert all(not parameter.grad.any() for parameter in model.parameters())
    assert model.eval()(x).shape == (0, 10)
    assert not any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules())
