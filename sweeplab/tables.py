"""Tables that a preset or a line declares: checked when a sweep is planned, and matched to the cells they are about."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sweeplab.cell import REPLICATE_AXIS, Cell, axis_value, canonical

Entry = dict[str, Any]

_EXAMPLE = "such as {rows: optimizer, columns: dataset, value: test/accuracy, over: seed, select_over: [lr]}"
_SPLITS = ("train/", "val/", "test/", "optimizer/")
_DIRECTIONS = ("rows", "columns", "over", "select_over")


def find_table_faults(tables: Any) -> Iterator[str]:
    """One line for each part of `tables` that cannot be read."""
    if tables is None:
        return
    if not isinstance(tables, list | tuple) or not all(isinstance(table, Mapping) for table in tables):
        yield f"tables must be a list of mappings, got {tables!r} ({_EXAMPLE})"
        return
    for i, table in enumerate(tables):
        yield from _find_key_faults(f"tables[{i}]", table)


def declared(tables: Sequence[Mapping[str, Any]] | None, cells: Sequence[Cell]) -> list[Entry]:
    """Each table with all its keys, as lists where several are allowed, and what it needs to know of the cells.

    Returns:
        Besides the keys of a declaration `cells`, the ids of those that `where` leaves, and `values`: for each name of
        `rows` and `columns` that is no axis of the sweep, its value in each of these cells, by cell id.
    """
    return [_declared(table, cells) for table in tables or ()]


def find_layout_faults(tables: Sequence[Entry], cells: Sequence[Cell]) -> Iterator[str]:
    """One line for each declared table that these cells cannot fill, or whose places would hold several settings.

    Args:
        tables: as `declared` gives them.
        cells: all cells of the sweep.
    """
    for i, table in enumerate(tables):
        ids = set(table["cells"])
        found = [cell for cell in cells if cell.id in ids]
        if not found:
            yield f"tables[{i}].where fits no cell of this sweep, got {table['where']!r}"
            continue
        for key in _DIRECTIONS:
            for name in table[key]:
                if name != REPLICATE_AXIS and all(_value(name, cell) is None for cell in found):
                    yield f"tables[{i}].{key} names {name}, which none of its cells has"
        if loose := _loose(table, found):
            yield loose_words(f"tables[{i}]", loose)


def loose_words(where: str, axes: Sequence[str]) -> str:
    """What is wrong with a table in whose places several settings fall, since they differ in `axes`."""
    return (
        f"{where} puts several settings into one place: {', '.join(axes)} varies there"
        " · allowed: name it in rows, columns, over or select_over, or fix it in where"
    )


def _declared(table: Mapping[str, Any], cells: Sequence[Cell]) -> Entry:
    entry: Entry = {
        "title": table.get("title"),
        **{key: _listed(table.get(key)) for key in ("rows", "columns", "value", "select_over")},
        "over": _listed(table.get("over") or REPLICATE_AXIS),
        "where": dict(table.get("where") or {}),
    }
    found = [cell for cell in cells if all(_value(key, cell) == value for key, value in entry["where"].items())]
    apart = [name for name in (*entry["rows"], *entry["columns"]) if found and name not in found[0].axes]
    values = {name: {cell.id: _value(name, cell) for cell in found} for name in apart}
    return {**entry, "cells": [cell.id for cell in found], "values": values}


def _loose(table: Entry, cells: Sequence[Cell]) -> list[str]:
    keys = [*table["rows"], *table["columns"], *table["select_over"]]
    others = [axis for axis in cells[0].axes if axis not in (*keys, *table["over"])]
    num_places = _num_places(cells, keys)
    return [axis for axis in others if _num_places(cells, [*keys, axis]) > num_places]


def _num_places(cells: Sequence[Cell], keys: Sequence[str]) -> int:
    return len({json.dumps([canonical(_value(key, cell)) for key in keys], sort_keys=True) for cell in cells})


def _value(name: str, cell: Cell) -> Any:
    return cell.axes[name] if name in cell.axes else axis_value(name, cell.config, cell.choices)


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _find_key_faults(where: str, table: Mapping[Any, Any]) -> Iterator[str]:
    for key in ("rows", "value"):
        if not table.get(key):
            yield f"{where} lacks {key} ({_EXAMPLE})"
    for key, value in table.items():
        if key not in _KEYS:
            yield f"{where} has no key {key} · allowed: {', '.join(_KEYS)}"
        elif value is not None and not _KEYS[key](value):
            yield f"{where}.{key} cannot be {value!r} ({_EXAMPLE})"
    yield from _find_direction_faults(where, table)


def _find_direction_faults(where: str, table: Mapping[Any, Any]) -> Iterator[str]:
    """A name has one part in a table; the seed is what a table averages over and nothing else."""
    names = [name for key in _DIRECTIONS if _is_names(table.get(key)) for name in _listed(table[key])]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield f"{where} names {name} more than once in {', '.join(_DIRECTIONS)}"
    for key in ("rows", "columns", "select_over"):
        if _is_names(table.get(key)) and REPLICATE_AXIS in _listed(table[key]):
            yield f"{where}.{key} cannot be {REPLICATE_AXIS}: a table averages over it (over: {REPLICATE_AXIS})"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_names(value: Any) -> bool:
    return _is_text(value) or (isinstance(value, list | tuple) and all(map(_is_text, value)))


def _is_metrics(value: Any) -> bool:
    return _is_names(value) and all(name.startswith(_SPLITS) for name in _listed(value))


def _is_setting(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)


_KEYS: dict[str, Callable[[Any], bool]] = {
    "title": _is_text,
    **dict.fromkeys(_DIRECTIONS, _is_names),
    "value": _is_metrics,
    "where": _is_setting,
}
