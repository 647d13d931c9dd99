"""What of a table stands on the page: all of its rows if they are few, marked where they were chosen."""

from dataclasses import dataclass

from sweeplab.report.table import MARK, Table

MAX_CELLS = 30_000  # embedded of one table; about a megabyte
SHOWN = 50  # rows before one asks for more


@dataclass(frozen=True)
class Row:
    """One row: its texts, whether it carries the mark of a choice, whether it stands there before one asks."""

    texts: list[str]
    is_chosen: bool
    is_shown: bool


@dataclass(frozen=True)
class Body:
    """Rows of a table for the page, what must be said of them, and whether they may change places."""

    rows: list[Row]
    notes: list[str]
    is_sortable: bool


def body_of(table: Table) -> Body:
    """The rows of a table that the page embeds.

    A row whose first name is empty belongs to the one above it: such a table keeps its order.
    """
    embedded = table.rows[: max(SHOWN, MAX_CELLS // max(1, len(table.header)))]
    left_out = len(table.rows) - len(embedded)
    rest = (
        f"The first {len(embedded):,} of {len(table.rows):,} rows are on this page; all are in the CSV files beside it."
    )
    rows = [
        Row(
            texts=row,
            is_chosen=any(text.endswith(MARK) for text in row[: table.keys]),
            is_shown=place < SHOWN,
        )
        for place, row in enumerate(embedded)
    ]
    is_sortable = len(rows) > 1 and all(row[0] for row in embedded)
    return Body(rows, [*([rest] if left_out else []), *table.notes], is_sortable)
