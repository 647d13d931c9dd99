"""A command as a process of its own: how long it took, how much memory, what it printed."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

Value = TypeVar("Value")

# A command as it is shown: the machine's paths stand under these words.
Places = Mapping[str, Path | str]


class CommandFailed(Exception):
    """A command ended with another exit code than 0, or not in time."""


@dataclass(frozen=True)
class Outcome:
    """What became of a command; `wall_s` from start to end, `peak_bytes` of the largest process in it."""

    wall_s: float
    peak_bytes: int
    output: str


def shown(words: Sequence[str]) -> str:
    """The command as one would type it, with DATA and OUT for the folders."""
    return " ".join(["python", *words])


def timed(words: Sequence[str], places: Places, *, timeout_s: float, env: Mapping[str, str] | None = None) -> Outcome:
    """Run `python WORDS…` to its end, each name in `places` replaced by its path.

    Raises:
        CommandFailed: with the end of what it printed.
    """
    argv = [sys.executable, *(_placed(word, places) for word in words)]
    with tempfile.TemporaryFile() as printed:
        started_s = time.perf_counter()
        process = subprocess.Popen(
            argv, stdout=printed, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}, start_new_session=True
        )
        guard = threading.Timer(timeout_s, _end, args=[process.pid])
        guard.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
            wall_s = time.perf_counter() - started_s
        finally:
            guard.cancel()
            _end(process.pid)
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        output = printed.read().decode(errors="replace")
    if process.returncode:
        raise CommandFailed(f"{shown(words)} ended with {process.returncode} after {wall_s:.0f} s:\n{output[-2000:]}")
    return Outcome(wall_s, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024), output)


def in_own_process(function: Callable[..., Value], *args: Any) -> Value:
    """The function's value, from a fresh process with modules of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *args).result()


def _placed(word: str, places: Places) -> str:
    key, equals, value = word.rpartition("=")
    first, slash, rest = value.partition("/")
    return f"{key}{equals}{places[first]}{slash}{rest}" if first in places else word


def _end(pid: int) -> None:
    """End the whole session: no fork server or loader worker may outlive its command."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
