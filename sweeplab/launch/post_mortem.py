"""The record of a cell that could not write its own, made by who had started it or sent it elsewhere."""

from pathlib import Path
from typing import Any

from sweeplab import record
from sweeplab.cell import Cell

_LOG_TAIL_BYTES = 4000


def post_mortem(
    cell: Cell, folder: record.CellFolder, *, before: int, state: str, message: str, wall_time_s: float
) -> dict[str, Any]:
    """What became of an attempt; writes it down if it did not do so itself, and if nobody trains the cell just now.

    Args:
        before: number of the attempt before it.
    """
    known = record.read_result(folder)
    if known is not None and known.get("attempt", 1) > before:
        return known
    with record.claimed(folder, wait_s=0) as is_ours:
        if is_ours and record.last_attempt(folder) <= before:  # it had not begun
            record.begin_attempt(folder)
        result = {
            **record.blank_result(cell),
            **_seen(folder),
            "state": state,
            "attempt": max(before + 1, record.last_attempt(folder)),
            "wall_time_s": wall_time_s,
            "error": {"class": "ProcessDied", "message": message, "traceback": _tail(folder.log) or message},
        }
        if is_ours:
            record.write_result(folder, result)
            record.write_status(folder, state, result["attempt"])
    return result


def _seen(folder: record.CellFolder) -> dict[str, Any]:
    """How far it came, by the epochs that it wrote down."""
    epochs = record.read_metrics(folder)
    if not epochs:
        return {}
    last = {key: value for key, value in epochs[-1].items() if "/" in key}
    return {"epochs": len(epochs), "steps": epochs[-1]["step"], "last_metrics": last}


def _tail(log: Path) -> str:
    try:
        return log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace")
    except OSError:
        return ""
