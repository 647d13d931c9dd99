"""SWATS against algorithm 1 of Keskar & Socher 2017, written in numpy, and by what follows from it."""

import copy
import io
import math

import numpy as np
import pytest
import torch
from torch.optim.lr_scheduler import LambdaLR

from sweeplab.optim.keras import KerasAdam
from sweeplab.optim.swats import SWATS

SETTINGS = {
    "lr": 0.02,
    "betas": (0.9, 0.99),
    "eps": 1e-9,
    "tolerance": 5e-4,
    "granularity": "tensor",
    "weight_decay": 0.0,
}
SHAPES = [(3, 4), (5,), (2, 2)]
GROUPS = [[0, 1], [2]]  # which tensors are in which parameter group
UNITS = {"tensor": [[0], [1], [2]], "group": GROUPS, "global": [[0, 1, 2]]}
NUM_STEPS = 150


class Problem:
    """A noisy quadratic of three tensors, each of its own curvature."""

    def __init__(self, seed=0):
        generator = np.random.default_rng(seed)
        self.start = [generator.normal(size=shape) for shape in SHAPES]
        self.curvature = [1.0, 4.0, 0.3]
        self.noise = [generator.normal(size=(NUM_STEPS + 1, *shape)) for shape in SHAPES]

    def gradient(self, i, w, k):
        return self.curvature[i] * w + 0.1 * self.noise[i][k]


def reference(problem, units, *, schedule=lambda k: 1.0, lr, betas, eps, tolerance, weight_decay, granularity=None):
    """Weights after each step, and [rate, step of the switch] or None for each unit."""
    (b1, b2), w = betas, [start.copy() for start in problem.start]
    m, a, v = ([np.zeros_like(each) for each in w] for _ in range(3))
    average, switched, path = [0.0] * len(units), [None] * len(units), []
    for k in range(1, NUM_STEPS + 1):
        g = [problem.gradient(i, w[i], k) + weight_decay * w[i] for i in range(len(w))]
        for u, unit in enumerate(units):
            if switched[u]:
                for i in unit:
                    v[i] = b1 * v[i] + g[i]
                    w[i] = w[i] - (1 - b1) * switched[u][0] * schedule(k) * v[i]
                continue
            pp = pg = 0.0
            for i in unit:
                m[i] = b1 * m[i] + (1 - b1) * g[i]
                a[i] = b2 * a[i] + (1 - b2) * g[i] ** 2
                p = -lr * math.sqrt(1 - b2**k) / (1 - b1**k) * m[i] / (np.sqrt(a[i]) + eps)
                w[i] = w[i] + schedule(k) * p
                pp, pg = pp + (p * p).sum(), pg + (p * g[i]).sum()
            gamma = pp / -pg
            average[u] = b2 * average[u] + (1 - b2) * gamma
            corrected = average[u] / (1 - b2**k)
            if k > 1 and corrected > 0 and abs(corrected - gamma) < tolerance:
                switched[u] = [corrected, k]
        path.append([each.copy() for each in w])
    return path, switched


def make(problem, **settings):
    weights = [torch.tensor(start, requires_grad=True) for start in problem.start]
    groups = [{"params": [weights[i] for i in group]} for group in GROUPS]
    return weights, SWATS(groups, **SETTINGS | settings)


def run(problem, weights, optimizer, first=1, last=NUM_STEPS, scheduler=None):
    for k in range(first, last + 1):
        for i, weight in enumerate(weights):
            weight.grad = torch.tensor(problem.gradient(i, weight.detach().numpy(), k))
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        yield [weight.detach().numpy().copy() for weight in weights]


def rates(weights, optimizer, units):
    states = [optimizer.state[weights[unit[0]]] for unit in units]
    return [[state["sgd_lr"], state["switch_step"]] if "sgd_lr" in state else None for state in states]


def close(path, expected):
    for k, (one, two) in enumerate(zip(path, expected, strict=True), start=1):
        for a, b in zip(one, two, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12, err_msg=f"step {k}")


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("granularity", UNITS)
def test_switches_at_the_step_and_to_the_rate_of_algorithm_1(granularity, weight_decay, seed):
    problem, settings = Problem(seed), {"granularity": granularity, "weight_decay": weight_decay}
    weights, optimizer = make(problem, **settings)
    path = list(run(problem, weights, optimizer))
    expected, switched = reference(problem, UNITS[granularity], **SETTINGS | settings)
    assert any(switched)
    close(path, expected)
    for one, two in zip(rates(weights, optimizer, UNITS[granularity]), switched, strict=True):
        assert one == (two and [pytest.approx(two[0], rel=1e-9), two[1]])


