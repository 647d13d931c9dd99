"""The plan: every cell of a sweep, composed, named and checked before the first one trains.

Pure but for reading YAML through Hydra's loader: it writes nothing and trains nothing.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig, OmegaConf

from sweeplab import grid
from sweeplab.build import find_faults
from sweeplab.cell import Cell, axis_value, canonical, identify
from sweeplab.compose import Composer, Composition
from sweeplab.errors import ConfigFault, refuse
from sweeplab.exclude import Exclusion, exclusions
from sweeplab.grid import AxisParser, Grid, Point, RuleReport, Rules
from sweeplab.tables import declared, find_layout_faults

_STEM_LENGTH = 60


@dataclass(frozen=True)
class Plan:
    """Cells in order, the axes with their values, and what the rules did."""

    name: str
    cells: list[Cell]
    axes: dict[str, list[Any]]
    rules: list[RuleReport]
    config: dict[str, Any]
    num_points: int

    @property
    def warnings(self) -> list[str]:
        """Rules that matched nothing."""
        return [f"the rule '{report.rule}' matched nothing" for report in self.rules if report.is_idle]


def make_plan(config_loader: ConfigLoader, master: DictConfig, lines: Sequence[str]) -> Plan:
    """Expand, compose, exclude, deduplicate and check.

    Args:
        config_loader: Hydra's.
        master: Hydra's configuration of the whole command, with its `hydra` node.
        lines: the override lines of the command, sweeps among them.
    Raises:
        ConfigFault: every fault of every cell, together.
    """
    sweeper = _read_sweeper(master)
    excluded = exclusions(sweeper["exclude"] or [])
    expanded = grid.expand(lines, sweeper["params"] or {}, _point_rules(sweeper, master), AxisParser(config_loader))
    composer = Composer(config_loader, master.hydra.job.config_name, list(master.hydra.overrides.hydra))
    return _assemble(expanded, _compose_all(composer, expanded.points), excluded)


def plan_points(config_loader: ConfigLoader, master: DictConfig, jobs: Sequence[Sequence[str]]) -> Plan:
    """A plan of points that another sweeper has made, each a list of override lines."""
    parser = AxisParser(config_loader)
    points = [{axis.key: axis.lines[0] for axis in parser.axes(job).values()} for job in jobs]
    keys = list(dict.fromkeys(key for point in points for key in point))
    composer = Composer(config_loader, master.hydra.job.config_name, list(master.hydra.overrides.hydra))
    return _assemble(Grid(points, keys, []), _compose_all(composer, points), [])


def _is_each(shape: type, kind: type) -> Callable[[Any], bool]:
    def check(value: Any) -> bool:
        items = value.values() if isinstance(value, dict) else value
        return isinstance(value, shape) and all(isinstance(item, kind) for item in items)

    return check


# Every rule of `hydra.sweeper`: its shape, and an example for those who write another one.
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "params": (_is_each(dict, object), "{lr: '1e-3,1e-4', seed: 'range(0,5)'}"),
    "zip": (_is_each(list, list), "[[lr, batch_size]]"),
    "cases": (_is_each(list, dict), "[{optimizer: adam, lr: '1e-3,1e-4'}, {optimizer: sgdm, lr: 0.1}]"),
    "per": (_is_each(dict, dict), "{optimizer.sgdm: {optimizer.momentum: '0.9,0.99'}}"),
    "exclude": (_is_each(list, object), "[{optimizer: sgd, lr: 1e-5}, 'batch_size > 128 and lr < 1e-4']"),
}


def _read_sweeper(master: DictConfig) -> dict[str, Any]:
    """The rules; another sweeper's `params` are axes too.

    Raises:
        ConfigFault: every rule that has not its shape.
    """
    node = OmegaConf.to_container(master.hydra.sweeper, resolve=True)
    assert isinstance(node, dict)
    rules = {name: node.get(name) for name in _RULES}
    faults = [
        f"hydra.sweeper.{name} must be such as {example}, got {rules[name]!r}"
        for name, (has_shape, example) in _RULES.items()
        if rules[name] is not None and not has_shape(rules[name])
    ]
    if faults:
        raise ConfigFault(faults)
    return rules


def _point_rules(sweeper: Mapping[str, Any], master: DictConfig) -> Rules:
    given = {line.lstrip("+~").partition("=")[0] for line in master.hydra.overrides.hydra}
    return Rules(
        zip=sweeper["zip"] or (),
        cases=sweeper["cases"] or (),
        per=sweeper["per"] or {},
        on_command_line=frozenset(key.split(".")[2] for key in given if key.startswith("hydra.sweeper.")),
        choices={str(group): str(choice) for group, choice in master.hydra.runtime.choices.items()},
    )


def _compose_all(composer: Composer, points: Sequence[Point]) -> list[Composition]:
    try:
        return [composer.compose(list(point.values())) for point in points]
    except ConfigFault:
        refuse(_faults_of_points(composer, points))
        raise


def _faults_of_points(composer: Composer, points: Iterable[Point]) -> list[str]:
    """Faults of every point, line by line: one wrong word must not hide the next."""
    faults: dict[str, None] = {}
    composed: list[Composition] = []
    for point in points:
        lines = list(point.values())
        try:
            composed.append(composer.compose(lines))
        except ConfigFault as fault:
            found, sound = composer.diagnose(lines)
            composed += sound
            faults |= dict.fromkeys(found or fault.faults)
    values = {fault: None for composition in composed for fault in find_faults(composition.config)}
    return [*faults, *values]


def _assemble(expanded: Grid, compositions: list[Composition], excluded: list[Exclusion]) -> Plan:
    kept, reports = _exclude(expanded, compositions, excluded)
    cells: dict[str, Cell] = {}
    for point, composition in kept:
        cell_id = identify(composition.config)
        if cell_id not in cells:
            axes = {
                axis_name(key): axis_value(axis_name(key), composition.config, composition.choices)
                for key in expanded.swept
            }
            cells[cell_id] = Cell(cell_id, composition.config, axes, composition.choices, tuple(point.values()))
    if len(cells) < len(kept):
        reports.append(RuleReport("cells that resolve to the same configuration", removed=len(kept) - len(cells)))
    if not cells:
        raise ConfigFault(f"no cell is left of {len(expanded.points)}: every one was excluded")
    found = list(cells.values())
    refuse(all_faults(found))
    refuse(list(find_layout_faults(declared(found[0].config.get("tables"), found), found)))
    axes = varied_axes(found, [axis_name(key) for key in expanded.swept])
    named = [Cell(c.id, c.config, {key: c.axes.get(key) for key in axes}, c.choices, c.overrides) for c in found]
    config = named[0].config
    return Plan(name_sweep(named, axes), named, axes, expanded.reports + reports, config, len(expanded.points))


def _exclude(
    expanded: Grid, compositions: list[Composition], excluded: list[Exclusion]
) -> tuple[list[tuple[Point, Composition]], list[RuleReport]]:
    pairs = list(zip(expanded.points, compositions, strict=True))
    reports = []
    for rule in excluded:
        rule.check_names(compositions)
        left = [pair for pair in pairs if not rule.matches(pair[1])]
        reports.append(RuleReport(f"exclude {rule.text}", removed=len(pairs) - len(left)))
        pairs = left
    return pairs, reports


def all_faults(cells: Sequence[Cell]) -> list[str]:
    """Faults of all cells, each once, with the cells that have it when not all do."""
    where: dict[str, list[Cell]] = {}
    for cell in cells:
        for fault in find_faults(cell.config):
            where.setdefault(fault, []).append(cell)
    return [
        fault
        if len(having) == len(cells)
        else f"{fault} (in {len(having)} of {len(cells)} cells, first: {having[0].label})"
        for fault, having in where.items()
    ]


def axis_name(key: str) -> str:
    """Name of an axis: the key without Hydra's marks (`+momentum` is `momentum`)."""
    return key.lstrip("+~")


