"""Conducting a sweep: write the plan down, train what is missing, report. The same for every launcher."""

import importlib
import os
import shlex
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from sweeplab import record, tracking
from sweeplab.cell import Cell
from sweeplab.errors import ConfigFault, refuse
from sweeplab.estimate import seconds_per_epoch
from sweeplab.launch.claims import FolderClaims
from sweeplab.launch.machine import check_devices
from sweeplab.launch.needs import make_needs
from sweeplab.launch.queue import Queue
from sweeplab.launch.running import Limits
from sweeplab.launch.schedule import Schedule
from sweeplab.launch.site import HERE, CellLauncher, Site
from sweeplab.plan import Plan
from sweeplab.provenance import code_version
from sweeplab.record import to_json
from sweeplab.records import read_records
from sweeplab.rehearsal import parts_of
from sweeplab.report import draw, report_on
from sweeplab.report.live import LiveView
from sweeplab.report.words import numbered
from sweeplab.sweep import Sweep, check_name, finished, read_results, write_sweep

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def conduct(plan: Plan, console: Console, site: Site = HERE) -> int:
    """Train the cells of a plan that are not finished, and report on all; returns the exit code.

    Raises:
        ConfigFault: the sweep's name is taken, or this machine lacks devices that cells ask for.
        DataFault: a data set is missing or damaged. In both cases nothing has been trained or written.
    """
    results, missing = to_train(plan, console)
    if site is HERE:
        check_devices(plan.config["runtime"], missing)
    launcher = prepared_launcher(plan, missing, console, site) if missing else None
    sweep = write_sweep(plan, command=command(), code=code_version())
    if launcher is None:
        return report(sweep, console)
    train(launcher, plan, missing, results, console, site=site)
    code = report(sweep, console, tracker=plan.config["tracker"], tags=plan.config["tags"])
    return EXIT_INTERRUPTED if launcher.was_interrupted else code


def to_train(plan: Plan, console: Console) -> tuple[dict[str, dict[str, Any]], list[Cell]]:
    """Results that are there, by cell id, and the cells that are to be trained, said in words.

    Raises:
        ConfigFault: the output directory cannot be written, or the sweep's name is taken.
    """
    runtime = plan.config["runtime"]
    check_writable(runtime["output_dir"])
    check_name(plan)
    results = read_results(runtime["output_dir"], plan.cells)
    known = set() if runtime["on_finished"] == "rerun" else finished(results)
    announce(plan, len(known), console)
    return results, [cell for cell in plan.cells if cell.id not in known]


def check_writable(output_dir: str) -> None:
    """Refuse an output directory that cannot be written, before anything is trained.

    Raises:
        ConfigFault: names the directory.
    """
    place = Path(output_dir).absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK):
        raise ConfigFault(f"runtime.output_dir must be a folder that can be written, got {output_dir} ({place} cannot)")


def say(console: Console, line: str) -> None:
    """Print one line as it is, if there is anything to say."""
    if line:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def prepared_launcher(plan: Plan, missing: Sequence[Cell], console: Console, site: Site = HERE) -> CellLauncher:
    """A launcher whose cells will find their data.

    Raises:
        ConfigFault: an optimizer or a schedule refuses its arguments.
        DataFault: a data set is missing or damaged.
    """
    runtime = plan.config["runtime"]
    around = {"sweep": plan.name, "code": code_version(), "rerun": runtime["on_finished"] == "rerun"}
    targets = sorted({str(cell.config[key].get("_target_")) for cell in missing for key in _BUILT})
    trackers = _distinct(cell.config["tracker"] for cell in missing)
    # the console script imports the command line, and every cell's process imports that script
    modules = ["sweeplab.cli", *(target.rpartition(".")[0] for target in targets)]
    modules += [name for node in trackers for name in tracking.preload(node)]
    launcher = site.launcher(runtime, modules=modules, targets=targets, around=around)
    say(console, tracking.describe(plan.config["tracker"], output_dir=runtime["output_dir"]))
    # The tables at the end need them: this process would only wait otherwise.
    threading.Thread(target=_import_all, args=("pandas", "scipy.stats"), daemon=True).start()
    with console.status("importing torch, once for all cells"):
        launcher.warm_up()
    refuse(launcher.rehearse(parts_of(missing), plan.config["trusted_targets"]))
    for dataset in _distinct(cell.config["dataset"] for cell in missing):
        launcher.prepare(dataset, plan.config["trusted_targets"])
    return launcher