def test_granularities_switch_differently():
    steps = {}
    for granularity, units in UNITS.items():
        _, switched = reference(Problem(), units, **SETTINGS | {"tolerance": 1e-2})
        steps[granularity] = [unit and unit[1] for unit in switched]
    assert len(set(steps["tensor"])) > 1
    assert set(steps["global"]) != set(steps["tensor"])
    assert steps["group"] != steps["tensor"]


def test_is_adam_until_it_switches():
    """With eps where the rule has it: torch's Adam in that form, to the last digits."""
    problem = Problem()
    weights, optimizer = make(problem, tolerance=1e-30)
    others = [torch.tensor(start, requires_grad=True) for start in problem.start]
    adam = KerasAdam(others, lr=0.02, betas=(0.9, 0.99), eps=1e-9)
    close(run(problem, weights, optimizer), list(run(problem, others, adam)))
    assert optimizer.metrics() == {"switched": 0, "switched_share": 0}


def test_after_the_switch_it_is_sgd_with_momentum():
    problem = Problem()
    weights, optimizer = make(problem, tolerance=1e9)
    list(run(problem, weights, optimizer, last=2))
    others = [weight.detach().clone().requires_grad_() for weight in weights]
    groups = [
        {"params": [other], "lr": 0.1 * optimizer.state[weight]["sgd_lr"]}
        for weight, other in zip(weights, others, strict=True)
    ]
    sgd = torch.optim.SGD(groups, lr=0.0, momentum=0.9)
    close(run(problem, weights, optimizer, first=3), list(run(problem, others, sgd, first=3)))


def test_under_a_constant_gradient_steps_grow_to_rate_times_gradient():
    """The sum of the momentum's weights is 1: a buffer scaled in place by each step would give a tenth of it."""
    weight = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = SWATS([weight], **SETTINGS | {"tolerance": 1e9})
    places = []
    for _ in range(300):
        weight.grad = torch.full((1,), 3.0, dtype=torch.float64)
        optimizer.step()
        places.append(weight.item())
    rate = optimizer.state[weight]["sgd_lr"]
    assert places[-2] - places[-1] == pytest.approx(3 * rate)
    assert rate == pytest.approx(0.02 / 3)  # of a gradient g, Adam's step is lr, SGD's is rate * g


def one_weight(gradients, **settings):
    weight = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = SWATS([weight], **SETTINGS | settings)
    for gradient in gradients:
        weight.grad = torch.full((1,), gradient, dtype=torch.float64)
        optimizer.step()
    return optimizer.state[weight]


def test_the_first_step_never_switches_and_the_second_may():
    assert "sgd_lr" not in one_weight([10.0], tolerance=1e9)
    assert one_weight([10.0, 0.001], tolerance=1e9)["switch_step"] == 2


def test_never_switches_to_a_negative_rate():
    """Momentum that goes uphill gives one, however near it is to its average."""
    state = one_weight([10.0, -0.001, -0.001], tolerance=1e9)
    assert state["rate_average"] < 0
    assert "sgd_lr" not in state


def test_a_step_without_a_direction_says_nothing_about_a_rate():
    state = one_weight([0.0, 0.0, 0.0], tolerance=1e9)
    assert "sgd_lr" not in state
    assert one_weight([2.0, 0.0, 2.0], tolerance=1e-30)["rate_average"] > 0


@pytest.mark.parametrize("granularity", UNITS)
def test_a_schedule_multiplies_steps_of_both_phases(granularity):
    problem, units = Problem(), UNITS[granularity]

    def factor(k):
        return 1.0 if k <= 10 else 0.5 if k <= 100 else 0.05

    weights, optimizer = make(problem, granularity=granularity)
    scheduler = LambdaLR(optimizer, lambda t: factor(t + 1))
    path = list(run(problem, weights, optimizer, scheduler=scheduler))
    expected, switched = reference(problem, units, schedule=factor, **SETTINGS)
    assert any(switched)
    close(path, expected)


def test_the_rate_is_that_of_the_unscheduled_lr():
    """On a constant gradient g the rate is lr / |g|, whatever the schedule has come to when it is found."""
    weight = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = SWATS([weight], **SETTINGS)
    LambdaLR(optimizer, lambda t: 0.1)
    for _ in range(3):
        weight.grad = torch.full((1,), 4.0, dtype=torch.float64)
        optimizer.step()
    assert optimizer.state[weight]["sgd_lr"] == pytest.approx(0.02 / 4)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("granularity", UNITS)
