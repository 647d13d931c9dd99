"""torch's optimizers with the arithmetic of Keras's, where that differs by more than an argument.

Each sets torch's own arguments anew for every step and takes them back after it: no update is written again here. They
read the step count, which `fused=True` would keep on the device: leave it out, except with KerasSGD.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch.optim import SGD, Adam, Optimizer, RAdam


class KerasAdam(Adam):
    """torch's Adam with eps beside the root of the uncorrected second moment.

    w -= lr * sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + eps): torch's with eps / sqrt(1 - b2^t) in place of eps,
    which is 31.6 times as much at t = 1 with b2 = 0.999, and the same in the end.

    Source:
        Keras's optimizers.py; "epsilon hat" in Kingma & Ba 2015, arXiv:1412.6980, section 2.
    """

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of torch's, with this step's eps."""

        def settings(group: dict[str, Any], t: int) -> dict[str, float]:
            return {"eps": group["eps"] / math.sqrt(1 - group["betas"][1] ** t)}

        with _for_this_step(self, settings):
            return super().step(closure)


class UncorrectedAdam(Adam):
    """torch's Adam without bias correction: w -= lr * m / (sqrt(v) + eps).

    Constants a and b in place of 1 - b1^t and 1 - b2^t are this with lr * sqrt(b) / a and eps * sqrt(b).

    Source:
        Kingma & Ba 2015, arXiv:1412.6980, section 6.4, which shows what the correction is for.
    """

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of torch's, with an lr and an eps that undo this step's correction."""

        def settings(group: dict[str, Any], t: int) -> dict[str, float]:
            beta1, beta2 = group["betas"]
            root = math.sqrt(1 - beta2**t)
            return {"lr": group["lr"] * (1 - beta1**t) / root, "eps": group["eps"] / root}

        with _for_this_step(self, settings):
            return super().step(closure)


class KerasRAdam(RAdam):
    """torch's RAdam with eps beside the root of the corrected second moment: sqrt(v / (1 - b2^t)) + eps.

    Source:
        the package keras-radam, 0.17.0; its schedule is conf/scheduler/keras_warmup.yaml.
    """

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of torch's, with this step's eps."""

        def settings(group: dict[str, Any], t: int) -> dict[str, float]:
            return {"eps": group["eps"] * math.sqrt(1 - group["betas"][1] ** t)}

        with _for_this_step(self, settings):
            return super().step(closure)


class KerasSGD(SGD):
    """torch's SGD with the learning rate inside the velocity: v = momentum * v - lr * g, w += v.

    torch's w -= lr * b, b = momentum * b + g, is the same as long as lr is: v = -lr * b. When lr changes, what has been
    gathered is to keep the rate that it came with, so b is multiplied by old lr / new lr.

    Source:
        Keras's optimizers.py.
    """

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of torch's, after the velocity has been put in units of this step's lr.

        Raises:
            ValueError: lr has come down to 0 while there is momentum, which a velocity in units of lr cannot say.
        """
        for group in self.param_groups:
            lr, last_lr = group["lr"], group.get("last_lr", group["lr"])
            if lr != last_lr and group["momentum"]:
                if lr == 0:
                    raise ValueError(
                        "lr must stay > 0 where there is momentum, got 0 (see scheduler; optimizer=sgdm can)"
                    )
                for weight in group["params"]:
                    if "momentum_buffer" in self.state[weight]:
                        self.state[weight]["momentum_buffer"].mul_(last_lr / lr)
            group["last_lr"] = lr
        return super().step(closure)


@contextmanager
def _for_this_step(optimizer: Optimizer, settings: Callable[[dict[str, Any], int], dict[str, float]]) -> Iterator[None]:
    """Replace settings of each group, made from it and its step t (from 1), while the block runs."""
    kept = []
    try:
        for group in optimizer.param_groups:
            t = 1 + max((int(optimizer.state[weight].get("step", 0)) for weight in group["params"]), default=0)
            new = settings(group, t)
            kept.append((group, {key: group[key] for key in new}))
            group.update(new)
        yield
    finally:
        for group, old in kept:
            group.update(old)
