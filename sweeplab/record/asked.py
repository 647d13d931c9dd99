"""What a cell was asked: written first, never changed."""

from sweeplab.cell import Cell
from sweeplab.errors import RecordFault
from sweeplab.record.folder import CellFolder
from sweeplab.record.text import SCHEMA_VERSION, as_lines, read_json, write_text


def write_asked(folder: CellFolder, cell: Cell) -> None:
    """Write down what was asked, once; a second sweep that asks for the same cell changes nothing."""
    if folder.asked.exists():
        return
    asked = {
        "schema_version": SCHEMA_VERSION,
        "cell_id": cell.id,
        "axes": cell.axes,
        "choices": cell.choices,
        "overrides": cell.overrides,
        "config": cell.config,
    }
    write_text(folder.asked, "{" + as_lines(asked) + "}\n", durable=False)


def read_asked(folder: CellFolder) -> Cell:
    """Read a recorded cell.

    Raises:
        RecordFault: no such cell, or its file is not ours.
    """
    asked = read_json(folder.asked)
    try:
        return Cell(asked["cell_id"], asked["config"], asked["axes"], asked["choices"], tuple(asked["overrides"]))
    except (KeyError, TypeError) as error:
        raise RecordFault(f"{folder.asked} is not a cell.json of sweeplab (missing or wrong: {error})") from error
