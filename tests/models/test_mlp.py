"""The affine models against arithmetic done by hand."""

import pytest
import torch

from sweeplab.models.logistic import Logistic
from sweeplab.models.mlp import MLP


def mlp(shape, num_classes, hidden_sizes, *, input_dropout=0.0, dropout=0.0):
    return MLP(
        shape=shape,
        num_classes=num_classes,
        hidden_sizes=hidden_sizes,
        input_dropout=input_dropout,
        dropout=dropout,
    )


def num_parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("shape", "hidden_sizes", "expected"),
    [
        ((1, 28, 28), [256, 128], 784 * 256 + 256 + 256 * 128 + 128 + 128 * 10 + 10),
        ((1, 28, 28), [1000, 1000], 1_796_010),  # Kingma & Ba 2015, section 6.2
        ((3, 32, 32), [], 3072 * 10 + 10),
    ],
)
def test_mlp_has_the_parameters_of_its_affine_maps(shape, hidden_sizes, expected):
    assert num_parameters(mlp(shape, 10, hidden_sizes)) == expected


def test_mlp_computes_its_formula():
    model = mlp((1, 2, 2), 3, [5]).double()
    (w1, b1, w2, b2) = (parameter.detach().numpy() for parameter in model.parameters())
    x = torch.randn(6, 1, 2, 2, dtype=torch.float64)
    expected = (x.numpy().reshape(6, 4) @ w1.T + b1).clip(min=0) @ w2.T + b2
    torch.testing.assert_close(model(x).detach(), torch.from_numpy(expected))


def logistic(shape, num_classes, *, input_dropout=0.0):
    return Logistic(shape=shape, num_classes=num_classes, input_dropout=input_dropout)


@pytest.mark.parametrize("model", [mlp((10_000,), 2, [4]), logistic((10_000,), 2)], ids=["mlp", "logistic"])
def test_bags_of_words_are_examples_too(model):
    x = torch.rand(3, 10_000)
    assert model(x).shape == (3, 2)
    assert sum(layer.in_features == 10_000 for layer in model.modules() if hasattr(layer, "in_features")) == 1


@pytest.mark.parametrize(
    "model",
    [
        mlp((1, 4, 4), 3, [64], dropout=0.5),
        mlp((1, 4, 4), 3, [64], input_dropout=0.5),
        logistic((1, 4, 4), 3, input_dropout=0.5),
    ],
    ids=["hidden", "mlp", "logistic"],
)
def test_dropout_acts_in_training_only(model):
    torch.manual_seed(0)
    x = torch.randn(2, 1, 4, 4)
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))


def test_input_dropout_drops_values_and_scales_the_others():
    """With weights of one and inputs of one, a logit counts the values that are left, each worth 1 / (1 - 0.2)."""
    torch.manual_seed(0)
    model = logistic((10_000,), 1, input_dropout=0.2)
    torch.nn.init.ones_(model.linear.weight)
    torch.nn.init.zeros_(model.linear.bias)
    left = model(torch.ones(50, 10_000)).flatten() * 0.8
    torch.testing.assert_close(left, left.round(), rtol=0, atol=0.01)
    # 50 binomial counts: mean 8000, standard deviation 40
    assert left.mean().item() == pytest.approx(8000, abs=4 * 40 / 50**0.5)
    assert left.std().item() == pytest.approx(40, rel=0.4)


def test_hidden_dropout_leaves_the_input_alone():
    """The first layer's product is the same in every pass; what follows is not."""
    torch.manual_seed(0)
    model = mlp((4,), 3, [8, 8], dropout=0.5)
    seen = []
    model.layers[0].register_forward_hook(lambda layer, inputs, output: seen.append(output))
    x = torch.randn(2, 4)
    assert not torch.equal(model(x), model(x))
    assert torch.equal(*seen)


@pytest.mark.parametrize(
    ("make", "layers"),
    [
        (lambda p: mlp((6,), 3, [5, 4], input_dropout=p, dropout=p), [(6, 5), (5, 4), (4, 3)]),
        (lambda p: logistic((6,), 3, input_dropout=p), [(6, 3)]),
    ],
    ids=["mlp", "logistic"],
)
@pytest.mark.parametrize("p", [0.0, 0.5])
def test_initial_weights_are_those_of_the_affine_layers_alone(make, layers, p):
    """Dropout draws nothing when a model is made, so runs with and without it are paired."""
    torch.manual_seed(3)
    expected = [parameter for sizes in layers for parameter in torch.nn.Linear(*sizes).parameters()]
    torch.manual_seed(3)
    for ours, plain in zip(make(p).parameters(), expected, strict=True):
        assert torch.equal(ours, plain)


def test_without_dropout_training_draws_no_random_number():
    """Paired by design: a model that needs no randomness leaves the generator alone."""
    model = mlp((1, 4, 4), 3, [64])
    before = torch.get_rng_state()
    model(torch.ones(2, 1, 4, 4))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1.0 \(model.dropout\)"),
        ({"dropout": -0.1}, r"^dropout must be in \[0, 1\), got -0.1 \(model.dropout\)$"),
        ({"input_dropout": 1.5}, r"^input_dropout must be in \[0, 1\), got 1.5 \(model.input_dropout\)$"),
        ({"hidden_sizes": [4, 0]}, r"hidden_sizes must all be >= 1, got \[4, 0\] \(model.hidden_sizes\)"),
    ],
)
def test_values_out_of_range_are_refused(changes, message):
    settings = {"shape": (1, 4, 4), "num_classes": 3, "hidden_sizes": [4], "input_dropout": 0.0, "dropout": 0.0}
    with pytest.raises(ValueError, match=message):
        MLP(**settings | changes)


def test_logistic_refuses_an_input_dropout_out_of_range():
    with pytest.raises(ValueError, match=r"^input_dropout must be in \[0, 1\), got 1.0 \(model.input_dropout\)$"):
        logistic((6,), 3, input_dropout=1.0)


def test_logistic_is_one_affine_map():
    model = logistic((1, 28, 28), 10)
    assert num_parameters(model) == 7850
    x = torch.randn(4, 1, 28, 28)
    expected = x.reshape(4, 784) @ model.linear.weight.T + model.linear.bias
    torch.testing.assert_close(model(x), expected)
