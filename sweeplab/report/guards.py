"""What the guards say, as notes below the table concerned and as a table of its own."""

from collections.abc import Sequence

from sweeplab.compare.guards import Remark
from sweeplab.report.table import Table
from sweeplab.report.words import plain_text

_TITLE = "What stands against these figures"
_ORDER = ("error", "warning", "info")
_MARKS = {"error": "ERROR ", "warning": "CAUTION ", "info": ""}


def remarks_for(remarks: Sequence[Remark], table: str) -> list[str]:
    """Notes that belong below one table, gravest first: `CAUTION G3: …`; text of the user's is on one line, plain.

    Args:
        remarks: as `sweeplab.compare.guards.look` gives them.
        table: `settings`, `choice`, `pairs`, `workloads`, `curves` or `published`.
    """
    own = [remark for remark in remarks if remark.table == table]
    return [f"{_MARKS[remark.level]}{remark.guard}: {plain_text(remark.words)}." for remark in _gravest_first(own)]


def guards_table(remarks: Sequence[Remark]) -> Table:
    """Every remark once, gravest first, with the tables it belongs to and the number of cells it names."""
    tables: dict[tuple[str, str, str, int], list[str]] = {}
    for remark in _gravest_first(remarks):
        key = (remark.guard, remark.level, plain_text(remark.words), len(remark.cells))
        tables.setdefault(key, []).append(remark.table)
    rows = [
        [guard, level, ", ".join(where), str(cells) if cells else "all", words]
        for (guard, level, words, cells), where in tables.items()
    ]
    notes = [] if rows else ["No guard has anything to say."]
    return Table(_TITLE, ["guard", "level", "tables", "cells", "words"], rows, 3, notes)


def _gravest_first(remarks: Sequence[Remark]) -> list[Remark]:
    return sorted(remarks, key=lambda remark: _ORDER.index(remark.level))
