"""`sweeplab plan`: what a line would train, without training, or writing unless asked to."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra import version
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sweeplab.cli import CONFIG_NAME, config_dir, make_console
from sweeplab.errors import ConfigFault
from sweeplab.estimate import Estimate, estimate
from sweeplab.explanation import explain
from sweeplab.launch.conduct import check_writable, say
from sweeplab.launch.machine import make_slots
from sweeplab.plan import Plan, make_plan
from sweeplab.provenance import code_version
from sweeplab.report.words import numbered
from sweeplab.steps import steps_per_epoch
from sweeplab.sweep import check_name, finished, read_results, write_sweep

_WRITE = "--write"
_SHOWN_CELLS = 20
_SHOWN_VALUES = 12
_USAGE = "usage: python -m sweeplab plan [--write] [--config-dir DIR] OVERRIDE... (the words of the line after -m)"


def run(arguments: list[str]) -> int:
    """Show the plan of a line; with `--write` also write it down, for workers to train."""
    if any(word in ("-h", "--help") for word in arguments):
        make_console().print(_USAGE, highlight=False, markup=False)
        return 0
    words = [word for word in arguments if word not in ("-m", "--multirun", _WRITE)]
    plan = plan_of(words)
    show(plan, make_console())
    if _WRITE in arguments:
        _write(plan, words, make_console())
    return 0


def _write(plan: Plan, words: Sequence[str], console: Console) -> None:
    check_writable(plan.config["runtime"]["output_dir"])
    check_name(plan)
    sweep = write_sweep(plan, command=["python", "-m", "sweeplab", "-m", *words], code=code_version())
    say(console, f"written: {sweep.folder.path}")
    worker = shlex.join(["python", "-m", "sweeplab", "worker", str(sweep.folder.path)])
    say(console, f"train it, any number of these at once, on any machine that sees the folder: {worker}")


def plan_of(arguments: Sequence[str]) -> Plan:
    """The plan of a line, as the sweep itself would make it.

    Raises:
        ConfigFault: every fault of the line.
    """
    lines, folder = _split(arguments)
    with _loader(folder) as loader:
        return make_plan(loader, _master(loader, lines), [line for line in lines if not _is_hydra(line)])


def _split(arguments: Sequence[str]) -> tuple[list[str], Path | None]:
    """Override lines, and the directory that joins the shipped one."""
    lines: list[str] = []
    folder: Path | None = None
    words = iter(arguments)
    for word in words:
        option, _, value = word.partition("=")
        if option in ("--config-dir", "-cd"):
            folder = _directory(value or next(words, ""))
        elif word.startswith("-"):
            raise ConfigFault(f"unknown option '{word}' · {_USAGE}")
        else:
            lines.append(word)
    return lines, folder


def _directory(name: str) -> Path:
    if not name or not Path(name).is_dir():
        raise ConfigFault(f"--config-dir must be a directory, got '{name}' · {_USAGE}")
    return Path(name)


@contextmanager
def _loader(folder: Path | None) -> Iterator[ConfigLoader]:
    from hydra._internal.hydra import Hydra
    from hydra._internal.utils import create_config_search_path
    from hydra.core.config_search_path import SearchPathQuery

    search_path = create_config_search_path(str(config_dir()))
    if folder is not None:
        path = f"file://{folder.resolve()}"
        search_path.prepend(provider="command-line", path=path, anchor=SearchPathQuery(provider="schema"))
    GlobalHydra.instance().clear()
    version.setbase("1.3")
    try:
        yield Hydra.create_main_hydra2(task_name="sweeplab", config_search_path=search_path).config_loader
    finally:
        GlobalHydra.instance().clear()


def _master(loader: ConfigLoader, lines: Sequence[str]) -> DictConfig:
    """Hydra's configuration of the command, which holds the rules; faults of single cells come out later, together."""
    try:
        return _load(loader, lines)
    except HydraException:
        pass
    try:
        return _load(loader, [line for line in lines if _is_hydra(line) or line.startswith("experiment=")])
    except HydraException as error:
        raise ConfigFault(explain(error)) from error


