"""Hydra's door to the planner: `hydra/sweeper=sweeplab`."""

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class SweeplabSweeper(Sweeper):
    """Plans every cell before the first one trains, then hands the plan to the launcher."""

    def __init__(
        self,
        params: Mapping[str, Any],
        zip: Sequence[Sequence[str]],  # noqa: A002 (the key that users write)
        cases: Sequence[Mapping[str, Any]],
        per: Mapping[str, Mapping[str, Any]],
        exclude: Sequence[Any],
    ) -> None:
        # The planner reads the rules from the configuration, so that `sweeplab plan` and this agree.
        del params, zip, cases, per, exclude

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Remember what Hydra knows of the command."""
        self._context, self._master = hydra_context, config
        self._launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Plan the line and hand the plan on."""
        from sweeplab.plan import make_plan

        plan = make_plan(self._context.config_loader, self._master, arguments)
        launch_plan = getattr(self._launcher, "launch_plan", None)
        if launch_plan is not None:
            return launch_plan(plan)
        # Another launcher takes override lines, and composes and runs them in its own way.
        from sweeplab.cli import SweepEnded, make_console
        from sweeplab.launch.foreign import conduct_elsewhere

        raise SweepEnded(conduct_elsewhere(plan, self._launcher, make_console()))
