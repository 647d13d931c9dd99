"""keras-radam's schedule against the values that its formula has been published with."""

import numpy as np
import pytest
import torch

from sweeplab.optim.warmup import keras_warmup

PUBLISHED = {"total_steps": 5000, "warmup_proportion": 0.1, "min_lr": 1e-5}
LENGTH = {"steps_per_epoch": 390, "max_epochs": 75}


def rates(num_steps, lr=1e-3, **settings):
    """The learning rate of each step, counted from 1: the first entry is nan."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler = keras_warmup(optimizer, **PUBLISHED | LENGTH | settings)
    used = [np.nan]
    for _ in range(num_steps):
        used.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return np.array(used)


def test_published_trace():
    used = rates(6000)
    assert used[[1, 500, 2500, 5000, 6000]] == pytest.approx([2e-6, 1e-3, 5.6e-4, 1e-5, 1e-5])
    np.testing.assert_allclose(used[5000:], 1e-5)


def test_published_mean():
    """Of all 29,250 steps, 10.6 times less than Adam's constant rate beside it."""
    used = np.concatenate([rates(5000)[1:], np.full(29250 - 5000, 1e-5)])
    assert 1e-3 / used.mean() == pytest.approx(10.6, abs=0.05)


def test_fair_twin_takes_the_whole_training():
    used = rates(200, total_steps=None, steps_per_epoch=10, max_epochs=20)
    t = np.arange(1, 201)
    np.testing.assert_allclose(used[1:], np.interp(t, [0, 20, 200], [0, 1e-3, 1e-5]))


@pytest.mark.parametrize("proportion", [0.0, 1.0])
def test_all_fall_or_all_rise(proportion):
    used = rates(120, total_steps=100, warmup_proportion=proportion)
    t = np.minimum(np.arange(1, 121), 100)
    line = np.interp(t, [0, 100], [1e-3, 1e-5] if proportion == 0 else [0, 1e-3])
    np.testing.assert_allclose(used[1:101], line[:100])
    assert used[101:] == pytest.approx(line[100:])


def test_min_lr_is_a_rate_for_every_group():
    weights = [torch.zeros(1, requires_grad=True) for _ in range(3)]
    optimizer = torch.optim.SGD([{"params": [w], "lr": lr} for w, lr in zip(weights, (1e-1, 1e-6, 0.0), strict=True)])
    scheduler = keras_warmup(optimizer, **PUBLISHED | LENGTH | {"total_steps": 10})
    for _ in range(15):
        optimizer.step()
        scheduler.step()
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([1e-5, 1e-5, 0.0])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"total_steps": 0}, "scheduler.total_steps must be >= 1 or null, got 0"),
        ({"warmup_proportion": 1.5}, r"scheduler.warmup_proportion must be in \[0, 1\], got 1.5"),
        ({"min_lr": -1.0}, "scheduler.min_lr must be >= 0, got -1.0"),
        ({"max_epochs": 0}, "a schedule needs at least 1 step, got 390 steps x 0 epochs"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_settings_out_of_range_are_named(setting, message):
    with pytest.raises(ValueError, match=message):
        rates(1, **setting)
