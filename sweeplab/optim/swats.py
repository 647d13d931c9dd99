"""SWATS: begins as Adam and goes on as SGD with momentum, at a rate and from a step that Adam's own steps tell."""

import math
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, cast, overload

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import ParamsT

GRANULARITIES = ("tensor", "group", "global")
Member = tuple[dict[str, Any], Tensor]  # a parameter, with the group that it is in


class SWATS(Optimizer):
    """Adam until projecting its steps on the gradient gives a steady rate, then SGD at that rate.

    Adam at step k: p = -lr * sqrt(1 - b2^k) / (1 - b1^k) * m / (sqrt(a) + eps), w += p. Where p'g != 0,
    c = p'p / -p'g is SGD's rate for a step as long as p along g, and its average is l = b2 * l + (1 - b2) * c.
    With k > 1, L = l / (1 - b2^k) > 0 and |L - c| < tolerance the phase ends: v = 0, and from the next step on
    v = b1 * v + g, w -= (1 - b1) * L * v.

    A unit is what shares the products p'p and p'g, hence L and the step of the switch; a `global` one averages with the
    betas and tolerance of its first group. Products are summed in at least single precision and read from the device
    once a step for all units, not at all when all have switched. State of a parameter: `step`, and its shape twice
    (`exp_avg`, `exp_avg_sq`), after the switch once (`momentum_buffer`); of a unit, with its first parameter: numbers.

    Differs from the paper: a negative L, where p goes uphill on average, is never switched to. A learning-rate
    schedule multiplies the step of either phase by lr / initial_lr, and p'p / -p'g is taken without that factor:
    L is the rate for initial_lr, whatever the schedule has come to when it is found.

    Args:
        lr: of Adam, >= 0.
        betas: both in [0, 1); the first is SGD's momentum, too.
        eps: >= 0, beside the root of the uncorrected second moment.
        tolerance: > 0, in the units of a learning rate.
        granularity: what a unit is: tensor (each parameter), group (each parameter group) or global (all parameters).
        weight_decay: >= 0, L2: added to the gradient.

    Raises:
        ValueError: an argument is out of range.

    Source:
        Keskar & Socher 2017, arXiv:1712.07628, algorithm 1.
    """

    def __init__(
        self,
        params: ParamsT,
        *,
        lr: float,
        betas: tuple[float, float],
        eps: float,
        tolerance: float,
        granularity: str,
        weight_decay: float,
    ) -> None:
        if lr < 0 or eps < 0 or weight_decay < 0:
            raise ValueError(f"lr, eps and weight_decay must be >= 0, got {lr}, {eps} and {weight_decay} (optimizer)")
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas must be in [0, 1), got {list(betas)} (optimizer.betas)")
        if tolerance <= 0:
            raise ValueError(f"tolerance must be > 0, got {tolerance} (optimizer.tolerance)")
        if granularity not in GRANULARITIES:
            raise ValueError(f"granularity must be tensor, group or global, got {granularity} (optimizer.granularity)")
        defaults = {"lr": lr, "betas": betas, "eps": eps, "tolerance": tolerance}
        super().__init__(params, {**defaults, "granularity": granularity, "weight_decay": weight_decay})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group; its `lr` now is the one that a schedule's are measured by."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        group.setdefault("initial_lr", group["lr"])

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
        searching, products = [], []
        for unit in self._units():
            live = [(group, weight) for group, weight in unit if weight.grad is not None]
            rate = self.state[unit[0][1]].get("sgd_lr")
            if rate is not None:
                for group, weight in live:
                    self._step_as_sgd(group, weight, rate)
            elif live:
                products.append(torch.stack([self._step_as_adam(group, weight) for group, weight in live]).sum(0))
                searching.append(unit)
        # the one reading of a step: a float() for each unit would wait for the device each time
        found = torch.stack(products).tolist() if products else []
        for unit, (length, slope) in zip(searching, found, strict=True):
            self._judge(unit, length, slope)
        return loss

    def metrics(self) -> dict[str, float]:
        """How many tensors have switched, and what share; once there are any, the first step and the mean rate."""
        units = [(self.state[unit[0][1]], len(unit)) for unit in self._units()]
        switched = [(state, size) for state, size in units if state.get("sgd_lr") is not None]
        num_switched = sum(size for _, size in switched)
        values = {"switched": float(num_switched), "switched_share": num_switched / sum(size for _, size in units)}
        if switched:
            values["first_switch_step"] = float(min(state["switch_step"] for state, _ in switched))
            values["sgd_lr"] = sum(state["sgd_lr"] * size for state, size in switched) / num_switched
        return values

    def _units(self) -> Iterator[list[Member]]:
        members = [[(group, weight) for weight in group["params"]] for group in self.param_groups]
        granularity = self.defaults["granularity"]
        if granularity == "global":
            return iter([list(chain.from_iterable(members))])
        return iter(members) if granularity == "group" else ([member] for member in chain.from_iterable(members))

    def _step_as_adam(self, group: dict[str, Any], weight: Tensor) -> Tensor:
        """Move the weight; returns (p'p, p'g) of what the schedule has not been applied to, shape (2,)."""
        state, grad, (beta1, beta2) = self.state[weight], _gradient(group, weight), group["betas"]
        if "step" not in state:
            state |= {"step": 0, "exp_avg": torch.zeros_like(weight), "exp_avg_sq": torch.zeros_like(weight)}
        state["step"] += 1
        state["exp_avg"].lerp_(grad, 1 - beta1)
        state["exp_avg_sq"].mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        correction = math.sqrt(1 - beta2 ** state["step"]) / (1 - beta1 ** state["step"])
        p = state["exp_avg"] / state["exp_avg_sq"].sqrt().add_(group["eps"]) * (-group["initial_lr"] * correction)
        weight.add_(p, alpha=_schedule(group))
        p, grad = (each.to(torch.promote_types(each.dtype, torch.float32)) for each in (p, grad))
        return torch.stack([(p * p).sum(), (p * grad).sum()])

    def _step_as_sgd(self, group: dict[str, Any], weight: Tensor, rate: float) -> None:
        state, grad, beta1 = self.state[weight], _gradient(group, weight), group["betas"][0]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(weight)
        state["momentum_buffer"].mul_(beta1).add_(grad)
        weight.add_(state["momentum_buffer"], alpha=-(1 - beta1) * rate * _schedule(group))

    def _judge(self, unit: list[Member], length: float, slope: float) -> None:
        """Take a step's products p'p and p'g into the average; end the phase if that has become steady."""
        group, first = unit[0]
        state, beta2 = self.state[first], group["betas"][1]
        state["unit_step"] = state.get("unit_step", 0) + 1
        if slope == 0:
            return
        rate = length / -slope
        state["rate_average"] = beta2 * state.get("rate_average", 0.0) + (1 - beta2) * rate
        mean = state["rate_average"] / (1 - beta2 ** state["unit_step"])
        if state["unit_step"] > 1 and mean > 0 and abs(mean - rate) < group["tolerance"]:
            state |= {"sgd_lr": mean, "switch_step": state["unit_step"]}
            for _, weight in unit:
                self.state[weight].pop("exp_avg", None)
                self.state[weight].pop("exp_avg_sq", None)


def _gradient(group: dict[str, Any], weight: Tensor) -> Tensor:
    grad = cast(Tensor, weight.grad)
    if grad.is_sparse:
        raise ValueError("SWATS takes no sparse gradients, got one (use optimizer=sgd)")
    return grad.add(weight, alpha=group["weight_decay"]) if group["weight_decay"] else grad


def _schedule(group: dict[str, Any]) -> float:
    """What the schedule multiplies lr by; a group made with lr 0 stands still."""
    return group["lr"] / group["initial_lr"] if group["initial_lr"] else 0.0
