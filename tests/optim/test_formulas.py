"""Each file in conf/optimizer against its published update, written in numpy from the paper, for ten steps.

g is the gradient, plus weight_decay * w where the optimizer's decay is L2; t counts from 1. The problem is a noisy
quadratic of a matrix and a vector, also with gradients as small as an eps: its size and its place show only there.
"""

from itertools import combinations
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


def keras_rmsprop(w, g, t, lr, state, rho=0.9):
    state["a"] = rho * state.get("a", 0.0) + (1 - rho) * g**2
    return w - lr * g / (np.sqrt(state["a"]) + 1e-7)


def keras_sgd(w, g, t, lr, state, momentum=0.0):
    state["v"] = momentum * state.get("v", 0.0) - lr * g
    return w + state["v"]


def moments(g, state, b1=0.9, b2=0.999):
    state["m"] = b1 * state.get("m", 0.0) + (1 - b1) * g
    state["v"] = b2 * state.get("v", 0.0) + (1 - b2) * g**2
    return state["m"], state["v"]


def adam(w, g, t, lr, state):
    m, v = moments(g, state)
    return w - lr * m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)


def keras_adam(w, g, t, lr, state, eps=1e-7):
    """The paper's faster form, whose eps stands beside the root of the uncorrected moment."""
    m, v = moments(g, state)
    return w - lr * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + eps)


def uncorrected_adam(w, g, t, lr, state):
    m, v = moments(g, state)
    return w - lr * m / (np.sqrt(v) + 1e-8)


def swats(w, g, t, lr, state):
    """Its first phase, beyond which ten steps do not lead; test_swats.py has the whole."""
    return keras_adam(w, g, t, lr, state, eps=1e-9)


def ndadam(w, g, t, lr, state):
    """Rows of a matrix have length 1, one second moment and fifty times the rate; a vector is Adam's."""
    if w.ndim == 1:
        return adam(w, g, t, lr, state)
    for i, row in enumerate(w):
        tangent = g[i] - (g[i] @ row) * row
        m = state[f"m{i}"] = 0.9 * state.get(f"m{i}", 0.0) + 0.1 * tangent
        u = state[f"u{i}"] = 0.999 * state.get(f"u{i}", 0.0) + 0.001 * tangent @ tangent
        row = row - 50 * lr * m / (1 - 0.9**t) / (np.sqrt(u / (1 - 0.999**t)) + 1e-8)
        w[i] = row / np.linalg.norm(row)
    return w


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


def rectified(t):
    """RAdam's r_t, or None where rho_t is too small for it."""
    rho_inf = 2 / (1 - 0.999) - 1
    rho = rho_inf - 2 * t * 0.999**t / (1 - 0.999**t)
    if rho <= 5:
        return None
    return np.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))


def radam(w, g, t, lr, state):
    """Rectified where rho_t > 5, plain bias-corrected momentum before."""
    m, v = moments(g, state)
    m_hat, r = m / (1 - 0.9**t), rectified(t)
    return w - lr * m_hat * (1 if r is None else r * np.sqrt(1 - 0.999**t) / (np.sqrt(v) + 1e-8))


def keras_radam(w, g, t, lr, state):
    m, v = moments(g, state)
    m_hat, r = m / (1 - 0.9**t), rectified(t)
    return w - lr * m_hat * (1 if r is None else r / (np.sqrt(v / (1 - 0.999**t)) + 1e-7))


def adafactor(w, g, t, lr, state):
    """The second moment of a matrix is the outer product of its row and column means, over their mean."""
    keep = 1 - t**-0.8
    if w.ndim == 1:
        v = state["v"] = keep * state.get("v", 0.0) + (1 - keep) * g**2
    else:
        rows = state["rows"] = keep * state.get("rows", 0.0) + (1 - keep) * (g**2).mean(axis=1)
        columns = state["columns"] = keep * state.get("columns", 0.0) + (1 - keep) * (g**2).mean(axis=0)
        # where the mean is small, torch has eps in its place
        v = np.outer(rows, columns) / max(rows.mean(), np.finfo(float).eps)
    u = g / np.sqrt(np.maximum(v, np.finfo(float).eps ** 2))
    size = max(1e-3, np.sqrt((w**2).mean())) * min(lr, 1 / np.sqrt(t))
    return w - size * u / max(1.0, np.sqrt((u**2).mean()))


