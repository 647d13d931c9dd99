"""The grid: override lines and rules in, points out. A point is one override line per key.

Pure, apart from asking Hydra's loader what a `glob(*)` matches. Nothing is composed here.
"""

import itertools
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from sweeplab.cell import canonical
from sweeplab.errors import ConfigFault

# One key's override line in a point; the key is spelled as Hydra spells it (`+key`, `~key`, `group@package`).
Point = dict[str, str]
Condition = Callable[[Point], bool]


@dataclass(frozen=True)
class Axis:
    """One key and the override lines it takes."""

    key: str
    lines: tuple[str, ...]
    swept: bool = True


@dataclass(frozen=True)
class RuleReport:
    """What one rule did to the number of cells."""

    rule: str
    added: int = 0
    removed: int = 0
    note: str = ""

    @property
    def is_idle(self) -> bool:
        """Whether the rule matched nothing, which is worth a warning."""
        return not (self.added or self.removed or self.note)


@dataclass(frozen=True)
class Rules:
    """The rules of `hydra.sweeper` that make points; `exclude` needs composed cells and is the planner's."""

    zip: Sequence[Sequence[str]] = ()
    cases: Sequence[Mapping[str, Any]] = ()
    per: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    # Rules given on the command line outrank values given there; rules of a file do not.
    on_command_line: frozenset[str] = frozenset()
    # The choice of each group that a point does not name: `per` may speak of it too.
    choices: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Grid:
    """Points, the keys that were swept (in order), and what each rule did."""

    points: list[Point]
    swept: list[str]
    reports: list[RuleReport]


class AxisParser:
    """Reads override lines in Hydra's grammar."""

    def __init__(self, config_loader: ConfigLoader) -> None:
        self._parser = OverridesParser.create(config_loader=config_loader)
        self._values: dict[str, str] = {}

    def axes(self, lines: Iterable[str]) -> dict[str, Axis]:
        """Axes by key; a key given twice counts as given last.

        Raises:
            ConfigFault: a line that is not Hydra's grammar, or a sweep that is not a list of values.
        """
        axes: dict[str, Axis] = {}
        faults: list[str] = []
        for line in lines:
            try:
                override = self._parser.parse_overrides([line])[0]
                axes[override.get_key_element()] = self._axis(override)
            except (HydraException, ConfigFault) as error:
                faults.append(f"cannot read the override '{line}': {' '.join(str(error).split())}")
        if faults:
            raise ConfigFault(faults)
        return axes

    def _axis(self, override: Override) -> Axis:
        key = override.get_key_element()
        if not override.is_sweep_override():
            return Axis(key, (str(override.input_line),), swept=False)
        if not override.is_discrete_sweep():
            raise ConfigFault("a grid takes values (a,b), choice(...), range(...) or glob(...), not an interval")
        lines = tuple(f"{key}={value}" for value in override.sweep_string_iterator())
        if not lines:
            raise ConfigFault("it matches nothing")
        return Axis(key, lines)

    def value(self, line: str) -> str:
        """Value of a line without sweeps, as text that compares equal when values do."""
        if line not in self._values:
            value = self._parser.parse_overrides([line])[0].value()
            self._values[line] = json.dumps(canonical(value), sort_keys=True)
        return self._values[line]

    def axes_of(self, mapping: Mapping[str, Any]) -> dict[str, Axis]:
        """Axes of a rule or of `params`: values are Hydra's grammar as text, a list of values, or one value."""
        lines = []
        for key, value in mapping.items():
            text = ",".join(_element(item) for item in value) if isinstance(value, list) else _element(value)
            lines.append(f"{key}={text}")
        return self.axes(lines)


