"""Composition: points in, resolved configurations out, exactly as Hydra composes them, but each choice of groups once.

Hydra takes about 100 ms for a composition. Points that differ only in plain values share one: the values are set on it
and only what depends on them is resolved again.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, QuotedString
from hydra.types import RunMode
from omegaconf import MISSING, Container, DictConfig, ListConfig, Node, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sweeplab.errors import ConfigFault
from sweeplab.explanation import explain, unknown_key

Path = tuple[str | int, ...]
# A leaf of a configuration: its path, and the container and key that hold it.
Leaf = tuple[Path, Container, str | int]
Plain = dict[str, Any]


@dataclass(frozen=True)
class Composition:
    """A resolved configuration, and the file chosen in each group."""

    config: Plain
    choices: dict[str, str]


class Composer:
    """Composes points with one loader, remembering each choice of groups.

    Args:
        config_loader: Hydra's.
        config_name: the root file.
        hydra_overrides: lines about `hydra.…`, the same for every point.
    """

    def __init__(self, config_loader: ConfigLoader, config_name: str, hydra_overrides: Sequence[str]) -> None:
        self._loader = config_loader
        self._config_name = config_name
        self._hydra_overrides = list(hydra_overrides)
        self._parser = OverridesParser.create(config_loader=config_loader)
        self._parsed: dict[str, Override] = {}
        self._is_group: dict[str, bool] = {}
        self._refused: dict[tuple[str, ...], str] = {}
        self._templates: dict[tuple[tuple[str, ...], tuple[str, ...]], _Template] = {}

    def compose(self, lines: Sequence[str]) -> Composition:
        """Compose one point.

        Raises:
            ConfigFault: an unknown key or choice, a value that cannot be set or resolved.
        """
        values, structure = self._split([self._parse(line) for line in lines])
        key = (structure, tuple(override.key_or_group for override in values))
        try:
            if key not in self._templates:
                self._templates[key] = _Template(self._load(structure), key[1])
            return self._templates[key].fill([_plain_value(override) for override in values])
        except Exception as error:
            # Hydra and OmegaConf raise their own trees, and resolvers may raise anything.
            raise ConfigFault(explain(error)) from error

    def _parse(self, line: str) -> Override:
        if line not in self._parsed:
            self._parsed[line] = self._parser.parse_overrides([line])[0]
        return self._parsed[line]

    def _split(self, overrides: Sequence[Override]) -> tuple[list[Override], tuple[str, ...]]:
        """Plain values of existing keys, and the lines that decide what keys there are."""
        values = {o.key_or_group: o for o in overrides if self._is_plain_value(o)}
        others = [o.key_or_group for o in overrides if o.key_or_group not in values]
        # Hydra merges groups before it sets any value, so only other keys can come between.
        keys = [*values, *(key for key in others if not self._names_group(key))]
        entangled = {key for key in values if sum(_overlap(key, other) for other in keys) > 1}
        kept = [o for key, o in values.items() if key not in entangled]
        structure = tuple(str(o.input_line) for o in overrides if o not in kept)
        return kept, structure

    def _is_plain_value(self, override: Override) -> bool:
        if override.is_delete() or override.is_add() or override.is_force_add() or override.package is not None:
            return False
        value = override.value()
        is_text = isinstance(value, str | QuotedString) and "${" in str(value)
        scalar = value is None or isinstance(value, bool | int | float | str | QuotedString)
        is_value = scalar and not is_text and not override.is_hydra_override()
        return is_value and not self._names_group(override.key_or_group)

    def _names_group(self, key: str) -> bool:
        if key not in self._is_group:
            kinds = (ObjectType.CONFIG, ObjectType.GROUP)
            self._is_group[key] = any(self._loader.get_group_options(key, kind) for kind in kinds)
        return self._is_group[key]

    def diagnose(self, lines: Sequence[str]) -> tuple[list[str], list[Composition]]:
        """Look at each line of a point that cannot be composed, by itself.

        Returns:
            The faults of its lines, and compositions of those lines that have none, whose values can be checked.
        """
        faults: dict[str, None] = {}
        composed: list[Composition] = []
        groups = [line for line in lines if self._names_group(self._parse(line).key_or_group)]
        broken = [line for line in groups if self._fault_of([line], faults, composed)]
        sound = [line for line in groups if line not in broken]
        for line in lines:
            owner = line.lstrip("+~").partition("=")[0].partition(".")[0]
            if line not in groups and not any(line_.startswith(f"{owner}=") for line_ in broken):
                self._fault_of([*sound, line], faults, composed)
        return list(faults), composed

    def _fault_of(self, lines: Sequence[str], faults: dict[str, None], composed: list[Composition]) -> bool:
        try:
            composed.append(self.compose(lines))
        except ConfigFault as fault:
            key, _, value = lines[-1].lstrip("+~").partition("=")
            faults |= {text if key in text or value in text else f"{lines[-1]}: {text}": None for text in fault.faults}
            return True
        return False

    def _load(self, structure: tuple[str, ...]) -> DictConfig:
        if structure in self._refused:
            raise ConfigFault(self._refused[structure])
        try:
            lines = [*self._hydra_overrides, *structure]
            return self._loader.load_configuration(self._config_name, lines, RunMode.RUN)
        except Exception as error:
            self._refused[structure] = explain(error)
            raise


def _overlap(first: str, second: str) -> bool:
    return first == second or first.startswith(second + ".") or second.startswith(first + ".")


def _plain_value(override: Override) -> Any:
    value = override.value()
    return value.text if isinstance(value, QuotedString) else value


class _Template:
    """One composed configuration whose plain values are set again and again."""

    def __init__(self, config: DictConfig, keys: tuple[str, ...]) -> None:
        self._config = config
        self._keys = keys
        choices = config.hydra.runtime.choices
        self._choices = {str(group): choice for group, choice in choices.items() if not str(group).startswith("hydra/")}
        self._static: Plain | None = None
        self._dynamic: list[Leaf] = []

    def fill(self, values: Sequence[Any]) -> Composition:
        for key, value in zip(self._keys, values, strict=True):
            _set(self._config, key, value)
        # A resolver with a cache remembers the text of its arguments, `${lr}`, and not what they stand for.
        OmegaConf.clear_cache(self._config)
        HydraConfig.instance().cfg = self._config  # type: ignore[assignment]  # what ${hydra:…} reads
        if self._static is None:
            self._prepare()
        return Composition(self._filled(), dict(self._choices))

    def _prepare(self) -> None:
        """Resolve everything once; remember the leaves that another cell may resolve differently."""
        plain = OmegaConf.to_container(self._config, resolve=False)
        assert isinstance(plain, dict)
        static = {str(key): value for key, value in plain.items() if key != "hydra"}
        leaves = [leaf for leaf in _leaves(self._config, ()) if leaf[0][0] != "hydra"]
        moving = list(self._keys)
        waiting = [leaf for leaf in leaves if OmegaConf.is_interpolation(leaf[1], leaf[2])]
        while moved := [leaf for leaf in waiting if _depends(self._raw(leaf), moving)]:
            moving += [".".join(map(str, leaf[0])) for leaf in moved]
            waiting = [leaf for leaf in waiting if leaf not in moved]
        _fill(static, waiting)
        self._dynamic = [leaf for leaf in leaves if ".".join(map(str, leaf[0])) in moving]
        self._static = static  # last: what could not be resolved must not pass for prepared

    @staticmethod
    def _raw(leaf: Leaf) -> str:
        _, parent, key = leaf
        return str(parent._get_node(key)._value())  # type: ignore[union-attr]

    def _filled(self) -> Plain:
        filled: Plain = _copied(self._static)
        _fill(filled, self._dynamic)
        return filled


def _fill(plain: Plain, leaves: Iterable[Leaf]) -> None:
    """Write the resolved values of leaves to their places."""
    for path, parent, key in leaves:
        node = parent._get_node(key)
        value = MISSING if isinstance(node, Node) and node._is_missing() else parent[key]
        below: Any = plain
        for step in path[:-1]:
            below = below[step]
        below[path[-1]] = OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


_REFERENCE = re.compile(r"\$\{([A-Za-z_]\w*(?:\.\w+)*)\}")


def _depends(interpolation: str, moving: Sequence[str]) -> bool:
    """Whether it can change with the moving keys: anything but a plain `${key}` to elsewhere can."""
    reference = _REFERENCE.fullmatch(interpolation)
    return reference is None or any(_overlap(reference[1], key) for key in moving)


def _set(config: DictConfig, key: str, value: Any) -> None:
    try:
        OmegaConf.update(config, key, value, merge=True)
    except OmegaConfBaseException as error:
        raise ConfigFault(unknown_key(config, key, value)) from error


def _leaves(node: Container, path: Path) -> Iterator[Leaf]:
    keys: Sequence[Any] = range(len(node)) if isinstance(node, ListConfig) else list(cast(DictConfig, node).keys())
    for key in keys:
        below = node._get_node(key)
        inside = isinstance(below, Container) and not (
            below._is_none() or below._is_missing() or below._is_interpolation()
        )
        if inside and len(below):  # type: ignore[arg-type]
            yield from _leaves(below, (*path, key))  # type: ignore[arg-type]
        else:
            yield (*path, key), node, key


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(below) for key, below in value.items()}
    return [_copied(below) for below in value] if isinstance(value, list) else value
