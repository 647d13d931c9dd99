"""ND-Adam: Adam for weight vectors of length one, which it turns but does not stretch."""

import math
from collections.abc import Callable
from typing import Any, overload

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import ParamsT

VECTORS = ("unit", "tensor")


class NDAdam(Optimizer):
    """Adam on the sphere for the weight vectors of units, plain Adam for all other parameters.

    A parameter of two or more axes is made of vectors w, one for each index of its first axis: the filters of a
    convolution, the rows of a linear layer. Each has length 1. With g projected on the tangent, h = g - (g'w) w:
    m = b1 * m + (1 - b1) * h, u = b2 * u + (1 - b2) * |h|^2 (one number a vector),
    w -= vector_lr_factor * lr * (m / (1 - b1^t)) / (sqrt(u / (1 - b2^t)) + eps), w /= |w|.
    A parameter of fewer axes (biases, normalisation layers) has Adam's step: u is g^2 by element, and lr is its rate.

    State of a parameter: `step`; `exp_avg`, of its shape; `exp_avg_sq`, of its shape, for vectors `(n, 1, ...)`.

    Differs from the authors' programs: initial vectors are normalised when the optimizer is made, not after its first
    step (`normalize_init: false` for that); every linear layer has vectors, theirs are convolutions.

    Args:
        lr: of all that is no vector, >= 0.
        vector_lr_factor: vectors have lr times this, >= 0.
        betas: both in [0, 1).
        eps: >= 0, beside the root of the corrected second moment.
        vectors: unit, or tensor: the whole parameter is one vector, as a layer of many units should not be.
        normalize_init: divide the vectors by their lengths, in place, now.
        weight_decay: >= 0, L2: added to the gradient of all that is no vector.

    Raises:
        ValueError: an argument is out of range.

    Source:
        Zhang et al. 2017, arXiv:1709.04546; rates and place of eps as in the authors' TensorFlow program.
    """

    def __init__(
        self,
        params: ParamsT,
        *,
        lr: float,
        vector_lr_factor: float,
        betas: tuple[float, float],
        eps: float,
        vectors: str,
        normalize_init: bool,
        weight_decay: float,
    ) -> None:
        if lr < 0 or eps < 0 or weight_decay < 0:
            raise ValueError(f"lr, eps and weight_decay must be >= 0, got {lr}, {eps} and {weight_decay} (optimizer)")
        if vector_lr_factor < 0:
            raise ValueError(f"vector_lr_factor must be >= 0, got {vector_lr_factor} (optimizer.vector_lr_factor)")
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas must be in [0, 1), got {list(betas)} (optimizer.betas)")
        if vectors not in VECTORS:
            raise ValueError(f"vectors must be unit or tensor, got {vectors} (optimizer.vectors)")
        defaults = {"lr": lr, "vector_lr_factor": vector_lr_factor, "betas": betas, "eps": eps}
        super().__init__(
            params,
            {**defaults, "vectors": vectors, "normalize_init": normalize_init, "weight_decay": weight_decay},
        )

    @torch.no_grad()
    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group, and give its vectors length 1 if `normalize_init` says so."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for weight in group["params"]:
            if group["normalize_init"] and weight.requires_grad and weight.dim() > 1:
                _normalize(weight, _axes(weight, group["vectors"]))

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One step of every parameter that has a gradient; returns what `closure` returns."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(group, weight, weight.grad)
        return loss

    def _move(self, group: dict[str, Any], weight: Tensor, grad: Tensor) -> None:
        if weight.dim() < 2:
            grad = grad.add(weight, alpha=group["weight_decay"])
            self._step_as_adam(group, weight, grad, grad * grad, group["lr"])
            return
        axes = _axes(weight, group["vectors"])
        along = (grad * weight).sum(axes, keepdim=True)
        tangent = grad - along * weight
        squared_length = (tangent * tangent).sum(axes, keepdim=True)
        self._step_as_adam(group, weight, tangent, squared_length, group["lr"] * group["vector_lr_factor"])
        _normalize(weight, axes)

    def _step_as_adam(self, group: dict[str, Any], weight: Tensor, grad: Tensor, square: Tensor, lr: float) -> None:
        state, (beta1, beta2) = self.state[weight], group["betas"]
        if not state:
            state |= {"step": 0, "exp_avg": torch.zeros_like(grad), "exp_avg_sq": torch.zeros_like(square)}
        state["step"] += 1
        state["exp_avg"].lerp_(grad, 1 - beta1)
        state["exp_avg_sq"].lerp_(square, 1 - beta2)
        root = state["exp_avg_sq"].sqrt().div_(math.sqrt(1 - beta2 ** state["step"]))
        weight.addcdiv_(state["exp_avg"], root.add_(group["eps"]), value=-lr / (1 - beta1 ** state["step"]))


def _axes(weight: Tensor, vectors: str) -> tuple[int, ...]:
    """The axes that a vector runs along."""
    return tuple(range(1 if vectors == "unit" else 0, weight.dim()))


def _normalize(weight: Tensor, axes: tuple[int, ...]) -> None:
    length = torch.linalg.vector_norm(weight, dim=axes, keepdim=True)
    # a vector of zeros has no direction yet: its first step gives it one
    weight.div_(length.clamp_min(torch.finfo(weight.dtype).tiny))