def _element(value: Any) -> str:
    """A YAML value as Hydra's grammar writes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{','.join(_element(item) for item in value)}]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_element(item)}" for key, item in value.items()) + "}"
    return str(value)


def expand(lines: Sequence[str], params: Mapping[str, Any], rules: Rules, parser: AxisParser) -> Grid:
    """Expand override lines over `params` of the experiment, then apply zip, cases and per.

    Raises:
        ConfigFault: every unreadable line or rule, all together.
    """
    given = parser.axes(lines)
    axes = {**parser.axes_of(params), **given}
    pinned = {rule: set() if rule in rules.on_command_line else set(given) for rule in ("cases", "per")}
    points, reports = _product(axes, rules.zip)
    swept = {key: None for key, axis in axes.items() if axis.swept}
    if rules.cases:
        points, report, keys = _with_cases(points, rules.cases, pinned["cases"], parser)
        reports.append(report)
        swept |= dict.fromkeys(keys)
    for condition, mapping in rules.per.items():
        met = _condition(condition, rules.choices, parser)
        points, report, keys = _with_per(points, f"per {condition}", met, mapping, pinned["per"], parser)
        reports.append(report)
        swept |= dict.fromkeys(keys)
    return Grid(points, list(swept), reports)


def _product(axes: Mapping[str, Axis], zips: Sequence[Sequence[str]]) -> tuple[list[Point], list[RuleReport]]:
    _check_zips(axes, zips)
    zipped: dict[str, Sequence[str]] = {key: group for group in zips for key in group}
    dimensions: list[list[Point]] = []
    for key in axes:
        group = zipped.get(key, (key,))
        if key == next(name for name in axes if name in group):
            columns = [axes[name].lines for name in axes if name in group]
            names = [name for name in axes if name in group]
            dimensions.append([dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)])
    points = [_merged(parts) for parts in itertools.product(*dimensions)]
    shares = [len(axes[group[0]].lines) ** (len(group) - 1) for group in zips]
    left = len(points) * math.prod(shares)
    reports = []
    for group, share in zip(zips, shares, strict=True):
        reports.append(RuleReport(f"zip {' with '.join(group)}", removed=left - left // share))
        left //= share
    return points, reports


def _merged(parts: Iterable[Point]) -> Point:
    merged: Point = {}
    for part in parts:
        merged.update(part)
    return merged


def _check_zips(axes: Mapping[str, Axis], zips: Sequence[Sequence[str]]) -> None:
    faults = []
    for group in zips:
        missing = [key for key in group if key not in axes]
        lengths = {key: len(axes[key].lines) for key in group if key in axes}
        if len(group) < 2:
            faults.append(f"hydra.sweeper.zip: a group needs at least two keys, got {list(group)}")
        elif missing:
            faults.append(
                f"hydra.sweeper.zip: {', '.join(missing)} has no values in this sweep · axes: {', '.join(axes)}"
            )
        elif len(set(lengths.values())) > 1:
            shown = ", ".join(f"{key} has {length}" for key, length in lengths.items())
            faults.append(f"hydra.sweeper.zip: keys that vary together need equally many values, but {shown}")
    keys = [key for group in zips for key in group]
    faults += [
        f"hydra.sweeper.zip: {key} stands in two groups" for key in sorted({k for k in keys if keys.count(k) > 1})
    ]
    if faults:
        raise ConfigFault(faults)


def _free(mapping: Mapping[str, Any], pinned: set[str]) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key not in pinned}


def _with_cases(
    points: list[Point], cases: Sequence[Mapping[str, Any]], pinned: set[str], parser: AxisParser
) -> tuple[list[Point], RuleReport, list[str]]:
    """Every point once for each case: the union of sub-grids."""
    result: list[Point] = []
    keys: dict[str, None] = {}
    for case in cases:
        axes = parser.axes_of(_free(case, pinned))
        result += [{**point, **part} for point in points for part in _product(axes, ())[0]]
        keys |= dict.fromkeys(axes)
    result = _unique(result)
    taken = sorted({key for case in cases for key in case} & pinned)
    note = _pinned_note(taken) or "applied"
    return result, _report(f"cases ({len(cases)} sub-grids)", points, result, note), list(keys)


def _with_per(
    points: list[Point],
    rule: str,
    is_met: Condition,
    mapping: Mapping[str, Any],
    pinned: set[str],
    parser: AxisParser,
) -> tuple[list[Point], RuleReport, list[str]]:
    """Points that meet the condition get the axes of the rule; the others stay as they are."""
    axes = parser.axes_of(_free(mapping, pinned))
    parts = _product(axes, ())[0]
    met = [point for point in points if is_met(point)]
    result = _unique({**point, **part} for point in points for part in (parts if is_met(point) else [{}]))
    note = _per_note(met, axes, sorted(set(mapping) & pinned))
    return result, _report(f"{rule}: {', '.join(mapping)}", points, result, note), list(axes) if met else []


def _report(rule: str, before: Sequence[Point], after: Sequence[Point], note: str) -> RuleReport:
    change = len(after) - len(before)
    return RuleReport(rule, added=max(change, 0), removed=max(-change, 0), note=note)


def _per_note(met: Sequence[Point], axes: Mapping[str, Axis], taken: Sequence[str]) -> str:
    if not met:
        return ""
    replaced = [key for key in axes if any(key in point for point in met)]
    notes = [_pinned_note(taken), f"its own values of {', '.join(replaced)} are used" if replaced else ""]
    return "; ".join(note for note in notes if note) or "applied"


def _pinned_note(taken: Sequence[str]) -> str:
    return f"the command line's {', '.join(taken)} is used instead" if taken else ""


def _unique(points: Iterable[Point]) -> list[Point]:
    """A rule that replaces an axis makes equal points of different ones."""
    return list({tuple(sorted(point.items())): point for point in points}.values())


def _condition(text: str, choices: Mapping[str, str], parser: AxisParser) -> Condition:
    """`optimizer=sgdm,nesterov` or several such, separated by `&`; a group that no line names has its default choice.

    `optimizer.sgdm` means `optimizer=sgdm`: Hydra's grammar has no `=` in a key on the command line.
    """
    parts = [part.strip() for part in text.split("&")]
    try:
        axes = parser.axes([part if "=" in part else "=".join(part.rsplit(".", 1)) for part in parts])
    except ConfigFault as fault:
        raise ConfigFault(
            f"hydra.sweeper.per: '{text}' must be a choice such as optimizer=sgdm or optimizer=sgd,sgdm ({fault})"
        ) from fault
    wanted = {key: {parser.value(line) for line in axis.lines} for key, axis in axes.items()}
    default = {key: f"{key}={choice}" for key, choice in choices.items()}

    def is_met(point: Point) -> bool:
        lines = {key: point.get(key, default.get(key)) for key in wanted}
        return all(line is not None and parser.value(line) in wanted[key] for key, line in lines.items())

    return is_met
