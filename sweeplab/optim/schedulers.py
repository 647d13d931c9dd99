"""Learning-rate schedules: (optimizer, length of the training) → a scheduler stepped after every optimizer step.

t counts optimizer steps from 0, T = steps_per_epoch * max_epochs is their number: the first step uses lr * f(0), the
last lr * f(T - 1), where lr is what each parameter group was made with. Beyond T a schedule stays where it ended.
Arguments common to all: steps_per_epoch and max_epochs, both >= 1. Values out of range raise ValueError.
"""

import math
from collections.abc import Callable

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from sweeplab.optim.adapters import EveryEpoch, Plateau
from sweeplab.optim.curves import CURVES
from sweeplab.optim.curves import cosine as half_cosine


def constant(optimizer: Optimizer, *, steps_per_epoch: int, max_epochs: int) -> None:  # noqa: ARG001 (one interface)
    """f(t) = 1: no scheduler at all."""
    _num_steps(steps_per_epoch, max_epochs)


def cosine(optimizer: Optimizer, *, min_lr_ratio: float, steps_per_epoch: int, max_epochs: int) -> LRScheduler:
    """f(t) = r + (1 - r) * (1 + cos(pi * t / T)) / 2 with r = min_lr_ratio in [0, 1]; r itself is reached at t = T.

    Source:
        Loshchilov & Hutter 2017, arXiv:1608.03983, one period; torch's CosineAnnealingLR with T_max = T.
    """
    num_steps = _num_steps(steps_per_epoch, max_epochs)
    _require(0 <= min_lr_ratio <= 1, "min_lr_ratio", min_lr_ratio, "in [0, 1]")
    return LambdaLR(optimizer, lambda t: half_cosine(1.0, min_lr_ratio, t / num_steps))


def one_cycle(
    optimizer: Optimizer,
    *,
    pct_start: float,
    div_factor: float,
    final_div_factor: float,
    steps_per_epoch: int,
    max_epochs: int,
) -> LRScheduler:
    """Half a cosine up from lr / div_factor to lr at t = pct_start * T - 1, half a cosine down to the end.

    The last step, t = T - 1, uses lr / (div_factor * final_div_factor). Momentum stays as it is.

    Args:
        pct_start: share of the steps that rise, in (0, 1).
        div_factor: peak over first learning rate, >= 1.
        final_div_factor: first over last learning rate, >= 1.

    Source:
        Smith & Topin 2018, arXiv:1708.07120; torch's OneCycleLR, but also for trainings of very few steps.
    """
    num_steps = _num_steps(steps_per_epoch, max_epochs)
    _require(0 < pct_start < 1, "pct_start", pct_start, "in (0, 1)")
    _require(div_factor >= 1, "div_factor", div_factor, ">= 1")
    _require(final_div_factor >= 1, "final_div_factor", final_div_factor, ">= 1")
    first, last = 1 / div_factor, 1 / (div_factor * final_div_factor)
    peak, end = pct_start * num_steps - 1, num_steps - 1

    def factor(t: int) -> float:
        return half_cosine(first, 1.0, t / peak) if t < peak else half_cosine(1.0, last, (t - peak) / (end - peak))

    return LambdaLR(optimizer, factor)


def linear_warmup(
    optimizer: Optimizer,
    *,
    warmup_epochs: float | None,
    warmup_steps: int | None,
    decay: str,
    min_lr_ratio: float,
    steps_per_epoch: int,
    max_epochs: int,
) -> LRScheduler:
    """A line up over W warm-up steps, f(t) = (t + 1) / W for t < W, then a decay over the other T - W.

    No step has lr 0; t = W - 1 has the full lr, and so has t = W, where the decay begins:
    f(t) = r + (1 - r) * g((t - W) / (T - W)) with g(p) = 1, 1 - p or (1 + cos(pi * p)) / 2 and r = min_lr_ratio.

    Args:
        warmup_epochs: W in epochs, >= 0, rounded to whole steps; null if warmup_steps is given.
        warmup_steps: W, >= 0; null if warmup_epochs is given.
        decay: constant, linear or cosine.
        min_lr_ratio: r, in [0, 1], which a decay reaches at t = T.

    Source:
        Goyal et al. 2017, arXiv:1706.02677; the line as in Ma & Yarats 2019, arXiv:1910.04209.
    """
    num_steps = _num_steps(steps_per_epoch, max_epochs)
    if (warmup_epochs is None) == (warmup_steps is None):
        _require(False, "warmup_epochs and warmup_steps", (warmup_epochs, warmup_steps), "one number and one null")
    warmup = warmup_steps if warmup_steps is not None else round((warmup_epochs or 0) * steps_per_epoch)
    _require(0 <= warmup <= num_steps, "warmup", f"{warmup} steps", f"from 0 to the whole training, {num_steps} steps")
    _require(decay in CURVES, "decay", decay, "one of " + ", ".join(CURVES))
    _require(0 <= min_lr_ratio <= 1, "min_lr_ratio", min_lr_ratio, "in [0, 1]")
    shape, rest = CURVES[decay], max(num_steps - warmup, 1)

    def factor(t: int) -> float:
        return (t + 1) / warmup if t < warmup else shape(1.0, min_lr_ratio, (t - warmup) / rest)

    return LambdaLR(optimizer, factor)