@pytest.mark.parametrize("cut", [1, 7, 60, 120])
def test_saved_state_goes_on_as_if_never_stopped(cut, granularity, precision):
    """Before, between and after the switches, to the last bit."""

    def train(weights, optimizer, first, last):
        for k in range(first, last):
            for i, weight in enumerate(weights):
                weight.grad = torch.tensor(problem.gradient(i, weight.detach().double().numpy(), k)).to(precision)
            optimizer.step()

    def fresh():
        weights = [torch.tensor(start).to(precision).requires_grad_() for start in problem.start]
        groups = [{"params": [weights[i] for i in group]} for group in GROUPS]
        return weights, SWATS(groups, **SETTINGS | {"granularity": granularity, "tolerance": 2e-3})

    problem = Problem()
    weights, optimizer = fresh()
    train(weights, optimizer, 1, cut)
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    resumed_weights, resumed = fresh()
    with torch.no_grad():
        for resumed_weight, weight in zip(resumed_weights, weights, strict=True):
            resumed_weight.copy_(weight)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    for each in ((weights, optimizer), (resumed_weights, resumed)):
        train(*each, cut, NUM_STEPS)
    assert all(torch.equal(one, two) for one, two in zip(weights, resumed_weights, strict=True))
    assert optimizer.metrics() == resumed.metrics()
    assert optimizer.metrics()["switched"] > 0


def test_metrics_tell_how_many_when_and_at_which_rate():
    problem = Problem()
    weights, optimizer = make(problem, tolerance=1e-3)
    list(run(problem, weights, optimizer))
    _, switched = reference(problem, UNITS["tensor"], **SETTINGS | {"tolerance": 1e-3})
    found = [unit for unit in switched if unit]
    told = optimizer.metrics()
    assert told["switched"] == len(found) > 0
    assert told["switched_share"] == len(found) / 3
    assert told["first_switch_step"] == min(step for _, step in found)
    assert told["sgd_lr"] == pytest.approx(np.mean([rate for rate, _ in found]))
    assert {type(value) for value in told.values()} == {float}


@pytest.mark.parametrize("granularity", UNITS)
def test_reads_from_the_device_once_a_step_and_after_the_switch_never(granularity, monkeypatch):
    read = []
    for name in ("item", "tolist", "__float__", "__bool__"):
        method = getattr(torch.Tensor, name)
        monkeypatch.setattr(torch.Tensor, name, lambda self, method=method: [read.append(1), method(self)][1])
    problem = Problem()
    weights, optimizer = make(problem, granularity=granularity, tolerance=1e9)
    list(run(problem, weights, optimizer, last=2))
    assert len(read) == 2
    list(run(problem, weights, optimizer, first=3, last=9))
    assert len(read) == 2


def test_a_copy_of_the_optimizer_goes_the_same_way():
    problem = Problem()
    weights, optimizer = make(problem, granularity="group")
    list(run(problem, weights, optimizer, last=20))
    again = copy.deepcopy({"weights": weights, "optimizer": optimizer})
    one = list(run(problem, weights, optimizer, first=21))
    close(one, list(run(problem, again["weights"], again["optimizer"], first=21)))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"lr": -1.0}, r"lr, eps and weight_decay must be >= 0, got -1.0, 1e-09 and 0.0 \(optimizer\)"),
        ({"betas": (0.9, 1.0)}, r"betas must be in \[0, 1\), got \[0.9, 1.0\] \(optimizer.betas\)"),
        ({"tolerance": 0.0}, r"tolerance must be > 0, got 0.0 \(optimizer.tolerance\)"),
        ({"granularity": "layer"}, r"granularity must be tensor, group or global, got layer \(optimizer.granularity\)"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_settings_out_of_range_are_named(setting, message):
    with pytest.raises(ValueError, match=message):
        SWATS([torch.zeros(1, requires_grad=True)], **SETTINGS | setting)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("granularity", UNITS)
def test_on_a_gpu_it_goes_the_same_way(granularity):
    problem = Problem()
    weights, optimizer = make(problem, granularity=granularity)
    expected = list(run(problem, weights, optimizer))[-1]
    on_gpu = [torch.tensor(start, device="cuda", requires_grad=True) for start in problem.start]
    groups = [{"params": [on_gpu[i] for i in group]} for group in GROUPS]
    optimizer = SWATS(groups, **SETTINGS | {"granularity": granularity})
    for k in range(1, NUM_STEPS + 1):
        for i, weight in enumerate(on_gpu):
            weight.grad = torch.tensor(problem.gradient(i, weight.detach().cpu().numpy(), k), device="cuda")
        optimizer.step()
    for one, two in zip(on_gpu, expected, strict=True):
        np.testing.assert_allclose(one.detach().cpu().numpy(), two, rtol=1e-6, atol=1e-9)
