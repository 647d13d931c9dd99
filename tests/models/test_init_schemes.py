"""Initial weights against closed forms: bounds, variances, what is drawn and what is left alone."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from sweeplab.models.init import as_built, glorot_uniform, kaiming_normal, truncated_normal

SCHEMES = {
    "glorot_uniform": glorot_uniform,
    "kaiming_normal": kaiming_normal,
    "truncated_normal": lambda model: truncated_normal(model, std=0.05),
}
every_scheme = pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)


def drawn(scheme, layer, seed=0):
    torch.manual_seed(seed)
    scheme(layer)
    return layer.weight.detach().numpy().ravel()


def keras_fans(kernel_shape):
    """As Keras counts for its own layout, (height, width, n_in, n_out) or (n_in, n_out)."""
    *field, n_in, n_out = kernel_shape
    receptive = np.prod(field, dtype=int)
    return n_in * receptive, n_out * receptive


LAYERS = [
    (lambda: nn.Linear(300, 500), (300, 500)),
    (lambda: nn.Conv2d(64, 128, 3), (3, 3, 64, 128)),
    (lambda: nn.Conv2d(3, 1000, (5, 7), stride=2, padding=1), (5, 7, 3, 1000)),
    (lambda: nn.Conv2d(256, 256, 1, bias=False), (1, 1, 256, 256)),
    (lambda: nn.Conv2d(64, 128, 5, groups=4), (5, 5, 16, 128)),  # Keras's kernel of a convolution in groups
    (lambda: nn.Conv1d(64, 128, 5), (5, 64, 128)),
]


@pytest.mark.parametrize(("make", "kernel_shape"), LAYERS, ids=[str(shape) for _, shape in LAYERS])
def test_glorot_uniform_is_keras_distribution(make, kernel_shape):
    """Uniform between limits of +-sqrt(6 / (fan_in + fan_out)), by the Kolmogorov-Smirnov test."""
    limit = (6 / sum(keras_fans(kernel_shape))) ** 0.5
    weights = drawn(glorot_uniform, make())
    assert len(weights) == np.prod(kernel_shape)
    assert np.abs(weights).max() == pytest.approx(limit, rel=1e-3)
    assert np.abs(weights).max() <= limit * (1 + 1e-6)
    assert stats.kstest(weights, stats.uniform(-limit, 2 * limit).cdf).pvalue > 1e-3


def test_the_limit_of_the_last_layer_by_hand():
    """512 inputs and 2 classes: sqrt(6 / 514) = 0.10804."""
    weights = drawn(glorot_uniform, nn.Linear(512, 2))
    assert 0.106 < np.abs(weights).max() <= 0.10804


def test_truncated_normal_ends_at_two_standard_deviations():
    """Its variance is 0.7737 of the uncut one: 1 - 4 phi(2) / (2 Phi(2) - 1)."""
    weights = drawn(lambda layer: truncated_normal(layer, std=0.05), nn.Conv2d(100, 300, 3))
    assert 0.0999 < np.abs(weights).max() <= 0.1 * (1 + 1e-6)
    assert weights.var() / 0.05**2 == pytest.approx(0.77374, rel=0.01)
    assert weights.mean() == pytest.approx(0, abs=5 * 0.044 / len(weights) ** 0.5)
    assert stats.kstest(weights, stats.truncnorm(-2, 2, scale=0.05).cdf).pvalue > 1e-3


def test_truncated_normal_does_not_heap_values_up_at_its_ends():
    """Values beyond are drawn again, not moved to the bound: 4.6 % would lie there."""
    weights = drawn(lambda layer: truncated_normal(layer, std=1.0), nn.Linear(500, 500))
    assert (np.abs(weights) > 1.999).mean() < 0.002


@pytest.mark.parametrize(
    ("make", "fan_in"),
    [(lambda: nn.Linear(300, 500), 300), (lambda: nn.Conv2d(64, 128, 3), 64 * 9)],
    ids=["linear", "conv"],
)
def test_kaiming_normal_keeps_the_scale_behind_relu(make, fan_in):
    weights = drawn(kaiming_normal, make())
    assert stats.kstest(weights, stats.norm(0, (2 / fan_in) ** 0.5).cdf).pvalue > 1e-3


class Mixed(nn.Module):
    """A layer of each kind, and an array of the module's own."""

    def __init__(self):
        super().__init__()
        self.own = nn.Parameter(torch.full((3,), 7.0))
        self.table = nn.Embedding(5, 4)
        self.recurrent = nn.GRU(3, 2)
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3),
            nn.BatchNorm2d(8),
            nn.GroupNorm(2, 8),
            nn.LayerNorm(8),
            nn.InstanceNorm2d(8, affine=True),
            nn.InstanceNorm2d(8),
            nn.ConvTranspose2d(8, 3, 3),
            nn.Linear(4, 2),
            nn.Linear(4, 2, bias=False),
        )


def spoilt():
    model = Mixed()
    for parameter in model.parameters():
        nn.init.constant_(parameter, 9.0)
    nn.init.constant_(model.layers[1].running_mean, 9.0)
    return model


@every_scheme
def test_biases_are_0_and_normalisations_1_and_0(scheme):
    model = spoilt()
    scheme(model)
    for layer in model.layers:
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            assert layer.weight.unique().numel() > 4
            assert layer.weight.abs().max() < 9
        elif layer.weight is not None:
            assert layer.weight.eq(1).all()
        assert layer.bias is None or layer.bias.eq(0).all()


@every_scheme
def test_all_else_is_left_alone(scheme):
    model = spoilt()
    scheme(model)
    left = [model.own, model.table.weight, *model.recurrent.parameters(), model.layers[1].running_mean]
    assert all(array.eq(9).all() for array in left)


@every_scheme
def test_the_seed_decides_and_the_former_weights_do_not(scheme):
    def kernels(seed, model):
        torch.manual_seed(seed)
        scheme(model)
        return [layer.weight for layer in model.layers if isinstance(layer, nn.Conv2d | nn.Linear)]

    one, same, other = kernels(1, spoilt()), kernels(1, Mixed()), kernels(2, Mixed())
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_layers_are_drawn_in_the_order_of_the_model():
    """A layer's weights do not depend on what follows it."""
    first, longer = nn.Sequential(nn.Linear(4, 3)), nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    assert np.array_equal(drawn_first(first), drawn_first(longer))


def drawn_first(model):
    torch.manual_seed(5)
    glorot_uniform(model)
    return model[0].weight.detach().numpy()


def test_as_built_changes_nothing_and_draws_nothing():
    model = Mixed()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    as_built(model)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize("std", [0.0, -0.05, float("nan")])
def test_std_must_be_positive(std):
    with pytest.raises(ValueError, match=rf"^std must be > 0, got {std} \(init.std\)$"):
        truncated_normal(nn.Linear(2, 2), std=std)
