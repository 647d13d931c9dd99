"""What the end of a training by an exception comes to, in the words of a record."""

import traceback
from typing import Any

import torch
from pytorch_lightning.utilities.exceptions import SIGTERMException

from sweeplab import record
from sweeplab.secrets import scrub
from sweeplab.stop import Stopped
from sweeplab.task import Diverged

# States nobody could foresee: their traceback is worth a look.
SURPRISES = (record.FAILED, record.OUT_OF_MEMORY)


def outcome_of(error: BaseException) -> dict[str, Any]:
    """State, error and, if it diverged, steps: as keys of a result."""
    if isinstance(error, Diverged):
        return {"state": record.DIVERGED, "error": _described(error), "steps": error.step}
    if isinstance(error, SIGTERMException):  # Lightning looks for the signal, too
        error = Stopped(record.INTERRUPTED)
    if isinstance(error, Stopped):
        return {"state": error.state, "error": _described(error)}
    return {"state": _failure_state(error), "error": _described(error)}


def _failure_state(error: BaseException) -> str:
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error):
        return record.OUT_OF_MEMORY
    return record.FAILED


def _described(error: BaseException) -> dict[str, str]:
    text = "".join(traceback.format_exception(error))
    described = {"class": type(error).__qualname__, "message": str(error), "traceback": text}
    return {key: str(scrub(value)) for key, value in described.items()}
