"""Rank 0, which is the cell: it starts the others, looks after them and ends them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeplab import record
from sweeplab.cell import Cell
from sweeplab.oom import oom_kills
from sweeplab.ranks.follower import RANK
from sweeplab.ranks.group import (
    BEGUN,
    FOR_EVER,
    HOST,
    Failure,
    Ranks,
    forget_outer_job,
    has_lost_contact,
    init_process_group,
)

if TYPE_CHECKING:
    import torch

_TICK_S = 0.1
_PATIENCE_S = 2.0  # what rank 0 may take to notice by itself that another has gone


@dataclass
class _Peer:
    rank: int
    process: subprocess.Popen[bytes]
    report: int  # the end of the pipe that its failure comes out of
    failure: Failure | None = None


@dataclass(frozen=True)
class Leader(Ranks):
    """Rank 0, with the others that it has started."""

    listener: socket.socket = field(default_factory=socket.socket)
    peers: list[_Peer] = field(default_factory=list)
    _kept: list[Any] = field(default_factory=list)
    _is_over: threading.Event = field(default_factory=threading.Event)
    _look: threading.Lock = field(default_factory=threading.Lock)
    _conclusion: threading.Lock = field(default_factory=threading.Lock)
    _oom_kills: int = field(default_factory=oom_kills)

    def begin(self, log: Path | None) -> None:
        """Tell the others to begin, and where their output goes."""
        from torch.distributed import TCPStore  # type: ignore[attr-defined]

        listener = self.listener.detach()
        store = TCPStore(
            HOST,
            _port_of(listener),
            self.world,
            is_master=True,
            timeout=FOR_EVER,
            wait_for_workers=False,
            master_listen_fd=listener,
        )
        store.set(BEGUN, str(log or ""))
        self._kept.append(store)

    def join(self, device: torch.device) -> None:
        """Meet the others."""
        init_process_group(self._kept[0], self, device)

    @contextmanager
    def watched(self, conclude: Callable[[Mapping[str, Any]], None]) -> Iterator[None]:
        """Look after the others; whether the body or `conclude` has the last word is settled when the body ends."""
        threading.Thread(target=self._watch, args=(conclude,), daemon=True, name="watch the other ranks").start()
        try:
            yield
        finally:
            self._is_over.set()
            if not self._conclusion.acquire(blocking=False):
                threading.Event().wait()  # the process is about to end

    def _watch(self, conclude: Callable[[Mapping[str, Any]], None]) -> None:
        while not self._is_over.wait(_TICK_S):
            if not self._failures():
                continue
            if self._is_over.wait(_PATIENCE_S) or not self._conclusion.acquire(blocking=False):
                return
            conclude(_first(self._failures()).outcome)
            self.end()
            os._exit(1)

    def cause_of(self, error: BaseException) -> Mapping[str, Any] | None:
        """What a lost connection follows from; an error of its own is nobody else's."""
        if not has_lost_contact(error):
            return None
        end_s = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end_s and all(failure.is_echo for failure in self._failures()):
            time.sleep(_TICK_S)
        found = self._failures()
        return _first(found).outcome if found else None

    def _failures(self) -> list[Failure]:
        with self._look:
            for peer in self.peers:
                if peer.failure is None and peer.process.poll() not in (None, 0):
                    peer.failure = self._failure(peer)
        return [peer.failure for peer in self.peers if peer.failure is not None]

    def _failure(self, peer: _Peer) -> Failure:
        os.set_blocking(peer.report, False)
        with suppress(OSError, ValueError):
            return Failure(**json.loads(os.read(peer.report, 1 << 16)))
        code = peer.process.returncode
        signalled = f"was killed by signal {-code} ({signal.Signals(-code).name})" if code < 0 else ""
        how = signalled or f"ended with exit code {code}"
        is_oom = code == -signal.SIGKILL and oom_kills() > self._oom_kills
        error = {"class": "ProcessDied", "message": f"rank {peer.rank} {how}", "traceback": ""}
        return Failure({"state": record.OUT_OF_MEMORY if is_oom else record.CRASHED, "error": error}, time.time())

    def end(self) -> None:
        """End the others: what they have is worth nothing without rank 0."""
        for peer in self.peers:
            peer.process.kill()
        for peer in self.peers:
            peer.process.wait()


def _first(failures: list[Failure]) -> Failure:
    return min(failures, key=lambda failure: (failure.is_echo, failure.time_s))


def _port_of(descriptor: int) -> int:
    """The port that a listening socket has."""
    with socket.socket(fileno=os.dup(descriptor)) as copy:
        return int(copy.getsockname()[1])


def start(cell: Cell, folder: Path, *, threads: int) -> Leader:
    """Start all ranks but this one, which becomes rank 0.

    Args:
        cell: what to train; its `runtime.devices` is the number of ranks.
        folder: of its record.
        threads: torch threads of each rank.
    """
    world = cell.config["runtime"]["devices"]
    forget_outer_job()
    os.environ.update(LOCAL_RANK="0", OMP_NUM_THREADS=str(threads))
    if sys.platform == "linux":
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # all are on this machine, whatever its name resolves to
    listener = socket.create_server((HOST, 0), backlog=world)
    told = {"world": world, "port": _port_of(listener.fileno()), "parent": os.getpid(), "cell": asdict(cell)}
    leader = Leader(0, world, listener)
    for rank in range(1, world):
        leader.peers.append(_start(rank, folder, told))
    return leader


def _start(rank: int, folder: Path, told: Mapping[str, Any]) -> _Peer:
    received, sent = os.pipe()
    process = subprocess.Popen(  # noqa: S603 (this very program)
        [sys.executable, "-m", "sweeplab.cell", str(folder)],
        env={**os.environ, "LOCAL_RANK": str(rank), RANK: json.dumps({**told, "rank": rank, "report": sent})},
        stdin=subprocess.DEVNULL,
        pass_fds=(sent,),
    )
    os.close(sent)
    return _Peer(rank, process, received)
