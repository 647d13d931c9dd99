"""Exclude rules: which composed cells to leave out, by partial match or by a safe expression."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeplab.cell import canonical, flatten
from sweeplab.compose import Composition
from sweeplab.errors import ConfigFault
from sweeplab.expression import Expression, UnknownName, compile_expression
from sweeplab.suggestion import suggest


@dataclass(frozen=True)
class Exclusion:
    """One rule of `hydra.sweeper.exclude`."""

    text: str
    rule: Mapping[str, Any] | Expression

    @property
    def names(self) -> frozenset[str]:
        """Keys and groups that the rule speaks of."""
        return self.rule.names if isinstance(self.rule, Expression) else frozenset(self.rule)

    def matches(self, cell: Composition) -> bool:
        """Whether the rule leaves the cell out; a key that the cell lacks matches nothing."""
        try:
            if isinstance(self.rule, Expression):
                return self.rule.matches(lambda name: look_up(cell, name))
            return all(_equals(look_up(cell, key), wanted) for key, wanted in self.rule.items())
        except UnknownName:
            return False

    def check_names(self, cells: Sequence[Composition]) -> None:
        """Refuse a rule about a key that no cell has: it is a typing error, not a rule.

        Raises:
            ConfigFault: names the key and its closest matches.
        """
        for name in sorted(self.names):
            if cells and not any(_has(cell, name) for cell in cells):
                known = {*cells[0].choices, *flatten(cells[0].config)}
                where = f"hydra.sweeper.exclude: no cell has the key '{name}'{suggest(name, known)}"
                raise ConfigFault(f"{where} · in the rule {self.text}")


def exclusions(rules: Sequence[Any]) -> list[Exclusion]:
    """Read the list of rules.

    Raises:
        ConfigFault: a rule that is neither a mapping nor an expression, or an expression that cannot be read.
    """
    read = []
    for rule in rules:
        if isinstance(rule, str):
            read.append(Exclusion(rule, compile_expression(rule)))
        elif isinstance(rule, Mapping) and rule:
            text = ", ".join(f"{key}={value}" for key, value in rule.items())
            read.append(Exclusion(text, {str(key): value for key, value in rule.items()}))
        else:
            raise ConfigFault(
                f"hydra.sweeper.exclude takes mappings {{optimizer: sgd, lr: 1e-5}} or expressions, got {rule!r}"
            )
    return read


def look_up(cell: Composition, name: str) -> Any:
    """The chosen file of a group, else the value at a dotted key.

    Raises:
        UnknownName: the cell has neither.
    """
    if name in cell.choices:
        return cell.choices[name]
    value: Any = cell.config
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise UnknownName(name)
        value = value[part]
    return value


def _has(cell: Composition, name: str) -> bool:
    try:
        look_up(cell, name)
    except UnknownName:
        return False
    return True


def _equals(value: Any, wanted: Any) -> bool:
    """A list of wanted values means any of them."""
    options = wanted if isinstance(wanted, list) else [wanted]
    return any(canonical(value) == canonical(option) and _same_kind(value, option) for option in options) or (
        isinstance(wanted, list) and canonical(value) == canonical(wanted)
    )


def _same_kind(first: Any, second: Any) -> bool:
    return isinstance(first, bool) == isinstance(second, bool)
