"""What a sweep was asked and with what it was trained, as names and texts."""

import json

import pandas as pd

from sweeplab import record
from sweeplab.compare import Comparison
from sweeplab.compare.settings import is_missing
from sweeplab.errors import RecordFault
from sweeplab.records import Records
from sweeplab.report.page.page import COMMAND
from sweeplab.report.words import axis_text, plain_text, state_text
from sweeplab.secrets import scrub
from sweeplab.sweep import Sweep

MAX_VALUES = 12  # that one fact lists
_NAMES: dict[str, str | None] = dict.fromkeys(["initial_weights_hash", "data_order_hash", "cell_id", "class_names"])
_NAMES["git_dirty"] = "uncommitted changes"


def facts_of(sweep: Sweep, records: Records, comparison: Comparison) -> list[tuple[str, str]]:
    """Cells, axes, rule of choice, origins that are common or named value by value, one configuration, the command."""
    states = records.cells["state"].value_counts()
    counts = ", ".join(f"{num:,} {state_text(str(state))}" for state, num in states.items())
    epoch = "last" if comparison.select["epoch"] == "last" else f"{comparison.best} {comparison.monitor}"
    facts = [
        ("sweep", sweep.name),
        ("folder", str(sweep.folder.path)),
        ("cells", f"{len(records.cells):,}: {counts}"),
        ("settings", f"{len(comparison.settings):,}"),
        *((f"axis {name}", _listed(name, values)) for name, values in sweep.axes.items()),
        ("chosen by", f"{comparison.best} mean {comparison.monitor}" if comparison.over else "nothing is tuned"),
        ("measured at", f"the epoch with its {epoch}" if epoch != "last" else "the last epoch"),
        *_origins(records.origins.drop(columns=[*sweep.axes], errors="ignore")),
        *_configuration(sweep),
    ]
    facts = [(plain_text(name), text) for name, text in facts]
    return [*facts, *([(COMMAND, str(scrub(sweep.command)))] if sweep.command else [])]


def _listed(name: str, values: object) -> str:
    found = list(values) if isinstance(values, list | tuple) else [values]
    words = [plain_text(axis_text(name, value)) for value in found[:MAX_VALUES]]
    more = f" and {len(found) - MAX_VALUES} more" if len(found) > MAX_VALUES else ""
    return ", ".join(words) + more


def _origins(origins: pd.DataFrame) -> list[tuple[str, str]]:
    facts = []
    for column in map(str, origins.columns):
        name = _NAMES.get(column, column)
        values = list(dict.fromkeys(value for value in origins[column] if not is_missing(value)))
        if name is not None and values:
            facts.append((name.replace("_", " "), _listed(column, values)))
    return facts


def _configuration(sweep: Sweep) -> list[tuple[str, str]]:
    """The resolved configuration of the first cell, secrets hidden; nothing where it cannot be read."""
    if not sweep.cells:
        return []
    try:
        cell = record.read_asked(sweep.cell_folder(sweep.cells[0][0]))
    except RecordFault:
        return []
    text = json.dumps(scrub(dict(cell.config)), indent=2, ensure_ascii=False)
    return [("Configuration of the first cell, resolved", text)]
