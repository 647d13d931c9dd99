"""Cells handed to a launcher of another package, such as submitit's: each is a job that composes and trains itself.

What a job leaves is its cell's record, so that it may end, be preempted or start again as it likes.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from rich.console import Console

from sweeplab import record
from sweeplab.cell import Cell
from sweeplab.estimate import seconds_per_epoch
from sweeplab.launch.claims import FolderClaims
from sweeplab.launch.conduct import (
    EXIT_INTERRUPTED,
    command,
    prepared_launcher,
    report,
    say,
    to_train,
)
from sweeplab.launch.post_mortem import post_mortem
from sweeplab.launch.queue import Queue
from sweeplab.plan import Plan
from sweeplab.provenance import code_version
from sweeplab.report.words import numbered
from sweeplab.sweep import write_sweep

_Results = Mapping[str, Mapping[str, Any]]


def conduct_elsewhere(plan: Plan, launcher: Launcher, console: Console) -> int:
    """Hand the cells of a plan that are not finished to a launcher, wait, and report; returns the exit code.

    Raises:
        ConfigFault: the sweep's name is taken.
        DataFault: a data set is missing or damaged. In both cases nothing has been trained or written.
    """
    results, missing = to_train(plan, console)
    if missing:  # machines of a cluster may have no way to what is downloaded
        prepared_launcher(plan, missing, console)
    sweep = write_sweep(plan, command=command(), code=code_version())
    is_whole = not missing or _train(plan, missing, results, launcher, console)
    code = report(sweep, console, tracker=plan.config["tracker"] if missing else None, tags=plan.config["tags"])
    return code if is_whole else EXIT_INTERRUPTED


def _train(plan: Plan, missing: Sequence[Cell], results: _Results, launcher: Launcher, console: Console) -> bool:
    """Wait for the launcher to train the cells; False when somebody did not want to."""
    runtime = plan.config["runtime"]
    before = {cell.id: results[cell.id].get("attempt", 1) for cell in missing if cell.id in results}
    queue = Queue(missing, order=runtime["order"], seconds_per_epoch=seconds_per_epoch(results.values()))
    with FolderClaims(runtime["output_dir"], lease_s=runtime["lease_s"], before=before) as claims:
        cells = [cell for cell in [queue.pop() for _ in range(len(queue))] if claims.take(cell)]
        if others := len(missing) - len(cells):
            say(console, f"{numbered(others, 'cell is', 'cells are')} held by others, and left to them")
        if not cells:
            return True
        handed = f"handing {numbered(len(cells), 'cell')} to {type(launcher).__name__}"
        say(console, f"{handed} · python -m sweeplab status {plan.name}")
        started_s = time.monotonic()
        attempts = {cell.id: record.last_attempt(_folder(cell, runtime)) for cell in cells}
        try:
            ended = _launch(launcher, cells)
        except KeyboardInterrupt:
            return False
        except Exception as error:  # whatever the launcher and its cluster have to say
            say(console, f"the launcher failed: {type(error).__name__}: {error}")
            return True
        for cell, end in zip(cells, ended, strict=True):
            state, message = _described(end)
            post_mortem(
                cell,
                _folder(cell, runtime),
                before=attempts[cell.id],
                state=state,
                message=message,
                wall_time_s=time.monotonic() - started_s,
            )
    return True


def _launch(launcher: Launcher, cells: Sequence[Cell]) -> Sequence[JobReturn | Exception]:
    # the job's name tells it which planned cell it is, should the files that it composes be others by then
    jobs = [[f"hydra.job.name={cell.id}", *cell.overrides] for cell in cells]
    with _asking_all_jobs(launcher):
        return launcher.launch(jobs, initial_job_idx=0)


@contextmanager
def _asking_all_jobs(launcher: Launcher) -> Iterator[None]:
    """submitit's plugin asks its jobs one by one, and would stop at the first that died: have deaths returned."""
    if not any("submitit" in kind.__module__ for kind in type(launcher).__mro__):
        yield
        return
    from submitit.core.core import Job
    from submitit.core.utils import FailedJobError, UncompletedJobError

    raising = Job.results

    def results(job: Any) -> list[Any]:
        try:
            return list(raising(job))
        except (FailedJobError, UncompletedJobError) as death:
            return [death]

    Job.results = results  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        Job.results = raising  # type: ignore[method-assign]


def _described(end: JobReturn | Exception) -> tuple[str, str]:
    """State and words for a job that has left no record."""
    if isinstance(end, Exception):
        return record.CRASHED, f"its job died: {end}"
    if end.status == JobStatus.FAILED:
        return record.FAILED, f"{type(end._return_value).__name__}: {end._return_value}"
    return record.CRASHED, "its job ended without a result"


def _folder(cell: Cell, runtime: Mapping[str, Any]) -> record.CellFolder:
    return record.cell_folder(runtime["output_dir"], cell.id)
