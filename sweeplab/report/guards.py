"""What the guards say: every remark once, below the table it concerns, and which guards spoke at all."""

from collections.abc import Collection, Sequence

from sweeplab.compare.guards import GUARDS, Remark
from sweeplab.report.table import Table
from sweeplab.report.words import plain_text

SAID_ELSEWHERE = {"G1": "every table and figure", "G7": "the headline", "G17": "pairs"}
# On a terminal the verdict and the counts of the tables say these, and the choice has G3 below it.
NOT_ON_TERMINAL = (*SAID_ELSEWHERE, "G2", "G3")
MAX_LINES = 6
_FIRST = "settings"  # the table that every output has
_ORDER = ("error", "warning", "info")
_MARKS = {"error": "ERROR ", "warning": "CAUTION ", "info": ""}


def notes_below(remarks: Sequence[Remark], tables: Collection[str]) -> dict[str, list[str]]:
    """Notes by table, gravest first: `CAUTION G3: …`; text of the user's is on one line, plain.

    A remark stands below the first of its tables that the output has, below the settings if it has none of them.

    Args:
        remarks: as `sweeplab.compare.guards.look` gives them.
        tables: that the output has.
    """
    once: dict[tuple[str, str], Remark] = {}
    for remark in sorted(remarks, key=lambda remark: remark.table not in tables):
        if remark.guard not in SAID_ELSEWHERE:
            once.setdefault((remark.guard, remark.words), remark)
    notes: dict[str, list[str]] = {table: [] for table in (_FIRST, *tables)}
    for remark in _gravest_first([*once.values()]):
        notes[remark.table if remark.table in tables else _FIRST].append(_said(remark))
    return notes


def terminal_notes(remarks: Sequence[Remark]) -> list[str]:
    """The gravest remarks in words, each once, as many as one still reads on a terminal; the page has all."""
    grave = [remark for remark in remarks if remark.level != "info" and remark.guard not in NOT_ON_TERMINAL]
    lines = notes_below(grave, ())[_FIRST]
    left_out = len(lines) - MAX_LINES
    more = [f"{left_out} more remark{'s' * (left_out > 1)} like these: see report.html."] if left_out > 0 else []
    return [*lines[:MAX_LINES], *more]


def edge_notes(remarks: Sequence[Remark]) -> list[str]:
    """What is to be said below the choice, wherever it is shown: choices at the edge of their grid."""
    edges = [remark for remark in remarks if remark.guard == "G3" and remark.level != "info"]
    return notes_below(edges, ())[_FIRST]


def guards_table(remarks: Sequence[Remark]) -> Table:
    """Every guard, whether it speaks, and below which tables; its words stand there."""
    rows = []
    for guard, look in GUARDS.items():
        own = _gravest_first([remark for remark in remarks if remark.guard == guard])
        levels = list(dict.fromkeys(remark.level for remark in own))
        tables = list(dict.fromkeys(remark.table for remark in own))
        where = SAID_ELSEWHERE[guard] if own and guard in SAID_ELSEWHERE else ", ".join(tables)
        rows.append([guard, look.__name__.replace("_", " "), ", ".join(levels) or "silent", where])
    notes = ["Each looks at the whole sweep; its words stand where the last column says."]
    return Table("What was looked for", ["guard", "looks for", "found", "said below"], rows, 4, notes)


def _said(remark: Remark) -> str:
    """One remark as a note."""
    return f"{_MARKS[remark.level]}{remark.guard}: {plain_text(remark.words)}."


def _gravest_first(remarks: Sequence[Remark]) -> list[Remark]:
    return sorted(remarks, key=lambda remark: _ORDER.index(remark.level))
