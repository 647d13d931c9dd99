"""Keras's arithmetic, where torch's differs: against its own updates in numpy, and where the two meet."""

import math

import numpy as np
import pytest
import torch
from torch.optim.lr_scheduler import LambdaLR

from sweeplab.optim.keras import KerasAdam, KerasRAdam, KerasSGD, UncorrectedAdam

NUM_STEPS = 20
generator = np.random.default_rng(0)
START, GRADIENTS = generator.normal(size=6), generator.normal(size=(NUM_STEPS, 6))


def make(optimizer_class, **settings):
    weight = torch.tensor(START, requires_grad=True)
    return weight, optimizer_class([weight], **settings)


def run(weight, optimizer, rates=None, gradients=GRADIENTS):
    for k, gradient in enumerate(gradients):
        if rates is not None:
            optimizer.param_groups[0]["lr"] = rates[k]
        weight.grad = torch.tensor(gradient)
        optimizer.step()
        yield weight.detach().numpy().copy()


def keras_sgd(rates, momentum, nesterov):
    w, v = START, 0.0
    for lr, g in zip(rates, GRADIENTS, strict=True):
        v = momentum * v - lr * g
        w = w + (momentum * v - lr * g if nesterov else v)
        yield w


STAIRS = np.repeat([0.1, 0.01, 0.05, 0.3], 5)
FALLING = 0.1 / (1 + 0.5 * np.arange(NUM_STEPS))
WAITING = np.repeat([0.0, 0.1], 10)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("rates", [STAIRS, FALLING, WAITING], ids=["stairs", "falling", "waiting"])
def test_the_velocity_keeps_the_rate_it_was_gathered_with(rates, nesterov, fused):
    weight, optimizer = make(KerasSGD, lr=rates[0], momentum=0.9, nesterov=nesterov, fused=fused)
    for ours, expected in zip(run(weight, optimizer, rates), keras_sgd(rates, 0.9, nesterov), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-12)


def test_torch_s_velocity_does_not():
    weight, optimizer = make(torch.optim.SGD, lr=0.1, momentum=0.9)
    difference = list(run(weight, optimizer, STAIRS))[-1] - list(keras_sgd(STAIRS, 0.9, False))[-1]
    assert np.abs(difference).max() > 0.01


def test_the_velocity_s_rate_is_saved():
    """A change of lr between saving and loading counts like any other."""
    weight, optimizer = make(KerasSGD, lr=0.1, momentum=0.9)
    expected = list(keras_sgd(np.repeat([0.1, 0.01], 10), 0.9, False))
    list(run(weight, optimizer, gradients=GRADIENTS[:10]))
    resumed = KerasSGD([weight], lr=0.1, momentum=0.9)
    resumed.load_state_dict(optimizer.state_dict())
    end = list(run(weight, resumed, rates=[0.01] * 10, gradients=GRADIENTS[10:]))[-1]
    np.testing.assert_allclose(end, expected[-1], rtol=1e-9)


def test_a_rate_of_zero_in_the_middle_is_refused():
    weight, optimizer = make(KerasSGD, lr=0.1, momentum=0.9)
    with pytest.raises(ValueError, match="lr must stay > 0 where there is momentum, got 0 "):
        list(run(weight, optimizer, rates=[0.1, 0.0], gradients=GRADIENTS[:2]))


def test_without_momentum_a_rate_of_zero_just_stops():
    weight, optimizer = make(KerasSGD, lr=0.1, momentum=0.0)
    one, two = run(weight, optimizer, rates=[0.1, 0.0], gradients=GRADIENTS[:2])
    assert (one == two).all()


def first_step(optimizer_class, gradient):
    weight = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = optimizer_class([weight], lr=1.0, eps=1e-7)
    weight.grad = torch.full((1,), gradient, dtype=torch.float64)
    optimizer.step()
    return -weight.item()


