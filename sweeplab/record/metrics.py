"""Evaluations of a cell, one line each."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sweeplab.record.folder import CellFolder
from sweeplab.record.text import to_json


def append_metrics(folder: CellFolder, line: Mapping[str, Any]) -> None:
    """Append one evaluation."""
    with folder.metrics.open("a", encoding="utf-8") as file:
        file.write(to_json(line) + "\n")


def read_metrics(folder: CellFolder) -> list[dict[str, Any]]:
    """Every whole evaluation line; a line torn by a kill is left out."""
    try:
        raw = folder.metrics.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return list(_whole(raw.splitlines()))


def _whole(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value
