"""Hydra's door to Ray: `hydra/launcher=ray`."""

from typing import Any

from hydra_plugins import sweeplab_launcher


class RayLauncher(sweeplab_launcher.SweeplabLauncher):
    """Runs each cell as a task of a Ray cluster, there in a fresh process as the local launcher does."""

    def __init__(self, **options: Any) -> None:
        self._options = options

    def launch_plan(self, plan: Any) -> int:
        """Run a plan; the exit code is the sweep's."""
        from sweeplab.cli import SweepEnded, make_console
        from sweeplab.launch.conduct import conduct
        from sweeplab.launch.ray.site import RaySite

        with RaySite(self._options) as site:
            raise SweepEnded(conduct(plan, make_console(), site))