def test_adam_s_eps_is_31_6_times_torch_s_at_first():
    """Where eps is all of the denominator, the step is that much smaller; where it is nothing, the same."""
    assert first_step(torch.optim.Adam, 1e-15) / first_step(KerasAdam, 1e-15) == pytest.approx(31.6, abs=0.03)
    assert first_step(torch.optim.Adam, 1e9) == pytest.approx(first_step(KerasAdam, 1e9))


@pytest.mark.parametrize("optimizer_class", [KerasAdam, KerasRAdam, UncorrectedAdam])
def test_settings_are_as_given_between_steps_and_a_schedule_acts_on_them(optimizer_class):
    weight, optimizer = make(optimizer_class, lr=0.1, eps=1e-7)
    scheduler = LambdaLR(optimizer, lambda t: 0.5**t)
    before = {key: value for key, value in optimizer.param_groups[0].items() if key not in ("params", "lr")}
    for k, _ in enumerate(run(weight, optimizer, gradients=GRADIENTS[:5])):
        assert optimizer.param_groups[0]["lr"] == 0.1 * 0.5**k
        scheduler.step()
    assert {key: optimizer.param_groups[0][key] for key in before} == before


@pytest.mark.parametrize("optimizer_class", [KerasAdam, KerasRAdam, UncorrectedAdam])
def test_settings_are_as_given_after_a_step_that_failed(optimizer_class):
    _, optimizer = make(optimizer_class, lr=0.1, eps=1e-7)

    def closure():
        raise RuntimeError("no loss")

    with pytest.raises(RuntimeError, match="no loss"):
        optimizer.step(closure)
    assert (optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["eps"]) == (0.1, 1e-7)


@pytest.mark.parametrize("optimizer_class", [KerasAdam, KerasRAdam, UncorrectedAdam])
def test_foreach_is_the_same_update(optimizer_class):
    one, two = (make(optimizer_class, lr=0.1, eps=1e-3, foreach=foreach) for foreach in (False, True))
    for a, b in zip(run(*one), run(*two), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_radam_rectifies_from_step_6_on():
    """Before, its steps are as large as the gradient; from then on its size does not matter."""
    steps = []
    for scale in (1.0, 1000.0):
        weight, optimizer = make(KerasRAdam, lr=0.1, eps=0.0)
        path = [START, *run(weight, optimizer, gradients=scale * GRADIENTS)]
        steps.append(np.diff(path, axis=0))
    ratio = np.abs(steps[1]).max(axis=1) / np.abs(steps[0]).max(axis=1)
    np.testing.assert_allclose(ratio, [1000.0] * 5 + [1.0] * (NUM_STEPS - 5))


def test_radam_is_torch_s_without_eps():
    one, two = make(KerasRAdam, lr=0.1, eps=0.0), make(torch.optim.RAdam, lr=0.1, eps=0.0)
    for a, b in zip(run(*one), run(*two), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_constants_in_place_of_the_correction_are_a_matter_of_lr_and_eps():
    """Published code that divides by 1 - b1 and 1 - b2, without powers: with both 0.9, steps are sqrt(10) as long."""
    lr, eps, w, m, v = 0.01, 1e-3, START, 0.0, 0.0
    weight, optimizer = make(UncorrectedAdam, lr=lr * math.sqrt(10), betas=(0.9, 0.9), eps=eps * math.sqrt(0.1))
    for g, ours in zip(GRADIENTS, run(weight, optimizer), strict=True):
        m, v = 0.9 * m + 0.1 * g, 0.9 * v + 0.1 * g**2
        w = w - lr * (m / 0.1) / (np.sqrt(v / 0.1) + eps)
        np.testing.assert_allclose(ours, w, rtol=1e-9)


def test_uncorrected_first_steps_are_too_long():
    """The first is lr * (1 - b1) / sqrt(1 - b2) for any gradient, 3.16 lr; torch's Adam corrects it to lr."""
    weight, optimizer = make(UncorrectedAdam, lr=0.1, eps=0.0)
    moved = np.abs(next(run(weight, optimizer)) - START)
    np.testing.assert_allclose(moved, 0.1 * 0.1 / math.sqrt(0.001))
