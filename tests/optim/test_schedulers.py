"""Each schedule against its closed form, at the first step, at the last, and in between."""

import copy
import math
from functools import partial

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from sweeplab.optim import schedulers

LR = 0.5
LENGTH = {"steps_per_epoch": 10, "max_epochs": 6}
NUM_STEPS = 60
WARMUP = {"warmup_epochs": None, "warmup_steps": None, "decay": "linear", "min_lr_ratio": 0.0}
PLATEAU = {"monitor": "val/loss", "mode": "min", "factor": 0.5, "patience": 2, "threshold": 0.0, "min_lr": 0.0}
ONE_CYCLE = {"pct_start": 0.3, "div_factor": 25.0, "final_div_factor": 1e4}


def sgd(lr=LR):
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)


def rates(make, num_steps=NUM_STEPS, **settings):
    """The learning rate that each optimizer step uses, as a share of lr."""
    optimizer = sgd()
    scheduler = make(optimizer, **LENGTH | settings)
    used = []
    for _ in range(num_steps):
        used.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return np.array(used) / LR


def torch_rates(make, num_steps=NUM_STEPS):
    return rates(lambda optimizer, **length: make(optimizer), num_steps)


t = np.arange(NUM_STEPS)


def test_constant_needs_no_scheduler():
    assert schedulers.constant(sgd(), **LENGTH) is None


@pytest.mark.parametrize("ratio", [0.0, 0.1, 1.0])
def test_cosine(ratio):
    used = rates(schedulers.cosine, min_lr_ratio=ratio)
    np.testing.assert_allclose(used, ratio + (1 - ratio) * np.cos(np.pi * t / (2 * NUM_STEPS)) ** 2, atol=1e-12)
    assert used[0] == 1
    assert (used[-1] > ratio) == (ratio < 1)


def test_cosine_is_torch_s():
    used = torch_rates(lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, NUM_STEPS, eta_min=0.1 * LR))
    np.testing.assert_allclose(rates(schedulers.cosine, min_lr_ratio=0.1), used, atol=1e-12)


@pytest.mark.parametrize("pct_start", [0.1, 0.3, 0.75])
@pytest.mark.parametrize("div_factor", [1.0, 25.0])
def test_one_cycle_is_torch_s(pct_start, div_factor):
    settings = {"pct_start": pct_start, "div_factor": div_factor, "final_div_factor": 100.0}
    used = torch_rates(
        lambda optimizer: lr_scheduler.OneCycleLR(
            optimizer, max_lr=LR, total_steps=NUM_STEPS, cycle_momentum=False, **settings
        )
    )
    np.testing.assert_allclose(rates(schedulers.one_cycle, **settings), used, atol=1e-12)


def test_one_cycle_begins_peaks_and_ends_where_it_says():
    used = rates(schedulers.one_cycle, **ONE_CYCLE)
    assert used[0] == pytest.approx(1 / 25)
    assert used[17] == pytest.approx(1)  # 0.3 * 60 - 1
    assert used.argmax() == 17
    assert used[-1] == pytest.approx(1 / 25e4)


@pytest.mark.parametrize("num_steps", [1, 2, 3, 4, 10])
def test_one_cycle_of_few_steps(num_steps):
    """Where the rise has no whole step, torch's divides by zero."""
    used = rates(schedulers.one_cycle, num_steps, steps_per_epoch=1, max_epochs=num_steps, **ONE_CYCLE)
    assert used[-1] == pytest.approx(1 / 25e4)
    assert ((used > 0) & (used <= 1)).all()


def test_warm_up_is_a_line_that_ends_at_lr():
    used = rates(schedulers.linear_warmup, **WARMUP | {"warmup_steps": 20, "decay": "constant"})
    np.testing.assert_allclose(used, np.minimum((t + 1) / 20, 1))
    np.testing.assert_allclose(used[[0, 18, 19, 20, 59]], [0.05, 0.95, 1, 1, 1])


