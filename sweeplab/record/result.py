"""What came out of a cell: written once, atomically, with a checksum."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sweeplab.cell import Cell
from sweeplab.record.folder import CellFolder
from sweeplab.record.states import PENDING
from sweeplab.record.text import SCHEMA_VERSION, as_lines, check_version, write_text

_CHECKSUM_PREFIX = b'{"checksum": "'
_DIGEST_LENGTH = 64
_CHECKSUM_SUFFIX = b'",\n'


def blank_result(cell: Cell) -> dict[str, Any]:
    """Every key of a result, for a cell of which nothing is known yet."""
    return {
        "cell_id": cell.id,
        "state": PENDING,
        "config": cell.config,
        "axes": cell.axes,
        "metrics": {},
        "last_metrics": {},
        "best_epoch": None,
        "steps": 0,
        "epochs": 0,
        "wall_time_s": None,
        "train_time_s": None,
        "peak_memory_bytes": None,
        "num_parameters": None,
        "confusion_matrix": None,
        "initial_weights_hash": None,
        "data_order_hash": None,
        "provenance": {},
        "error": None,
    }


def write_result(folder: CellFolder, result: Mapping[str, Any]) -> None:
    """Write what came out, atomically and with a checksum: from now on the cell is finished."""
    body = as_lines({"schema_version": SCHEMA_VERSION, **result}) + "}\n"
    digest = hashlib.sha256(body.encode()).hexdigest()
    write_text(folder.result, f"{_CHECKSUM_PREFIX.decode()}{digest}{_CHECKSUM_SUFFIX.decode()}{body}")


def read_result(folder: CellFolder) -> dict[str, Any] | None:
    """The verified result of a cell, or None when it has none that verifies.

    Raises:
        RecordFault: it verifies, and a newer version wrote it: training the cell again would be wrong.
    """
    try:
        raw = folder.result.read_bytes()
    except OSError:
        return None
    head = len(_CHECKSUM_PREFIX) + _DIGEST_LENGTH + len(_CHECKSUM_SUFFIX)
    digest = hashlib.sha256(raw[head:]).hexdigest().encode()
    if raw[:head] != _CHECKSUM_PREFIX + digest + _CHECKSUM_SUFFIX:
        return None
    result: dict[str, Any] = json.loads(raw)
    check_version(folder.result, result)
    return result if result.get("cell_id") == folder.path.name else None
