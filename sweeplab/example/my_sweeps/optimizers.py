"""Optimizers: anything that torch would accept as one."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor


class SignSGD(torch.optim.Optimizer):
    """Step by `lr` against the sign of the gradient (Bernstein et al. 2018, arXiv:1802.04434)."""

    def __init__(self, params: Iterable[Tensor], lr: float) -> None:
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take one step; `closure` computes the loss again, if given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.add_(parameter.grad.sign(), alpha=-group["lr"])
        return loss
