"""Hydra's door to the local launcher: `hydra/launcher=sweeplab`."""

from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class SweeplabLauncher(Launcher):
    """Runs each cell in a fresh process, forked from a server that has imported torch once."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Remember what Hydra knows of the command."""
        del task_function  # a cell is a function of its record, not of the process that asked for it
        self._context, self._master = hydra_context, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Cells of another sweeper, as override lines."""
        del initial_job_idx
        from sweeplab.plan import plan_points

        self.launch_plan(plan_points(self._context.config_loader, self._master, job_overrides))
        return []

    def launch_plan(self, plan: Any) -> int:
        """Run a plan; the exit code is the sweep's."""
        from sweeplab.cli import SweepEnded, make_console
        from sweeplab.launch.conduct import conduct

        raise SweepEnded(conduct(plan, make_console()))
