"""Records and files: the only package that knows what lies where under `outputs/`.

A cell is finished if and only if its `result.json` is there and its checksum verifies. Records read back are data:
nothing in them is ever instantiated.
"""

from sweeplab.record.asked import read_asked, write_asked
from sweeplab.record.attempt import begin_attempt, claimed, last_attempt, process_start, read_state, write_status
from sweeplab.record.claim import Claim, Holder, claim, file_system_time, holder
from sweeplab.record.folder import CellFolder, SweepFolder, cell_folder, sweep_folder
from sweeplab.record.metrics import append_metrics, read_metrics
from sweeplab.record.result import blank_result, read_result, write_result
from sweeplab.record.states import (
    COMPLETED,
    CRASHED,
    DIVERGED,
    FAILED,
    FAILURE_STATES,
    FINAL_STATES,
    INTERRUPTED,
    OUT_OF_MEMORY,
    PENDING,
    RUNNING,
    TIMED_OUT,
)
from sweeplab.record.text import SCHEMA_VERSION, read_json, to_json, write_text

__all__ = [
    "COMPLETED",
    "CRASHED",
    "DIVERGED",
    "FAILED",
    "FAILURE_STATES",
    "FINAL_STATES",
    "INTERRUPTED",
    "OUT_OF_MEMORY",
    "PENDING",
    "RUNNING",
    "SCHEMA_VERSION",
    "TIMED_OUT",
    "CellFolder",
    "Claim",
    "Holder",
    "SweepFolder",
    "append_metrics",
    "begin_attempt",
    "blank_result",
    "cell_folder",
    "claim",
    "claimed",
    "file_system_time",
    "holder",
    "last_attempt",
    "process_start",
    "read_asked",
    "read_json",
    "read_metrics",
    "read_result",
    "read_state",
    "sweep_folder",
    "to_json",
    "write_asked",
    "write_result",
    "write_status",
    "write_text",
]