def varied_axes(cells: Sequence[Cell], keys: Sequence[str]) -> dict[str, list[Any]]:
    """Keys that vary, with their values in order; when none does, whatever was asked for."""
    values = {key: _distinct(cell.axes.get(key) for cell in cells) for key in keys}
    varied = {key: found for key, found in values.items() if len(found) > 1}
    return varied or values


def _distinct(values: Iterable[Any]) -> list[Any]:
    return list({json.dumps(canonical(value), sort_keys=True): value for value in values}.values())


def name_sweep(cells: Sequence[Cell], axes: Iterable[str]) -> str:
    """Folder of the sweep: the name given, else the preset or the axes, with a hash of the cells.

    The same line finds the same folder, on any day and on any machine.
    """
    config = cells[0].config
    if config.get("name"):
        return str(config["name"])
    preset = cells[0].choices.get("experiment")
    varied = "-".join(key.rsplit(".", 1)[-1] for key in axes)
    stem = preset or varied or "-".join(str(cells[0].choices.get(key)) for key in ("model", "dataset", "optimizer"))
    digest = hashlib.sha256("\n".join(sorted(cell.id for cell in cells)).encode()).hexdigest()[:6]
    clean = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in stem)
    return f"{clean[:_STEM_LENGTH]}-{digest}"