def train(
    launcher: CellLauncher,
    plan: Plan,
    missing: Sequence[Cell],
    results: Mapping[str, Mapping[str, Any]],
    console: Console,
    *,
    site: Site = HERE,
    stays: bool = True,
    limit: int | None = None,
) -> Schedule:
    """Train what is missing, beside all others that work on the same cells; returns what became of it.

    Args:
        results: by cell id, those that were there when `missing` was decided on.
        stays: wait for cells that others train.
        limit: cells to start at most.
    """
    runtime = plan.config["runtime"]
    slots = site.slots(runtime, len(plan.cells))
    width = min(cell.config["runtime"]["devices"] for cell in missing)
    at_once = min(len(missing), max(1, slots.at_once // width))
    words = f"training {numbered(len(missing), 'cell')}, {at_once} at once, {slots.describe()}"
    console.print(words, highlight=False)
    labels = {cell.id: cell.label for cell in missing}
    before = {cell.id: results[cell.id].get("attempt", 1) for cell in missing if cell.id in results}
    with (
        FolderClaims(runtime["output_dir"], lease_s=runtime["lease_s"], before=before) as claims,
        LiveView(console, len(plan.cells), len(plan.cells) - len(missing), labels) as view,
    ):
        queue = Queue(missing, order=runtime["order"], seconds_per_epoch=seconds_per_epoch(results.values()))
        needs = make_needs(runtime, slots, results.values())
        schedule = Schedule(queue, slots=slots, needs=needs, claims=claims, stays=stays, limit=limit)
        launcher.run(schedule, Limits(runtime["timeout_s"], runtime["grace_s"]), view)
    claims.tidy(plan.cells)
    return schedule


def announce(plan: Plan, num_finished: int, console: Console) -> None:
    """Say what the rules did, and how many cells there are."""
    for report_ in plan.rules:
        sign = "+" if report_.added else "-" if report_.removed else ""
        change = f"{sign}{numbered(report_.added or report_.removed, 'cell')}"
        note = f" ({report_.note})" if report_.note and report_.note != "applied" else ""
        console.print(f"rule: {escape(report_.rule)}: {change}{escape(note)}", highlight=False)
    for warning in plan.warnings:
        console.print(f"[yellow]warning[/yellow]: {escape(warning)}", highlight=False)
    done = f", {num_finished} finished already" if num_finished else ""
    console.print(f"{escape(plan.name)}: {numbered(len(plan.cells), 'cell')}{done}", highlight=False)


def _import_all(*names: str) -> None:
    for name in names:
        importlib.import_module(name)


def _distinct(nodes: Any) -> list[Any]:
    return list({to_json(node): node for node in nodes}.values())


# Nodes of a configuration that every cell builds.
_BUILT = ("dataset", "model", "init", "preprocess", "optimizer", "scheduler")


def report(
    sweep: Sweep,
    console: Console,
    *,
    with_figures: bool = False,
    tracker: Mapping[str, Any] | None = None,
    tags: Sequence[str] = (),
) -> int:
    """Rebuild the report from the records and show it; returns the exit code that the states ask for.

    Figures cost two seconds, most of it the import of matplotlib: they are drawn where they are asked for, or where a
    tracker takes them.
    """
    records = read_records(sweep)
    analysis, page = report_on(sweep, records, console)
    is_mirrored = tracker is not None and tracking.is_mirror(tracker)
    figures = draw(sweep, records, analysis.comparison, console) if with_figures or is_mirrored else []
    if not (with_figures or is_mirrored):
        say(console, f"Figures: python -m sweeplab report {shlex.quote(str(sweep.folder.path))}")
    for lost in records.failures:
        words = f"{escape(lost.name)}: {escape(lost.reason)}\n  log: {escape(str(lost.log))}"
        console.print(f"[red]{lost.state}[/red]  {words}", highlight=False)
    if tracker is not None and is_mirrored:
        tables = {"settings": analysis.comparison.settings, "choice": analysis.comparison.choice}
        place = tracking.publish_sweep(
            tracker,
            sweep=sweep.name,
            tables=tables | ({"pairs": analysis.pairs} if len(analysis.pairs) else {}),
            page=page,
            figures=[path for path in figures if path.suffix == ".png"],
            folder=sweep.folder.path,
            tags=tuple(tags),
        )
        say(console, place or "")
    unfinished = set(records.cells["state"]) - set(record.FINAL_STATES)
    return EXIT_FAILED if records.failures or unfinished else EXIT_OK


def command() -> list[str]:
    """The line that asked for the sweep, as a user would type it."""
    return ["python", "-m", "sweeplab", *sys.argv[1:]]
