"""Weights & Biases: one run per cell, and one for the comparison of a sweep.

Never prompts, never waits longer than it was told, and sends nothing that the cell did not measure or ask for.
"""

import hashlib
import logging
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from sweeplab.secrets import scrub
from sweeplab.tracking.login import Decision, decide
from sweeplab.tracking.none import NoTracker
from sweeplab.tracking.table import digest, extremes, to_wandb

if TYPE_CHECKING:
    import pandas as pd
    import wandb

    from sweeplab.tracking import CellIdentity, Tracker

_logger = logging.getLogger(__name__)

_SUCCESSES = ("completed", "diverged")  # a divergence is a result
_LONGEST_SWEEP_NAME = 48  # W&B refuses run ids of more than 128 characters
_LONGEST_GROUP = 128


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
            id=f"{_short(cell.sweep)}-{cell.cell_id}-a{cell.attempt}",
            group=_group(cell),
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
        runs = f"{output_dir}/cells/*/wandb/offline-run-*"
        return f"W&B: offline ({decision.reason}); to upload later: wandb sync {runs}"

    def publish(self, *, sweep: str, table: "pd.DataFrame", folder: Path, tags: tuple[str, ...]) -> str | None:
        """Show a comparison as a run of its own; the same comparison only once."""
        run_id = f"{_short(sweep)}-comparison-{digest(table)}"
        if any((folder / "wandb").glob(f"*-{run_id}*")):
            return None
        decision = self._decide()
        if decision.mode == "disabled":
            return None
        identity = {"group": sweep, "job_type": "comparison", "name": f"{sweep} comparison", "tags": tags}
        run = self._start(decision, folder=folder, id=run_id, **identity)
        try:
            _show(run, table)
        except Exception:
            # Metrics are queued; a table is sent at once, and a server may have gone since the run began.
            if run.offline:
                raise
            _close(run, exit_code=1)
            run = self._start(Decision("offline", "second try"), folder=folder, id=f"{run_id}-offline", **identity)
            _show(run, table)
        _close(run, exit_code=0)
        return f"W&B: comparison {_place(run)}"

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


def _show(run: "wandb.Run", table: "pd.DataFrame") -> None:
    run.log({"comparison": to_wandb(table)})
    run.summary.update(extremes(table))


def _group(cell: "CellIdentity") -> str:
    """One group per setting, its runs the seeds: W&B shows mean and spread of a group by itself."""
    name = f"{cell.sweep}: {cell.setting}"
    if len(name) <= _LONGEST_GROUP:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: _LONGEST_GROUP - len(mark) - 1]}-{mark}"


def _short(sweep: str) -> str:
    """A sweep's name with only what a run id may contain."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", sweep)[:_LONGEST_SWEEP_NAME]


def _folder(run: "wandb.Run") -> Path:
    return Path(run.dir).parent


def _place(run: "wandb.Run") -> str:
    return f"at {run.url}" if run.url else f"offline; to upload: wandb sync {_folder(run)}"


def _visible(value: Any) -> Any:
    """NaN and infinities by W&B's names for them: it would write null, and a divergence would look like a gap."""
    if isinstance(value, Mapping):
        return {key: _visible(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"
    return value
