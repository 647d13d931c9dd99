"""The learning-rate schedule inside keras-radam; a schedule like those of schedulers.py."""

from functools import partial

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from sweeplab.optim.curves import linear


def keras_warmup(
    optimizer: Optimizer,
    *,
    total_steps: int | None,
    warmup_proportion: float,
    min_lr: float,
    steps_per_epoch: int,
    max_epochs: int,
) -> LRScheduler:
    """A line from 0 to lr over W = warmup_proportion * total_steps steps, one to min_lr at total_steps, then min_lr.

    n counts steps from 1: lr * n / W for n <= W, then lr + (min_lr - lr) * (min(n, T) - W) / max(T - W, 1) with
    T = total_steps.

    Args:
        total_steps: where the fall ends, >= 1, whatever the length of the training; null: with the training.
        warmup_proportion: in [0, 1].
        min_lr: the rate itself, not a share of lr, >= 0; a group with a smaller lr climbs to it.
        steps_per_epoch: optimizer steps, >= 1.
        max_epochs: >= 1.

    Raises:
        ValueError: an argument is out of range.

    Source:
        the package keras-radam, 0.17.0; Devlin et al. 2019, arXiv:1810.04805, without the minimum.
    """
    if steps_per_epoch < 1 or max_epochs < 1:
        raise ValueError(f"a schedule needs at least 1 step, got {steps_per_epoch} steps x {max_epochs} epochs")
    if total_steps is not None and total_steps < 1:
        raise ValueError(f"scheduler.total_steps must be >= 1 or null, got {total_steps} (see conf/scheduler)")
    if not 0 <= warmup_proportion <= 1:
        raise ValueError(f"scheduler.warmup_proportion must be in [0, 1], got {warmup_proportion} (see conf/scheduler)")
    if min_lr < 0:
        raise ValueError(f"scheduler.min_lr must be >= 0, got {min_lr} (see conf/scheduler)")
    total = steps_per_epoch * max_epochs if total_steps is None else total_steps
    warmup = total * warmup_proportion

    def factor(end: float, t: int) -> float:
        n = t + 1
        return n / warmup if n <= warmup else linear(1.0, end, (min(n, total) - warmup) / max(total - warmup, 1))

    # min_lr is a rate, LambdaLR wants shares of each group's own
    ends = [min_lr / group["lr"] if group["lr"] else 1.0 for group in optimizer.param_groups]
    return LambdaLR(optimizer, [partial(factor, end) for end in ends])