@pytest.mark.parametrize("ratio", [0.0, 0.2])
def test_warm_up_then_linear_decay(ratio):
    used = rates(schedulers.linear_warmup, **WARMUP | {"warmup_steps": 20, "min_lr_ratio": ratio})
    np.testing.assert_allclose(used, np.interp(t, [0, 19, 20, 60], [0.05, 1, 1, ratio]), atol=1e-12)
    assert used[-1] == pytest.approx(ratio + (1 - ratio) / 40)


@pytest.mark.parametrize("ratio", [0.0, 0.2])
def test_warm_up_then_cosine_is_the_cosine_of_the_rest(ratio):
    used = rates(schedulers.linear_warmup, **WARMUP | {"warmup_steps": 20, "decay": "cosine", "min_lr_ratio": ratio})
    rest = rates(schedulers.cosine, 40, min_lr_ratio=ratio, max_epochs=4)
    np.testing.assert_allclose(used[20:], rest, atol=1e-12)
    np.testing.assert_allclose(used[:20], (t[:20] + 1) / 20)


def test_warm_up_with_decay_is_the_common_formula_one_step_ahead():
    """BERT's schedule, max(0, min(n / W, (T - n) / (T - W))), counts n from 0 while it rises and wastes a step on lr 0;
    ours is its value at n = t + 1 while it rises and at n = t while it falls.
    """

    def common(n, warmup=15):
        return n / warmup if n < warmup else max(0.0, (NUM_STEPS - n) / (NUM_STEPS - warmup))

    used = rates(schedulers.linear_warmup, **WARMUP | {"warmup_steps": 15})
    np.testing.assert_allclose(used, [common(n + 1) if n < 15 else common(n) for n in range(NUM_STEPS)], atol=1e-12)


@pytest.mark.parametrize(("epochs", "steps"), [(0, 0), (2, 20), (0.5, 5), (0.26, 3), (6, 60)])
def test_warm_up_in_epochs_is_one_in_steps(epochs, steps):
    in_epochs = rates(schedulers.linear_warmup, **WARMUP | {"warmup_epochs": epochs})
    np.testing.assert_array_equal(in_epochs, rates(schedulers.linear_warmup, **WARMUP | {"warmup_steps": steps}))


def test_inverse_sqrt_per_step():
    used = rates(schedulers.inverse_sqrt, per="step")
    np.testing.assert_allclose(used, 1 / np.sqrt(np.arange(1, NUM_STEPS + 1)))


def test_inverse_sqrt_per_epoch():
    used = rates(schedulers.inverse_sqrt, per="epoch")
    np.testing.assert_allclose(used, np.repeat(1 / np.sqrt([1, 2, 3, 4, 5, 6]), 10))


def test_time_decay_is_keras_s():
    """`lr * 1 / (1 + decay * iterations)`, iterations counted before the step."""
    used = rates(schedulers.time_decay, decay=0.01)
    np.testing.assert_allclose(used, [1 / (1 + 0.01 * iterations) for iterations in range(NUM_STEPS)])


def test_step_falls_at_the_first_step_of_an_epoch():
    used = rates(schedulers.step, step_epochs=2, gamma=0.1)
    np.testing.assert_allclose(used, np.repeat([1, 0.1, 0.01], 20))


@pytest.mark.parametrize(
    ("make", "settings", "end"),
    [
        (schedulers.cosine, {"min_lr_ratio": 0.1}, 0.1),
        (schedulers.one_cycle, ONE_CYCLE, 1 / 25e4),
        (schedulers.linear_warmup, WARMUP | {"warmup_steps": 5, "min_lr_ratio": 0.1}, 0.1),
        (schedulers.linear_warmup, WARMUP | {"warmup_steps": 5, "decay": "cosine", "min_lr_ratio": 0.1}, 0.1),
    ],
)
def test_beyond_the_end_it_stays(make, settings, end):
    np.testing.assert_allclose(rates(make, 2 * NUM_STEPS, **settings)[NUM_STEPS:], end)