def lion(w, g, t, lr, state):
    m = state.get("m", np.zeros_like(g))
    state["m"] = 0.99 * m + 0.01 * g
    return w - lr * np.sign(0.9 * m + 0.1 * g)


L2 = [sgd, sgdm, nesterov, adagrad, adadelta, rmsprop, adam, adamax, nadam, radam, swats, ndadam]
L2 += [keras_adam, keras_radam, keras_rmsprop, keras_sgd, uncorrected_adam]
FORMULAS = {update.__name__: update for update in L2} | {"adamw": adam, "lion": lion, "adafactor": adafactor}
DECOUPLED = {"adamw", "lion", "adafactor"}
SAME_ON_PURPOSE = [{"adam", "adamw"}, {"sgd", "keras_sgd"}]  # without weight decay; while lr and momentum are as given

FILES = sorted(CONF.glob("*.yaml"))
SMALL = 1e-7  # of the order of an eps


class Quadratic:
    """(w - minimum)' curvature (w - minimum) / 2 by element, its gradient noisy and times `scale`."""

    def __init__(self, scale):
        generator = np.random.default_rng(0)
        self.scale = scale
        self.start = [generator.normal(size=shape) for shape in [(3, 4), (7,)]]
        self.minimum = [generator.normal(size=w.shape) for w in self.start]
        self.curvature = [generator.uniform(0.5, 5, size=w.shape) for w in self.start]
        self.noise = [generator.normal(size=(NUM_STEPS + 1, *w.shape)) for w in self.start]

    def gradients(self, weights, t):
        parts = zip(weights, self.minimum, self.curvature, self.noise, strict=True)
        return [self.scale * (curvature * (w - minimum) + noise[t]) for w, minimum, curvature, noise in parts]


def ours(path, problem, lr, weight_decay):
    """The weights after each step of the optimizer that the file names."""
    if path.stem == "lion":
        pytest.importorskip("pytorch_optimizer")
    config = OmegaConf.create({"lr": lr, "weight_decay": weight_decay, "optimizer": OmegaConf.load(path)})
    weights = [torch.tensor(start, requires_grad=True) for start in problem.start]
    optimizer = instantiate(config.optimizer)(weights)
    for t in range(1, NUM_STEPS + 1):
        for weight, gradient in zip(weights, problem.gradients([w.detach().numpy() for w in weights], t), strict=True):
            weight.grad = torch.tensor(gradient)
        optimizer.step()
        yield [weight.detach().numpy().copy() for weight in weights]


def formula(name, problem, lr, weight_decay):
    """The weights after each step of the formula."""
    weights, states = [w.copy() for w in problem.start], [{}, {}]
    if name == "ndadam":  # begins with unit rows, where the first gradient is taken
        weights[0] /= np.linalg.norm(weights[0], axis=1, keepdims=True)
    coupled, decoupled = (0.0, weight_decay) if name in DECOUPLED else (weight_decay, 0.0)
    for t in range(1, NUM_STEPS + 1):
        gradients = problem.gradients(weights, t)
        weights = [
            FORMULAS[name](w.copy(), g + coupled * w, t, lr, state) - lr * decoupled * w
            for w, g, state in zip(weights, gradients, states, strict=True)
        ]
        yield weights


def test_every_file_has_a_formula():
    assert set(FORMULAS) == {path.stem for path in FILES}


@pytest.mark.parametrize("scale", [1.0, SMALL])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_update_is_the_published_one(path, weight_decay, scale):
    """An L2 weight decay enters the gradient; a decoupled one shrinks beside the update."""
    problem = Quadratic(scale)
    both = zip(ours(path, problem, 0.01, weight_decay), formula(path.stem, problem, 0.01, weight_decay), strict=True)
    for t, (actual, expected) in enumerate(both, start=1):
        for one, two in zip(actual, expected, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-6, err_msg=f"step {t}")


def test_the_formulas_are_told_apart():
    """Ten steps of any two of them end in different places: none of the checks above could pass for another's."""
    problems = [Quadratic(1.0), Quadratic(SMALL)]
    ends = {
        name: np.concatenate([w.ravel() for each in problems for w in list(formula(name, each, 0.01, 0.0))[-1]])
        for name in FORMULAS
    }
    for one, two in combinations(sorted(ends), 2):
        gap = np.abs(ends[one] - ends[two]).max()
        assert ({one, two} in SAME_ON_PURPOSE) or gap > 2e-5, (one, two, gap)
