"""Weights & Biases: one run per cell, and one for the comparison of a sweep.

Never prompts, never waits longer than it was told, and sends nothing that the cell did not measure or ask for.
"""

import logging
import math
import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from sweeplab.secrets import scrub
from sweeplab.tracking.comparison import show
from sweeplab.tracking.login import Decision, decide, wanted_mode
from sweeplab.tracking.naming import group, mark, short
from sweeplab.tracking.none import NoTracker
from sweeplab.tracking.uploads import Sent, is_synced, upload

if TYPE_CHECKING:
    import pandas as pd
    import wandb

    from sweeplab.tracking import CellIdentity, Tracker

_logger = logging.getLogger(__name__)

_SUCCESSES = ("completed", "diverged")  # a divergence is a result


@dataclass(frozen=True, kw_only=True)
class Wandb:
    """W&B as a tracker: called with a cell, opens its run. The keys are those of conf/tracker/wandb.yaml."""

    project: str
    entity: str | None
    mode: str
    connect_timeout_s: float
    init_timeout_s: float
    finish_timeout_s: float
    system_metrics: bool

    # What `wandb.init` would import in every cell anew, half a second's worth.
    preload: ClassVar[tuple[str, ...]] = ("wandb", "wandb.sdk.launch", "requests", "yaml")

    def __call__(self, cell: "CellIdentity") -> "Tracker":
        """Open the run of a cell, offline if it cannot be online in time."""
        decision = self._decide()
        if decision.mode == "disabled":
            return NoTracker(cell)
        run = self._start(
            decision,
            folder=cell.folder,
            id=f"{short(cell.sweep)}-{cell.cell_id}-a{cell.attempt}",
            group=group(cell),
            job_type=cell.job_type,
            name=cell.name,
            tags=cell.tags,
            config={**cell.config, "sweep": cell.sweep, "setting": cell.setting},
        )
        # Steps of W&B's own axis that go back are dropped without a word; an epoch is ours to count.
        run.define_metric("epoch")
        run.define_metric("*", step_metric="epoch")
        return WandbTracker(run)

    def describe(self, output_dir: str) -> str:
        """Where the runs go, and why."""
        decision = self._decide()
        if decision.mode == "online":
            return f"W&B: online, project {self.project} ({decision.reason})"
        if decision.mode == "disabled":
            return f"W&B: disabled ({decision.reason})"
        where = "" if output_dir == "outputs" else f" --output-dir {shlex.quote(output_dir)}"
        return f"W&B: offline ({decision.reason}); to upload later: python -m sweeplab sync{where}"

    @property
    def takes_sweeps(self) -> bool:
        """Whether a sweep's comparison is wanted: asks no server."""
        return wanted_mode(self.mode) != "disabled"

    def publish(
        self,
        *,
        sweep: str,
        tables: "Mapping[str, pd.DataFrame]",
        figures: Sequence[Path],
        page: Path | None,
        folder: Path,
        tags: tuple[str, ...],
    ) -> str | None:
        """Show a comparison as the sweep's own run; a later one takes its place, here, and continues it at the server.

        Written offline and uploaded from there: a server can neither hold the sweep up nor lose the run.
        """
        decision = self._decide()
        if decision.mode == "disabled":
            return None
        run_id = f"{short(sweep)}-comparison-{mark(sweep)}"
        for earlier in (folder / "wandb").glob(f"offline-run-*-{run_id}"):
            shutil.rmtree(earlier)
        identity = {"group": sweep, "job_type": "comparison", "name": f"{sweep} comparison", "tags": tags}
        run = self._init("offline", folder=folder, id=run_id, config={"sweep": sweep}, **identity)
        left_out: list[str] = []
        try:
            left_out = show(run, tables, figures, page)
        finally:
            _close(run, exit_code=0)
        place = self._place(run, folder, decision)
        return f"W&B: comparison {place}" + (f"; left out: {', '.join(left_out)}" if left_out else "")

    def _place(self, run: "wandb.Run", folder: Path, decision: Decision) -> str:
        """Where an offline run is at last: at the server, if that is wanted and takes it in time."""
        [file] = _folder(run).glob("*.wandb")
        sent = Sent("", "")
        if decision.mode == "online":
            import wandb

            wandb.teardown()  # the file is whole only when its writer has ended, a moment after `finish`
            sent = upload([file], timeout_s=self.init_timeout_s + self.finish_timeout_s)
            if is_synced(file):
                return f"at {sent.address}"
        why = f" ({sent.complaint})" if sent.complaint else ""
        return f"offline{why}; to upload: python -m sweeplab sync {shlex.quote(str(folder))}"

    def _decide(self) -> Decision:
        return decide(self.mode, connect_timeout_s=self.connect_timeout_s)

    def _start(self, decision: Decision, *, folder: Path, id: str, **identity: Any) -> "wandb.Run":  # noqa: A002 (W&B's)
        if decision.mode == "online":
            try:
                return self._init("online", folder=folder, id=id, **identity)
            except Exception as error:
                cause = scrub(" ".join(str(error).split()))
                _logger.warning("W&B did not take run %s (%s): it is kept offline in %s", id, cause, folder / "wandb")
                id = f"{id}-offline"  # noqa: A001 (W&B keeps the id of a failed run in use)
        return self._init("offline", folder=folder, id=id, **identity)

    def _init(self, mode: str, *, folder: Path, **identity: Any) -> "wandb.Run":
        # Reports of W&B's own errors quote ours, go out even from an offline run, and cost 0.15 s to prepare.
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        import wandb

        wandb.setup(wandb.Settings(silent=True))  # says who is logged in before it looks at a run's own settings
        return wandb.init(
            project=self.project,
            entity=self.entity,
            mode=mode,  # type: ignore[arg-type]
            dir=folder,
            reinit="create_new",
            settings=self._settings(),
            **scrub(identity),
        )

    def _settings(self) -> "wandb.Settings":
        import wandb

        return wandb.Settings(
            silent=True,
            symlink=False,
            console="off",
            save_code=False,
            disable_git=True,
            x_save_requirements=False,
            x_disable_meta=True,  # the command line, the user and his mail address
            x_disable_stats=not self.system_metrics,
            x_transaction_log_flush_interval=1.0,  # a killed cell loses a second of its history, not 15
            init_timeout=self.init_timeout_s,
            finish_timeout=self.finish_timeout_s,
            finish_timeout_raises=True,
        )


class WandbTracker:
    """One cell's run."""

    def __init__(self, run: "wandb.Run") -> None:
        self._run = run

    def log(self, metrics: Mapping[str, float], *, epoch: int, step: int) -> None:
        """One line of history, on the axis `epoch`."""
        self._run.log({**metrics, "epoch": epoch, "step": step})

    def finish(self, *, state: str, summary: Mapping[str, Any]) -> None:
        """Summary, end state and exit code; a server that has gone costs no more than the finish timeout."""
        self._run.summary.update({"state": state, **_visible(scrub(summary))})
        _close(self._run, exit_code=0 if state in _SUCCESSES else 1)


def _close(run: "wandb.Run", *, exit_code: int) -> None:
    try:
        run.finish(exit_code=exit_code)
    except TimeoutError:
        _logger.warning("W&B did not take all of run %s in time; to upload: wandb sync %s", run.id, _folder(run))


def _folder(run: "wandb.Run") -> Path:
    return Path(run.dir).parent


def _visible(value: Any) -> Any:
    """NaN and infinities by W&B's names for them: it would write null, and a divergence would look like a gap."""
    if isinstance(value, Mapping):
        return {key: _visible(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"
    return value