def test_parameter_groups_keep_their_proportions():
    one, two = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([{"params": [one], "lr": 1.0}, {"params": [two], "lr": 0.1}])
    scheduler = schedulers.cosine(optimizer, min_lr_ratio=0.5, **LENGTH)
    for _ in range(NUM_STEPS):
        optimizer.step()
        scheduler.step()
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.5, 0.05])


def test_plateau_halves_after_patience():
    """Two epochs without improvement are forgiven, the third lowers the learning rate."""
    optimizer = sgd(lr=1.0)
    scheduler = schedulers.reduce_on_plateau(optimizer, **PLATEAU | LENGTH)
    assert isinstance(scheduler, lr_scheduler.ReduceLROnPlateau)
    assert scheduler.monitor == "val/loss"
    used = []
    for loss in [3.0, 2.0, 2.0, 2.0, 2.0, 1.0, 1.0]:
        scheduler.step(loss)
        used.append(optimizer.param_groups[0]["lr"])
    assert used == [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5]


def test_plateau_of_a_metric_that_should_grow_stops_at_min_lr():
    optimizer = sgd(lr=1.0)
    settings = PLATEAU | {"monitor": "val/accuracy", "mode": "max", "patience": 0, "min_lr": 0.3}
    scheduler = schedulers.reduce_on_plateau(optimizer, **settings | LENGTH)
    used = []
    for accuracy in [0.1, 0.2, 0.1, 0.1, 0.1]:
        scheduler.step(accuracy)
        used.append(optimizer.param_groups[0]["lr"])
    assert used == [1.0, 1.0, 0.5, 0.3, 0.3]


def test_from_torch_by_epoch_steps_once_an_epoch():
    inner = partial(lr_scheduler.MultiStepLR, milestones=[1, 4], gamma=0.5)
    used = rates(schedulers.from_torch, scheduler=inner, interval="epoch")
    np.testing.assert_allclose(used, np.repeat([1, 0.5, 0.5, 0.5, 0.25, 0.25], 10))


def test_from_torch_by_step_is_the_scheduler_itself():
    inner = partial(lr_scheduler.ExponentialLR, gamma=0.9)
    np.testing.assert_allclose(rates(schedulers.from_torch, scheduler=inner, interval="step"), 0.9**t)


def test_from_torch_resumes_in_the_middle_of_an_epoch():
    def make():
        optimizer = sgd()
        inner = partial(lr_scheduler.ExponentialLR, gamma=0.5)
        return optimizer, schedulers.from_torch(optimizer, scheduler=inner, interval="epoch", **LENGTH)

    optimizer, scheduler = make()
    for _ in range(17):
        optimizer.step()
        scheduler.step()
    resumed_optimizer, resumed = make()
    resumed_optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    resumed.load_state_dict(copy.deepcopy(scheduler.state_dict()))
    assert resumed.get_last_lr() == [LR / 2]
    for _ in range(3):
        resumed_optimizer.step()
        resumed.step()
    assert resumed.get_last_lr() == [LR / 4] == [resumed_optimizer.param_groups[0]["lr"]]


def test_a_schedule_resumes_where_it_was():
    optimizer = sgd()
    scheduler = schedulers.cosine(optimizer, min_lr_ratio=0.0, **LENGTH)
    for _ in range(17):
        optimizer.step()
        scheduler.step()
    resumed_optimizer = sgd()
    resumed = schedulers.cosine(resumed_optimizer, min_lr_ratio=0.0, **LENGTH)
    resumed_optimizer.load_state_dict(optimizer.state_dict())
    resumed.load_state_dict(scheduler.state_dict())
    resumed_optimizer.step()
    resumed.step()
    assert resumed.get_last_lr() == pytest.approx([LR * math.cos(math.pi * 18 / 120) ** 2])


