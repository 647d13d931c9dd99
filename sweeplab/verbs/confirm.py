"""`sweeplab confirm`: the chosen settings again, on seeds that had no part in choosing them.

The best of many is partly the luckiest of many: only fresh seeds tell how good a chosen setting is.
"""

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rich.console import Console

from sweeplab import record
from sweeplab.cell import REPLICATE_AXIS, Cell, axis_value
from sweeplab.cli import make_console
from sweeplab.errors import ConfigFault
from sweeplab.launch.conduct import conduct
from sweeplab.plan import Plan, axis_name
from sweeplab.records import Records, read_records
from sweeplab.single import plan_of_cells
from sweeplab.sweep import Sweep, find_sweep, read_sweep
from sweeplab.verbs.plan import plan_of, show

if TYPE_CHECKING:
    from sweeplab.compare import Comparison

# Keys that are the old sweep's or are set anew.
_LEFT_BEHIND = (REPLICATE_AXIS, "name", "runtime.output_dir", "published", "tables")
# The recorded lines are points already: no rule is to make others of them.
_NO_RULES = tuple(f"hydra.sweeper.{rule}=null" for rule in ("params", "zip", "cases", "per", "exclude"))


@dataclass(frozen=True)
class Chosen:
    """The settings to confirm: their rows in the comparison, and the first recorded cell of each."""

    places: list[int]
    cells: list[Cell]


def run(arguments: list[str]) -> int:
    """Train the chosen settings of a sweep on fresh seeds, and show what the choice had promised beside it."""
    parser = argparse.ArgumentParser(prog="python -m sweeplab confirm", description=__doc__)
    parser.add_argument("folder", help="folder or name of the sweep that chose")
    parser.add_argument("--seeds", type=_positive, default=10, metavar="N", help="fresh seeds a setting (default: 10)")
    parser.add_argument("--best", action="store_true", help="only the best setting of all, not the best of each group")
    parser.add_argument("--name", help="name of the new sweep (default: the old one's and -confirm or -confirm-best)")
    parser.add_argument("--config-dir", metavar="DIR", help="your own conf/ (default: as in the sweep's own command)")
    parser.add_argument("--dry-run", action="store_true", help="show the plan, train nothing")
    parser.add_argument("--output-dir", default="outputs", help="where sweeps are looked for by name")
    asked = parser.parse_args(arguments)
    sweep, console = find_sweep(asked.folder, asked.output_dir), make_console()
    records = read_records(sweep)
    comparison = _compare(sweep, records)
    chosen = choose(sweep, records, comparison, only_best=asked.best)
    name = asked.name or f"{sweep.name}-confirm{'-best' * asked.best}"
    fresh = [fresh_cells(sweep, cell, asked.seeds, name, asked.config_dir) for cell in chosen.cells]
    plan = plan_of_cells([cell for cells in fresh for cell in cells])
    if asked.dry_run:
        show(plan, console)
        return 0
    code = conduct(plan, console)
    _report(plan, fresh, comparison, chosen, console)
    return code


def choose(sweep: Sweep, records: Records, comparison: "Comparison", *, only_best: bool) -> Chosen:
    """The settings that validation data chose: the best of each group, or the best of all.

    Raises:
        ConfigFault: no setting has a result.
    """
    from sweeplab.compare.settings import positions

    settings = comparison.settings
    places = [index for index in settings.index if settings.loc[index, "chosen"] and settings.loc[index, "n"]]
    if only_best:
        places = [index for index in comparison.ranks() if index in places][:1]
    if not places:
        raise ConfigFault(f"nothing to confirm: no setting of {sweep.name} has a result · see {sweep.folder.plan}")
    setting_of = positions(records.cells, comparison.axes)
    firsts = [records.cells.loc[setting_of == place, "cell_id"].iloc[0] for place in places]
    return Chosen(places, [_recorded(sweep, cell_id) for cell_id in firsts])


