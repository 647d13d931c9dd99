"""Ranks 1 and more: they train beside rank 0, write nothing and tell it what has gone wrong."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeplab.parent import end_with_parent
from sweeplab.ranks.group import BEGUN, FOR_EVER, HOST, Failure, Ranks, cell_of, has_lost_contact, init_process_group
from sweeplab.record import CellFolder

if TYPE_CHECKING:
    import torch

RANK = "SWEEPLAB_RANK"  # environment variable that makes a process one of these: JSON, made by `leader.start`

_MOST_TEXT = 8000  # characters of an error: a pipe holds 64 KiB that nobody reads yet


@dataclass(frozen=True)
class Follower(Ranks):
    """One of rank 1 or more."""

    port: int = 0

    def join(self, device: torch.device) -> None:
        """Meet the others, as soon as rank 0 has begun."""
        init_process_group(self.store, self, device)

    @property
    def store(self) -> Any:
        """What rank 0 keeps for all."""
        from torch.distributed import TCPStore  # type: ignore[attr-defined]

        return TCPStore(HOST, self.port, self.world, is_master=False, timeout=FOR_EVER)


def follow(folder: Path) -> None:
    """Be one of rank 1 or more of a cell with this folder, to the end of this process."""
    told = json.loads(os.environ.pop(RANK))
    os.set_inheritable(told["report"], False)
    # to stop is rank 0's to handle, also where the signal goes to every process of a job
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR1})
    end_with_parent(told["parent"])
    cell = cell_of(told["cell"])
    ranks = Follower(told["rank"], told["world"], told["port"])
    try:
        from sweeplab.launch.child import redirect
        from sweeplab.run import follow_cell

        log = ranks.store.get(BEGUN).decode()
        if log:
            redirect(Path(log))
        follow_cell(cell, CellFolder(folder), ranks)
    except BaseException as error:  # whatever it is, rank 0 must know
        _report(error, ranks.rank, told["report"])
        code = 1
    else:
        code = 0
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # at once: leaving in good order may mean to wait for those that have gone


def _report(error: BaseException, rank: int, pipe: int) -> None:
    from sweeplab.outcome import outcome_of

    outcome = outcome_of(error)
    told = outcome["error"]
    print(f"rank {rank}: {told['traceback']}", file=sys.stderr)  # noqa: T201 (into the cell's log)
    message = f"rank {rank}: {told['class']}: {told['message']}"[:_MOST_TEXT]
    outcome["error"] = {"class": "RankFailed", "message": message, "traceback": told["traceback"][-_MOST_TEXT:]}
    os.write(pipe, json.dumps(asdict(Failure(outcome, time.time(), has_lost_contact(error)))).encode())
