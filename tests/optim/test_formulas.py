"""Each optimizer against its published update, written in numpy from the paper and run beside it for ten steps.

g is the gradient, plus weight_decay * w where the optimizer's decay is L2; t counts from 1.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

CONF = Path(__file__).parents[2] / "conf" / "optimizer"
NUM_STEPS = 10


def sgd(w, g, t, lr, state):
    return w - lr * g


def sgdm(w, g, t, lr, state, momentum=0.9):
    """Polyak's velocity v = momentum * v + g; the learning rate stands outside of it."""
    state["v"] = momentum * state.get("v", 0.0) + g
    return w - lr * state["v"]


def nesterov(w, g, t, lr, state, momentum=0.9):
    state["v"] = momentum * state.get("v", 0.0) + g
    return w - lr * (g + momentum * state["v"])


def adagrad(w, g, t, lr, state):
    state["sum"] = state.get("sum", 0.0) + g**2
    return w - lr * g / (np.sqrt(state["sum"]) + 1e-10)


def adadelta(w, g, t, lr, state, rho=0.9, eps=1e-6):
    state["g2"] = rho * state.get("g2", 0.0) + (1 - rho) * g**2
    delta = np.sqrt(state.get("d2", 0.0) + eps) / np.sqrt(state["g2"] + eps) * g
    state["d2"] = rho * state.get("d2", 0.0) + (1 - rho) * delta**2
    return w - lr * delta


def rmsprop(w, g, t, lr, state, alpha=0.99):
    state["v"] = alpha * state.get("v", 0.0) + (1 - alpha) * g**2
    return w - lr * g / (np.sqrt(state["v"]) + 1e-8)


def moments(g, state, b1=0.9, b2=0.999):
    state["m"] = b1 * state.get("m", 0.0) + (1 - b1) * g
    state["v"] = b2 * state.get("v", 0.0) + (1 - b2) * g**2
    return state["m"], state["v"]


def adam(w, g, t, lr, state):
    m, v = moments(g, state)
    return w - lr * m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)


def adamax(w, g, t, lr, state):
    m, _ = moments(g, state)
    state["u"] = np.maximum(0.999 * state.get("u", 0.0), np.abs(g) + 1e-8)
    return w - lr / (1 - 0.9**t) * m / state["u"]


def nadam(w, g, t, lr, state):
    """Dozat's momentum schedule: mu_t = b1 * (1 - 0.96 ** (0.004 * t) / 2)."""
    m, v = moments(g, state)
    mu = 0.9 * (1 - 0.5 * 0.96 ** (0.004 * np.arange(1, t + 2)))
    m_hat = mu[t] * m / (1 - np.prod(mu)) + (1 - mu[t - 1]) * g / (1 - np.prod(mu[:t]))
    return w - lr * m_hat / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)


def radam(w, g, t, lr, state):
    """Rectified where rho_t > 5, plain bias-corrected momentum before."""
    m, v = moments(g, state)
    rho_inf = 2 / (1 - 0.999) - 1
    rho = rho_inf - 2 * t * 0.999**t / (1 - 0.999**t)
    m_hat = m / (1 - 0.9**t)
    if rho <= 5:
        return w - lr * m_hat
    rectified = np.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
    return w - lr * m_hat * rectified * np.sqrt(1 - 0.999**t) / (np.sqrt(v) + 1e-8)


def lion(w, g, t, lr, state):
    m = state.get("m", np.zeros_like(g))
    state["m"] = 0.99 * m + 0.01 * g
    return w - lr * np.sign(0.9 * m + 0.1 * g)


L2 = [sgd, sgdm, nesterov, adagrad, adadelta, rmsprop, adam, adamax, nadam, radam]
DECOUPLED = {"adamw": adam, "lion": lion}


def ours(name, weight_decay, lr, start, gradients):
    path = CONF / f"{name}.yaml"
    if name == "lion":
        pytest.importorskip("pytorch_optimizer")
    config = OmegaConf.create({"lr": lr, "weight_decay": weight_decay, "optimizer": OmegaConf.load(path)})
    weight = torch.tensor(start, requires_grad=True)
    optimizer = instantiate(config.optimizer)([weight])
    for gradient in gradients:
        weight.grad = torch.tensor(gradient)
        optimizer.step()
        yield weight.detach().numpy().copy()


def problem():
    generator = np.random.default_rng(0)
    return generator.normal(size=7), generator.normal(size=(NUM_STEPS, 7))


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("update", L2, ids=lambda update: update.__name__)
def test_update_is_the_published_one(update, weight_decay):
    start, gradients = problem()
    w, state = start, {}
    steps = ours(update.__name__, weight_decay, 0.01, start, gradients)
    for t, (gradient, actual) in enumerate(zip(gradients, steps, strict=True), start=1):
        w = update(w, gradient + weight_decay * w, t, 0.01, state)
        np.testing.assert_allclose(actual, w, rtol=1e-6, atol=1e-6, err_msg=f"step {t}")


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("name", DECOUPLED)
def test_decoupled_decay_shrinks_beside_the_update(name, weight_decay):
    start, gradients = problem()
    w, state = start, {}
    for t, actual in enumerate(ours(name, weight_decay, 0.01, start, gradients), start=1):
        w = DECOUPLED[name](w, gradients[t - 1], t, 0.01, state) - 0.01 * weight_decay * w
        np.testing.assert_allclose(actual, w, rtol=1e-6, atol=1e-6, err_msg=f"step {t}")


def test_the_formulas_are_told_apart():
    """Ten steps of any two of them end in different places: none of the checks above could pass for another's."""
    start, gradients = problem()
    ends = []
    for update in [*L2, lion]:
        w, state = start, {}
        for t, gradient in enumerate(gradients, start=1):
            w = update(w, gradient, t, 0.01, state)
        ends.append(w)
    gaps = [np.abs(one - two).max() for i, one in enumerate(ends) for two in ends[:i]]
    assert min(gaps) > 1e-4
