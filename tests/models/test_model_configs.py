"""Every file in conf/model keeps the contract of a model."""

import inspect
import math
import re
from functools import cache
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from torch.nn import functional as F

from sweeplab.build import build as build_node

CONF = Path(__file__).parents[2] / "conf" / "model"
FILES = sorted(CONF.glob("*.yaml"))
SHAPES = [(1, 8, 8), (1, 28, 28), (3, 32, 32)]
REFUSAL = re.compile(r"needs images \(C, H, W\) of at least (\d+)x\1, got \[.*\] \(dataset.shape\)$")

TAKE_VECTORS = {"mlp", "logistic"}

# trainable parameters as the sources, or sums over them, have it: shape, classes, changes of the file, count
PUBLISHED = {
    "resnet_preact": ((3, 32, 32), 10, {}, 873_872),
    "vgg16_gap": ((3, 224, 224), 2, {}, 14_715_714),
    "vgg16": ((3, 224, 224), 1000, {}, 138_357_544),
    "mobilenet_v2": ((3, 224, 224), 1000, {}, 3_504_872),
    "lenet_cifar": ((3, 32, 32), 10, {}, 62_006),
    "alexnet_cifar": ((3, 32, 32), 10, {}, 57_896_842),
    "allcnn_elu": ((3, 32, 32), 10, {}, 1_617_312),
    "adam_cnn": ((3, 32, 32), 10, {}, 2_371_266),
    "mlp": ((1, 28, 28), 10, {"hidden_sizes": [1000, 1000]}, 1_796_010),
    "logistic": ((1, 28, 28), 10, {}, 7_850),
}

every_model = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))


def build(path, shape, num_classes=10, **changes):
    torch.manual_seed(0)
    dataset = {"shape": list(shape), "num_classes": num_classes}
    config = OmegaConf.create({"dataset": dataset, "model": OmegaConf.load(path)})
    return build_node(OmegaConf.to_container(config, resolve=True)["model"] | changes, trusted=[])


@cache
def smallest_side(path):
    """The size that a model declares when it refuses an image of one pixel; 1 where it takes that."""
    try:
        with torch.device("meta"):
            build(path, (1, 1, 1))
    except ValueError as error:
        if declared := REFUSAL.search(str(error)):
            return int(declared[1])
        raise
    return 1


def accepted(path, shape):
    channels, *sides = shape
    return (channels, *(max(side, smallest_side(path)) for side in sides))


def test_there_are_models():
    assert {"logistic", "mlp", "lenet", "resnet18", *PUBLISHED} <= {path.stem for path in FILES}


@every_model
def test_first_line_names_the_source(path):
    assert path.read_text().startswith("# ")


@every_model
def test_shape_and_classes_come_from_the_data_set(path):
    node = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    assert (node["shape"], node["num_classes"]) == ("${dataset.shape}", "${dataset.num_classes}")
    assert "seed" not in node


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameter_count_is_the_published_one(name):
    shape, num_classes, changes, expected = PUBLISHED[name]
    with torch.device("meta"):
        model = build(CONF / f"{name}.yaml", shape, num_classes, **changes)
    assert sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad) == expected


@every_model
@every_shape
@pytest.mark.parametrize("num_classes", [2, 10])
def test_logits_have_a_column_per_class(path, shape, num_classes):
    shape = accepted(path, shape)
    with torch.device("meta"):
        logits = build(path, shape, num_classes)(torch.randn(3, *shape))
    assert logits.shape == (3, num_classes)
    assert logits.dtype == torch.float32


@every_model
@pytest.mark.parametrize("shape", [(3, 64, 64), (3, 96, 128), (2, 33, 47)], ids=lambda shape: "x".join(map(str, shape)))
def test_larger_and_oblong_images_will_do(path, shape):
    with torch.device("meta"):
        assert build(path, shape)(torch.randn(2, *shape)).shape == (2, 10)


@every_model
def test_images_of_28_pixels_will_do(path):
    assert smallest_side(path) <= 28


@every_model
def test_too_small_images_are_refused_and_no_others(path):
    """What the message declares is true: at that size the model works, and one pixel less is refused."""
    smallest = smallest_side(path)
    logits = build(path, (1, smallest, smallest))(torch.randn(2, 1, smallest, smallest))
    assert logits.isfinite().all()
    if smallest > 1:
        for shape in [(1, smallest - 1, 40), (1, 40, smallest - 1)]:
            with pytest.raises(
                ValueError, match=rf"of at least {smallest}x{smallest}, got \[1, .*\] \(dataset.shape\)"
            ):
                build(path, shape)


@every_model
def test_vectors_are_taken_or_refused(path):
    """A bag of words is no image, and a model that needs one says so."""
    if path.stem in TAKE_VECTORS:
        assert build(path, (13,), num_classes=3)(torch.randn(2, 13)).shape == (2, 3)
    else:
        with pytest.raises(ValueError, match=r"needs images \(C, H, W\).*, got \[13\] \(dataset.shape\)$"):
            build(path, (13,), num_classes=3)


@every_model
@every_shape
def test_untrained_it_knows_nothing(path, shape):
    """Logits are small at first, so the loss of random labels is about that of a uniform guess, ln(classes)."""
    shape = accepted(path, shape)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(10, *shape, generator=generator)
    assert F.cross_entropy(build(path, shape)(x), torch.arange(10)).item() == pytest.approx(math.log(10), abs=0.6)


@every_model
@every_shape
def test_gradient_reaches_every_parameter(path, shape):
    """In evaluation: behind a batch normalisation of the batch, a shift before it has no gradient but rounding."""
    shape = accepted(path, shape)
    model = build(path, shape).eval()
    F.cross_entropy(model(torch.randn(4, *shape)), torch.arange(4)).backward()
    dead = [name for name, parameter in model.named_parameters() if not parameter.grad.abs().sum() > 0]
    assert dead == []


@every_model
def test_initial_weights_depend_on_the_seed_alone(path):
    one, two = (build(path, accepted(path, (1, 8, 8))).state_dict() for _ in range(2))
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