def fresh_cells(sweep: Sweep, cell: Cell, num_seeds: int, name: str, config_dir: str | None = None) -> list[Cell]:
    """The setting of a recorded cell on seeds that the sweep has not used, composed as any cell of a sweep is.

    Raises:
        ConfigFault: the files that the setting is composed from have changed since.
    """
    first = 1 + max(_seed(sweep, cell_id, axes) for cell_id, axes in sweep.cells)
    seeds = [cell.config[REPLICATE_AXIS], *range(first, first + num_seeds)]
    kept = [line for line in cell.overrides if axis_name(line.partition("=")[0]) not in _LEFT_BEHIND]
    own = [f"name={_quoted(name)}", f"runtime.output_dir={_quoted(str(sweep.folder.outputs))}"]
    own += ["published=null", "tables=[]", f"{REPLICATE_AXIS}={','.join(map(str, seeds))}"]
    folder = config_dir or _config_dir(sweep.command)
    known, *fresh = plan_of([*(["--config-dir", folder] if folder else []), *kept, *own, *_NO_RULES]).cells
    if known.id != cell.id:
        raise ConfigFault(
            f"'{cell.label}' is not what it was when the sweep chose it: its files in conf/ have changed since"
            f" · restore them, or run the sweep again · see python -m sweeplab explain {cell.id} {known.id}"
        )
    axes = [*(axis for axis in sweep.axes if axis != REPLICATE_AXIS), REPLICATE_AXIS]
    return [replace(one, axes={axis: axis_value(axis, one.config, one.choices) for axis in axes}) for one in fresh]


def _recorded(sweep: Sweep, cell_id: str) -> Cell:
    """A cell with the override lines of this sweep: another one may have asked for it first, in other words."""
    entries = record.read_json(sweep.folder.plan)["cells"]
    entry = next(entry for entry in entries if entry["cell_id"] == cell_id)
    asked = record.read_asked(sweep.cell_folder(cell_id))
    return replace(asked, axes=entry["axes"], overrides=tuple(entry["overrides"]))


def _seed(sweep: Sweep, cell_id: str, axes: dict[str, Any]) -> int:
    seed = axes.get(REPLICATE_AXIS)
    return int(record.read_asked(sweep.cell_folder(cell_id)).config[REPLICATE_AXIS] if seed is None else seed)


def _config_dir(command: str) -> str | None:
    """The user's own directory in a sweep's command."""
    words = iter(shlex.split(command))
    for word in words:
        option, _, value = word.partition("=")
        if option in ("--config-dir", "-cd"):
            return value or next(words, "")
    return None


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _compare(sweep: Sweep, records: Records) -> "Comparison":
    from sweeplab.compare import compare

    return compare(records.cells, list(sweep.axes), select=sweep.select)


def _report(
    plan: Plan, fresh: Sequence[Sequence[Cell]], comparison: "Comparison", chosen: Chosen, console: Console
) -> None:
    """Show tuning score, confirmed score and the optimism, and keep them with the new sweep."""
    from sweeplab.compare.confirmed import confirmed
    from sweeplab.report.confirmed import confirmed_table
    from sweeplab.report.files import write_table
    from sweeplab.report.table import data_notes, stamped
    from sweeplab.report.terminal import show_table

    sweep = read_sweep(record.sweep_folder(plan.config["runtime"]["output_dir"], plan.name).path)
    setting_of = {cell.id: number for number, cells in enumerate(fresh) for cell in cells}
    cells = read_records(sweep).cells
    cells = cells.assign(setting=cells["cell_id"].map(setting_of)).dropna(subset="setting")
    metrics = dict.fromkeys([comparison.monitor, f"test/{comparison.monitor.partition('/')[2]}"])
    tuned = comparison.settings.loc[chosen.places]
    frame = confirmed(tuned, cells, comparison.axes, list(metrics), comparison.mode)
    settings = comparison.settings
    missing = int((settings["cells"] - settings["n"] - settings.get(record.DIVERGED, 0)).sum())
    notes = [f"The sweep that chose lacks {missing} results: its choice may yet be another."] if missing else []
    table = confirmed_table(frame, comparison.axes, [*data_notes(comparison), *notes])
    write_table(sweep.folder.path, "confirmed", stamped(frame, comparison.select), table)
    show_table(console, table)


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"must be a whole number >= 1, got '{text}'")
    return int(text)
