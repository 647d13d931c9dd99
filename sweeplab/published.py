"""What an experiment's source reports: checked when a sweep is planned, and matched to the cells that answer it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sweeplab.cell import Cell, axis_value

Entry = dict[str, Any]

_EXAMPLE = "see conf/experiment/README.md"
_SPLITS = ("train/", "val/", "test/", "optimizer/")


def find_published_faults(published: Any) -> Iterator[str]:
    """One line for each part of `published` that cannot be read."""
    if published is None:
        return
    if not isinstance(published, Mapping):
        yield f"published must be null or a mapping, got {published!r} ({_EXAMPLE})"
        return
    yield from _find_key_faults("published", published, _FRAME, ("source",))
    for name, (keys, needed) in _ENTRIES.items():
        entries = published.get(name, [])
        if not _is_list_of(Mapping)(entries):
            yield f"published.{name} must be a list of mappings, got {entries!r} ({_EXAMPLE})"
            continue
        for i, entry in enumerate(entries):
            yield from _find_key_faults(f"published.{name}[{i}]", entry, keys, needed)


def matched(published: Mapping[str, Any] | None, cells: Sequence[Cell]) -> Entry | None:
    """`published` with everything an entry leaves to the whole filled in, and the ids of the cells it is about."""
    if published is None:
        return None
    common = {"source": published["source"], "kind": published.get("kind"), "note": None}
    figures = [
        {**common, "n": published.get("n"), **entry, "cells": _fitting(entry["setting"], cells)}
        for entry in published.get("figures", [])
    ]
    orderings = [_ordering({**common, "where": {}, **entry}, cells) for entry in published.get("orderings", [])]
    return {**common, "figures": figures, "orderings": orderings}


def _ordering(entry: Entry, cells: Sequence[Cell]) -> Entry:
    names = [name for tier in entry["order"] for name in tier]
    matches = {str(name): _fitting({**entry["where"], entry["axis"]: name}, cells) for name in names}
    is_cost = entry["metric"].rpartition("/")[2] in ("loss", "objective")
    mode = entry.get("mode", "min" if is_cost else "max")
    return {**entry, "mode": mode, "cells": matches}


def _fitting(setting: Mapping[str, Any], cells: Sequence[Cell]) -> list[str]:
    def fits(cell: Cell) -> bool:
        return all(axis_value(key, cell.config, cell.choices) == value for key, value in setting.items())

    return [cell.id for cell in cells if fits(cell)]


def _find_key_faults(
    where: str, entry: Mapping[Any, Any], keys: Mapping[str, Callable[[Any], bool]], needed: Sequence[str]
) -> Iterator[str]:
    for key in needed:
        if key not in entry:
            yield f"{where} lacks {key} · allowed: {', '.join(keys)} ({_EXAMPLE})"
    for key, value in entry.items():
        if key not in keys:
            yield f"{where} has no key {key} · allowed: {', '.join(keys)} ({_EXAMPLE})"
        elif value is not None and not keys[key](value):
            yield f"{where}.{key} cannot be {value!r} ({_EXAMPLE})"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_metric(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(_SPLITS)


def _is_list_of(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list | tuple) and all(isinstance(item, kinds) for item in value)


def _is_setting(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)


def _is_figures(value: Any) -> bool:
    return isinstance(value, Mapping) and all(_is_metric(key) and _is_number(item) for key, item in value.items())


def _is_tiers(value: Any) -> bool:
    return _is_list_of(list, tuple)(value) and len(value) > 1 and all(value)


_WORDS = {"source": _is_text, "kind": _is_text, "note": _is_text}
_FRAME = {"source": _is_text, "kind": _is_text, "n": _is_number, "figures": _is_list_of(Mapping)}
_FRAME |= {"orderings": _is_list_of(Mapping)}
_ENTRIES: dict[str, tuple[dict[str, Callable[[Any], bool]], tuple[str, ...]]] = {
    "figures": ({**_WORDS, "setting": _is_setting, "metrics": _is_figures, "n": _is_number}, ("setting", "metrics")),
    "orderings": (
        {
            **_WORDS,
            "metric": _is_metric,
            "axis": _is_text,
            "order": _is_tiers,
            "where": _is_setting,
            "mode": lambda value: value in ("min", "max"),
        },
        ("metric", "axis", "order"),
    ),
}