def _load(loader: ConfigLoader, lines: Sequence[str]) -> DictConfig:
    return loader.load_configuration(CONFIG_NAME, list(lines), RunMode.MULTIRUN)


def _is_hydra(line: str) -> bool:
    return line.lstrip("+~").startswith(("hydra.", "hydra/"))


def show(plan: Plan, console: Console) -> None:
    """Cells by axis, what each rule did, what is finished, how long it may take, and the first rows."""
    runtime = plan.config["runtime"]
    done = finished(read_results(runtime["output_dir"], plan.cells))
    missing = [cell for cell in plan.cells if cell.id not in done]
    console.print(f"[bold]{escape(plan.name)}[/bold]: {numbered(len(plan.cells), 'cell')}", highlight=False)
    for line in _origin(plan.config):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    for axis, values in plan.axes.items():
        shown = ", ".join("-" if value is None else str(value) for value in values[:_SHOWN_VALUES])
        more = f", … ({len(values)} values)" if len(values) > _SHOWN_VALUES else ""
        console.print(f"  {escape(axis)}: {escape(shown)}{more}", highlight=False)
    for report in plan.rules:
        note = f" ({report.note})" if report.note and report.note != "applied" else ""
        console.print(f"  rule {escape(report.rule)}: +{report.added} -{report.removed}{escape(note)}", highlight=False)
    for warning in plan.warnings:
        console.print(f"  [yellow]warning[/yellow]: {escape(warning)}", highlight=False)
    if steps := _steps(plan):
        console.print(steps, highlight=False)
    console.print(f"finished: {len(done)} of {len(plan.cells)}; to train: {len(missing)}", highlight=False)
    if missing:
        slots = make_slots(runtime, len(plan.cells)).at_once
        console.print(_time(estimate(missing, runtime["output_dir"]), slots), highlight=False)
    _show_cells(plan, done, console)


def _origin(config: Mapping[str, Any]) -> Iterator[str]:
    """Where an experiment comes from, and where it is known to differ."""
    if config["provenance"]:
        yield f"  from: {config['provenance']}"
    for deviation in config["known_deviations"]:
        yield f"  differs: {deviation}"


def _steps(plan: Plan) -> str:
    """Optimizer steps of a cell, where all data sets say how large they are."""
    found = [(steps_per_epoch(cell.config), cell.config["max_epochs"]) for cell in plan.cells]
    known = [(steps, steps * epochs) for steps, epochs in found if steps is not None]
    if len(known) < len(found):
        return ""
    epoch, whole = ({f"{number:,}": None for number in sorted(numbers)} for numbers in zip(*set(known), strict=True))
    return f"steps: {' | '.join(epoch)} an epoch, {' | '.join(whole)} a cell"


def _time(found: Estimate, slots: int) -> str:
    if not found.known:
        return "time: unknown, since no cell of the same model, data set and batch size has finished yet"
    words = f"time: about {_duration(found.seconds / slots)} ({numbered(slots, 'cell')} at once)"
    missing = f", plus {numbered(found.unknown, 'cell')} whose time is unknown" if found.unknown else ""
    return f"{words}{missing}, from the times of {numbered(found.known, 'cell')} like them"


def _duration(seconds: float) -> str:
    minutes, hours = seconds / 60, seconds / 3600
    return f"{seconds:.0f} s" if seconds < 120 else f"{minutes:.0f} min" if minutes < 120 else f"{hours:.1f} h"


def _show_cells(plan: Plan, finished: set[str], console: Console) -> None:
    table = Table("cell", *map(escape, plan.axes), "finished", box=None)
    for cell in plan.cells[:_SHOWN_CELLS]:
        values: list[Any] = ["" if value is None else escape(str(value)) for value in cell.axes.values()]
        table.add_row(cell.id, *values, "yes" if cell.id in finished else "")
    console.print(table)
    if len(plan.cells) > _SHOWN_CELLS:
        console.print(f"… and {numbered(len(plan.cells) - _SHOWN_CELLS, 'more cell')}", highlight=False)
