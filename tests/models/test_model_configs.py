"""Every file in conf/model keeps the contract of a model."""

import inspect
import math
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch.nn import functional as F

CONF = Path(__file__).parents[2] / "conf" / "model"
FILES = sorted(CONF.glob("*.yaml"))
SHAPES = [(1, 8, 8), (1, 28, 28), (3, 32, 32)]

every_model = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))


def build(path, shape, num_classes=10, **changes):
    torch.manual_seed(0)
    dataset = {"shape": list(shape), "num_classes": num_classes}
    config = OmegaConf.create({"dataset": dataset, "model": OmegaConf.load(path)})
    return instantiate(config.model, **changes)


def test_there_are_models():
    assert {"logistic", "mlp", "lenet", "resnet18"} <= {path.stem for path in FILES}


@every_model
def test_first_line_names_the_source(path):
    assert path.read_text().startswith("# ")


@every_model
def test_shape_and_classes_come_from_the_data_set(path):
    node = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    assert (node["shape"], node["num_classes"]) == ("${dataset.shape}", "${dataset.num_classes}")
    assert "seed" not in node


@every_model
@every_shape
@pytest.mark.parametrize("num_classes", [2, 10])
def test_logits_have_a_column_per_class(path, shape, num_classes):
    logits = build(path, shape, num_classes)(torch.randn(3, *shape))
    assert logits.shape == (3, num_classes)
    assert logits.dtype == torch.float32


@every_model
@every_shape
def test_untrained_it_knows_nothing(path, shape):
    """Logits are small at first, so the loss of random labels is about that of a uniform guess, ln(classes)."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(64, *shape, generator=generator)
    y = torch.randint(10, (64,), generator=generator)
    assert F.cross_entropy(build(path, shape)(x), y).item() == pytest.approx(math.log(10), abs=0.6)


@every_model
@every_shape
def test_gradient_reaches_every_parameter(path, shape):
    model = build(path, shape)
    F.cross_entropy(model(torch.randn(8, *shape)), torch.arange(8)).backward()
    dead = [name for name, parameter in model.named_parameters() if not parameter.grad.abs().sum() > 0]
    assert dead == []


@every_model
def test_initial_weights_depend_on_the_seed_alone(path):
    one, two = (build(path, (1, 8, 8)).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


@every_model
def test_memory_layout_does_not_change_the_function(path):
    model = build(path, (3, 32, 32)).eval()
    x = torch.randn(4, 3, 32, 32)
    expected = model(x)
    model.to(memory_format=torch.channels_last)
    torch.testing.assert_close(model(x.contiguous(memory_format=torch.channels_last)), expected, rtol=1e-4, atol=1e-4)


@every_model
def test_class_states_no_defaults(path):
    """Defaults live in the YAML alone."""
    target = OmegaConf.load(path)["_target_"]
    if target.startswith("sweeplab."):
        module, _, name = target.rpartition(".")
        parameters = inspect.signature(getattr(__import__(module, fromlist=[name]), name)).parameters.values()
        assert all(parameter.default is parameter.empty for parameter in parameters)
