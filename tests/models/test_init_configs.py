"""Every file in conf/init keeps the contract of a scheme, with every model."""

import math
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from torch.nn import functional as F

from sweeplab.build import build

CONF = Path(__file__).parents[2] / "conf"
SCHEMES = sorted((CONF / "init").glob("*.yaml"))
MODELS = sorted((CONF / "model").glob("*.yaml"))
SHAPE = (3, 12, 12)
# how far the first loss may be from ln(classes); the others promise nothing: it depends on the width of the layers
PROMISED = {"default": 0.6, "glorot_uniform": 1.5}
HEAVY = {"alexnet_cifar", "vgg16"}  # tens of millions of weights to draw

every_scheme = pytest.mark.parametrize("scheme", SCHEMES, ids=lambda path: path.stem)

every_model = pytest.mark.parametrize(
    "model",
    [pytest.param(path, id=path.stem, marks=[pytest.mark.slow] * (path.stem in HEAVY)) for path in MODELS],
)


def build_model(model):
    config = OmegaConf.create({"dataset": {"shape": list(SHAPE), "num_classes": 10}, "model": OmegaConf.load(model)})
    torch.manual_seed(0)
    return build(OmegaConf.to_container(config, resolve=True)["model"], trusted=[])


def initialise(network, scheme):
    torch.manual_seed(1)
    assert build(OmegaConf.to_container(OmegaConf.load(scheme)), trusted=[])(network) is None


def test_there_are_schemes():
    assert {"default", "glorot_uniform", "kaiming_normal", "truncated_normal"} <= {path.stem for path in SCHEMES}


@every_scheme
def test_first_line_says_what_it_is_and_the_model_arrives_later(scheme):
    assert scheme.read_text().startswith("# ")
    assert OmegaConf.load(scheme)["_partial_"] is True


@every_scheme
@every_model
def test_with_every_model(scheme, model):
    """Logits are finite, the first loss is what the scheme promises, and the same seed gives the same weights."""
    network = build_model(model)
    initialise(network, scheme)
    before = [parameter.detach().clone() for parameter in network.parameters()]
    initialise(network, scheme)
    assert all(torch.equal(one, two) for one, two in zip(network.parameters(), before, strict=True))
    generator = torch.Generator().manual_seed(2)  # not that of the weights, which they would resemble
    with torch.no_grad():
        logits = network(torch.randn(10, *SHAPE, generator=generator))
    assert logits.isfinite().all()
    if scheme.stem in PROMISED:
        loss = F.cross_entropy(logits, torch.arange(10)).item()
        assert loss == pytest.approx(math.log(10), abs=PROMISED[scheme.stem])


@every_scheme
def test_every_kernel_is_the_schemes_own(scheme):
    """All but the default draw every kernel anew."""
    built, network = (build_model(CONF / "model" / "resnet_preact.yaml") for _ in range(2))
    initialise(network, scheme)
    kernels = [torch.equal(a, b) for a, b in zip(built.parameters(), network.parameters(), strict=True) if a.dim() > 1]
    assert len(kernels) == 86
    assert all(kernels) if scheme.stem == "default" else not any(kernels)