def inverse_sqrt(optimizer: Optimizer, *, per: str, steps_per_epoch: int, max_epochs: int) -> LRScheduler:
    """f(t) = 1 / sqrt(n), n counted from 1: the step (`per: step`) or the epoch (`per: epoch`) that t belongs to.

    Source:
        Kingma & Ba 2015, arXiv:1412.6980, section 6.1 (alpha / sqrt(t)).
    """
    _num_steps(steps_per_epoch, max_epochs)
    _require(per in ("step", "epoch"), "per", per, "step or epoch")
    unit = steps_per_epoch if per == "epoch" else 1
    return LambdaLR(optimizer, lambda t: 1 / math.sqrt(t // unit + 1))


def time_decay(optimizer: Optimizer, *, decay: float, steps_per_epoch: int, max_epochs: int) -> LRScheduler:
    """f(t) = 1 / (1 + decay * t), decay >= 0 per step: the `decay` of Keras's optimizers; the first step has the lr."""
    _num_steps(steps_per_epoch, max_epochs)
    _require(decay >= 0, "decay", decay, ">= 0")
    return LambdaLR(optimizer, lambda t: 1 / (1 + decay * t))


def step(optimizer: Optimizer, *, step_epochs: int, gamma: float, steps_per_epoch: int, max_epochs: int) -> LRScheduler:
    """f(t) = gamma ** k after k * step_epochs whole epochs; gamma in (0, 1], step_epochs >= 1."""
    _num_steps(steps_per_epoch, max_epochs)
    _require(step_epochs >= 1, "step_epochs", step_epochs, ">= 1")
    _require(0 < gamma <= 1, "gamma", gamma, "in (0, 1]")
    return LambdaLR(optimizer, lambda t: gamma ** (t // (steps_per_epoch * step_epochs)))


def reduce_on_plateau(
    optimizer: Optimizer,
    *,
    monitor: str,
    mode: str,
    factor: float,
    patience: int,
    threshold: float,
    min_lr: float,
    steps_per_epoch: int,
    max_epochs: int,
) -> Plateau:
    """Multiply lr by `factor` when `monitor` has not improved for more than `patience` epochs; stepped once an epoch.

    Args:
        monitor: a metric of the validation split.
        mode: min if less of it is better, max if more.
        factor: in (0, 1).
        patience: epochs without improvement that are forgiven, >= 0.
        threshold: relative improvement that counts as one, >= 0.
        min_lr: learning rate below which it does not go, >= 0.
    """
    _num_steps(steps_per_epoch, max_epochs)
    _require(monitor.startswith("val/"), "monitor", monitor, "a metric of the validation split, such as val/loss")
    _require(mode in ("min", "max"), "mode", mode, "min or max")
    _require(0 < factor < 1, "factor", factor, "in (0, 1)")
    _require(patience >= 0, "patience", patience, ">= 0")
    _require(threshold >= 0, "threshold", threshold, ">= 0")
    _require(min_lr >= 0, "min_lr", min_lr, ">= 0")
    return Plateau(
        optimizer, monitor=monitor, mode=mode, factor=factor, patience=patience, threshold=threshold, min_lr=min_lr
    )


def from_torch(
    optimizer: Optimizer,
    *,
    scheduler: Callable[[Optimizer], LRScheduler],
    interval: str,
    steps_per_epoch: int,
    max_epochs: int,
) -> LRScheduler:
    """Any scheduler of torch's kind: with `interval: epoch` it is stepped once in steps_per_epoch steps.

    Args:
        scheduler: makes it from the optimizer: a YAML node with `_target_` and `_partial_: true`.
        interval: what the scheduler counts, step or epoch.
    """
    _num_steps(steps_per_epoch, max_epochs)
    _require(interval in ("step", "epoch"), "interval", interval, "step or epoch")
    made = scheduler(optimizer)
    steady = not isinstance(made, ReduceLROnPlateau)
    _require(steady, "scheduler", type(made).__name__, "one that watches no metric (use scheduler=reduce_on_plateau)")
    return made if interval == "step" else EveryEpoch(made, steps_per_epoch=steps_per_epoch)


def _num_steps(steps_per_epoch: int, max_epochs: int) -> int:
    if steps_per_epoch < 1 or max_epochs < 1:
        raise ValueError(f"a schedule needs at least 1 step, got {steps_per_epoch} steps x {max_epochs} epochs")
    return steps_per_epoch * max_epochs


def _require(holds: bool, key: str, value: object, allowed: str) -> None:
    if not holds:
        raise ValueError(f"scheduler.{key} must be {allowed}, got {value} (see conf/scheduler)")
