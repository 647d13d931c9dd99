"""torch's own schedulers, told what they do not know: how long an epoch is, which metric to watch."""

from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau


class Plateau(ReduceLROnPlateau):
    """torch's ReduceLROnPlateau that names the metric it is to be stepped with, once an epoch."""

    def __init__(self, optimizer: Optimizer, *, monitor: str, **options: Any) -> None:
        super().__init__(optimizer, **options)
        self.monitor = monitor


class EveryEpoch(LRScheduler):
    """Stepped after every optimizer step, steps the scheduler inside after every `steps_per_epoch` of them.

    Not a schedule of its own: it sets no learning rate and keeps no state but its count.
    """

    def __init__(self, scheduler: LRScheduler, *, steps_per_epoch: int) -> None:
        # LRScheduler's own constructor would take a first step
        self.scheduler = scheduler
        self.optimizer = scheduler.optimizer
        self.steps_per_epoch = steps_per_epoch
        self.num_steps = 0

    def step(self, epoch: int | None = None) -> None:  # noqa: ARG002 (torch's interface; torch has deprecated it)
        """Count one optimizer step; at the end of an epoch, step the scheduler inside."""
        self.num_steps += 1
        if self.num_steps % self.steps_per_epoch == 0:
            self.scheduler.step()

    def get_last_lr(self) -> list[Any]:
        """Learning rates of the parameter groups, as the scheduler inside last set them."""
        return self.scheduler.get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        """The count, and the state of the scheduler inside."""
        return {"num_steps": self.num_steps, "scheduler": self.scheduler.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.num_steps = state_dict["num_steps"]
        self.scheduler.load_state_dict(state_dict["scheduler"])
