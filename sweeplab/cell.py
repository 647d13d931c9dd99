"""A cell: one point of the grid with one seed. What identifies it, and what people call it.

Pure: it hashes and names, and touches no file. `python -m sweeplab.cell FOLDER` trains a recorded cell again.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

REPLICATE_AXIS = "seed"

# Top-level keys that cannot change a result. A config adds dotted ones under its own key `circumstance`.
CIRCUMSTANCE = (
    "runtime",
    "tracker",
    "name",
    "tags",
    "provenance",
    "known_deviations",
    "published",
    "tables",
    "circumstance",
    "hydra",
)

Config = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """One point of the grid: its identity, its resolved configuration and its place on each axis."""

    id: str
    config: Config
    axes: dict[str, Any]
    choices: dict[str, str] = field(default_factory=dict)
    overrides: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Readable name made of the axes alone, such as `adam lr=0.001 seed=0`."""
        return label(self.axes)


def label(axes: Mapping[str, Any]) -> str:
    """Name a point by its axes; words stand alone, numbers carry the last part of their key."""
    words = [
        str(value) if isinstance(value, str) else f"{key.rsplit('.', 1)[-1]}={_short(value)}"
        for key, value in axes.items()
        if value is not None
    ]
    return " ".join(words) or "cell"


def setting_label(axes: Mapping[str, Any]) -> str:
    """Name of the setting that a cell belongs to: the same for all its seeds."""
    return label({key: value for key, value in axes.items() if key != REPLICATE_AXIS})


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def axis_value(name: str, config: Mapping[str, Any], choices: Mapping[str, str]) -> Any:
    """A cell's value on an axis: the chosen file of a group, else the value in its configuration, else None."""
    if name in choices:
        return choices[name]
    value: Any = config
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def is_circumstance(key: str) -> bool:
    """Whether a key stands under one of the top-level keys that cannot change a result."""
    return key.partition(".")[0] in CIRCUMSTANCE


def science(config: Mapping[str, Any]) -> Config:
    """The part of a resolved configuration that can change a result, as plain containers."""
    kept = {key: value for key, value in config.items() if key not in CIRCUMSTANCE}
    for dotted in config.get("circumstance") or ():
        kept = _without(kept, dotted.split("."))
    return kept


def _without(node: Mapping[str, Any], path: Sequence[str]) -> Config:
    first, *rest = path
    if first not in node:
        return dict(node)
    if not rest:
        return {key: value for key, value in node.items() if key != first}
    below = node[first]
    return {**node, first: _without(below, rest)} if isinstance(below, Mapping) else dict(node)


def canonical(value: Any) -> Any:
    """Normal form of a value: `1e-3` is `0.001`, `1.0` is `1`, tuples are lists, keys are text; bools stay bools.

    Raises:
        TypeError: a value that YAML could not have given.
    """
    if isinstance(value, Mapping):
        return {str(key): canonical(below) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(below) for below in value]
    if isinstance(value, float):
        return _canonical_float(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    raise TypeError(f"a configuration holds text, numbers, booleans, lists and mappings, got {type(value).__name__}")


def _canonical_float(value: float) -> Any:
    if not math.isfinite(value):
        return {"float": str(value)}
    return int(value) if value.is_integer() else value


def identify(config: Mapping[str, Any]) -> str:
    """Cell id: the first 12 hex digits of the SHA-256 of the canonical scientific configuration."""
    text = json.dumps(canonical(science(config)), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Leaves by dotted key; lists are leaves."""
    leaves: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            leaves.update(flatten(value, f"{prefix}{key}."))
        else:
            leaves[f"{prefix}{key}"] = value
    return leaves


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[tuple[str, Any, Any, bool]]:
    """Every key on which two configurations differ: (key, first, second, whether it counts for the identity).

    A key that one side lacks has the value `"(absent)"` there.
    """
    sides = [flatten(canonical(first)), flatten(canonical(second))]
    counted = set(flatten(canonical(science(first)))) | set(flatten(canonical(science(second))))
    keys = dict.fromkeys([*sides[0], *sides[1]])
    values = [(key, sides[0].get(key, "(absent)"), sides[1].get(key, "(absent)")) for key in keys]
    return [(key, one, other, key in counted) for key, one, other in values if one != other]


def setting_key(axes: Mapping[str, Any]) -> str:
    """The setting a cell belongs to: its axes without the seed, as text that compares equal when they do."""
    rest = {key: value for key, value in axes.items() if key != REPLICATE_AXIS}
    return json.dumps(canonical(rest), sort_keys=True)


if __name__ == "__main__":
    from sweeplab.cli import rerun_cell

    raise SystemExit(rerun_cell())
