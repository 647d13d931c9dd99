"""The affine models against arithmetic done by hand."""

import pytest
import torch

from sweeplab.models.logistic import Logistic
from sweeplab.models.mlp import MLP


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
    assert num_parameters(MLP(shape=shape, num_classes=10, hidden_sizes=hidden_sizes, dropout=0.0)) == expected


def test_mlp_computes_its_formula():
    model = MLP(shape=(1, 2, 2), num_classes=3, hidden_sizes=[5], dropout=0.0).double()
    (w1, b1, w2, b2) = (parameter.detach().numpy() for parameter in model.parameters())
    x = torch.randn(6, 1, 2, 2, dtype=torch.float64)
    expected = (x.numpy().reshape(6, 4) @ w1.T + b1).clip(min=0) @ w2.T + b2
    torch.testing.assert_close(model(x).detach(), torch.from_numpy(expected))


def test_mlp_takes_features_too():
    assert MLP(shape=(13,), num_classes=3, hidden_sizes=[4], dropout=0.0)(torch.randn(2, 13)).shape == (2, 3)


def test_dropout_acts_in_training_only():
    torch.manual_seed(0)
    model = MLP(shape=(1, 4, 4), num_classes=3, hidden_sizes=[64], dropout=0.5)
    x = torch.randn(2, 1, 4, 4)
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))


def test_without_dropout_training_draws_no_random_number():
    """Paired by design: a model that needs no randomness leaves the generator alone."""
    model = MLP(shape=(1, 4, 4), num_classes=3, hidden_sizes=[64], dropout=0.0)
    before = torch.get_rng_state()
    model(torch.ones(2, 1, 4, 4))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1.0 \(model.dropout\)"),
        ({"dropout": -0.1}, r"dropout must be in \[0, 1\), got -0.1 \(model.dropout\)"),
        ({"hidden_sizes": [4, 0]}, r"hidden_sizes must all be >= 1, got \[4, 0\] \(model.hidden_sizes\)"),
    ],
)
def test_values_out_of_range_are_refused(changes, message):
    settings = {"shape": (1, 4, 4), "num_classes": 3, "hidden_sizes": [4], "dropout": 0.0}
    with pytest.raises(ValueError, match=message):
        MLP(**settings | changes)


def test_logistic_is_one_affine_map():
    model = Logistic(shape=(1, 28, 28), num_classes=10)
    assert num_parameters(model) == 7850
    x = torch.randn(4, 1, 28, 28)
    expected = x.reshape(4, 784) @ model.linear.weight.T + model.linear.bias
    torch.testing.assert_close(model(x), expected)