@pytest.mark.parametrize(
    ("make", "settings", "message"),
    [
        (schedulers.cosine, {"min_lr_ratio": 1.5}, r"scheduler.min_lr_ratio must be in \[0, 1\], got 1.5"),
        (schedulers.one_cycle, ONE_CYCLE | {"pct_start": 1.0}, r"scheduler.pct_start must be in \(0, 1\), got 1.0"),
        (schedulers.one_cycle, ONE_CYCLE | {"div_factor": 0.5}, r"scheduler.div_factor must be >= 1, got 0.5"),
        (schedulers.one_cycle, ONE_CYCLE | {"final_div_factor": 0}, r"scheduler.final_div_factor must be >= 1, got 0"),
        (schedulers.linear_warmup, WARMUP, r"one number and one null, got \(None, None\)"),
        (schedulers.linear_warmup, WARMUP | {"warmup_steps": 1, "warmup_epochs": 1}, r"one null, got \(1, 1\)"),
        (
            schedulers.linear_warmup,
            WARMUP | {"warmup_steps": 61},
            r"from 0 to the whole training, 60 steps, got 61 steps",
        ),
        (
            schedulers.linear_warmup,
            WARMUP | {"warmup_epochs": -1},
            r"scheduler.warmup must be from 0 .*, got -10 steps",
        ),
        (
            schedulers.linear_warmup,
            WARMUP | {"warmup_steps": 1, "decay": "cubic"},
            r"scheduler.decay must be one of constant, linear, cosine, got cubic",
        ),
        (
            schedulers.linear_warmup,
            WARMUP | {"warmup_steps": 1, "min_lr_ratio": -1},
            r"scheduler.min_lr_ratio must be in \[0, 1\], got -1",
        ),
        (schedulers.inverse_sqrt, {"per": "batch"}, r"scheduler.per must be step or epoch, got batch"),
        (schedulers.time_decay, {"decay": -0.1}, r"scheduler.decay must be >= 0, got -0.1"),
        (schedulers.step, {"step_epochs": 0, "gamma": 0.1}, r"scheduler.step_epochs must be >= 1, got 0"),
        (schedulers.step, {"step_epochs": 1, "gamma": 0.0}, r"scheduler.gamma must be in \(0, 1\], got 0.0"),
        (
            schedulers.reduce_on_plateau,
            PLATEAU | {"monitor": "test/loss"},
            r"scheduler.monitor must be a metric of the validation split, such as val/loss, got test/loss",
        ),
        (schedulers.reduce_on_plateau, PLATEAU | {"mode": "up"}, r"scheduler.mode must be min or max, got up"),
        (schedulers.reduce_on_plateau, PLATEAU | {"factor": 1.0}, r"scheduler.factor must be in \(0, 1\), got 1.0"),
        (schedulers.reduce_on_plateau, PLATEAU | {"patience": -1}, r"scheduler.patience must be >= 0, got -1"),
        (schedulers.reduce_on_plateau, PLATEAU | {"threshold": -1}, r"scheduler.threshold must be >= 0, got -1"),
        (schedulers.reduce_on_plateau, PLATEAU | {"min_lr": -1}, r"scheduler.min_lr must be >= 0, got -1"),
        (
            schedulers.from_torch,
            {"scheduler": lr_scheduler.ConstantLR, "interval": "batch"},
            r"scheduler.interval must be step or epoch, got batch",
        ),
        (
            schedulers.from_torch,
            {"scheduler": lr_scheduler.ReduceLROnPlateau, "interval": "epoch"},
            r"watches no metric \(use scheduler=reduce_on_plateau\), got ReduceLROnPlateau",
        ),
    ],
)
def test_values_out_of_range_are_refused(make, settings, message):
    with pytest.raises(ValueError, match=message + r".* \(see conf/scheduler\)"):
        make(sgd(), **settings | LENGTH)


@pytest.mark.parametrize("length", [{"steps_per_epoch": 0}, {"max_epochs": 0}])
def test_a_training_without_steps_is_refused(length):
    with pytest.raises(ValueError, match="a schedule needs at least 1 step, got"):
        schedulers.constant(sgd(), **LENGTH | length)
