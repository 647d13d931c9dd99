"""A claim on a cell: which process, on whichever machine sees the folder, trains it now.

Claims of a cell are numbered files; making one is a hard link, which either makes it or fails, on a network's file
systems too. Whoever has made one has the cell if no other claim is found alive after that: of two processes that do
this at once, however slow, at least one sees the other and steps back. A claim of this machine lives as long as its
process; one of another machine until its age, by the file system's own clock, exceeds the lease that it names.
"""

import contextlib
import errno
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeplab.record.attempt import process_start
from sweeplab.record.folder import CellFolder
from sweeplab.record.text import to_json

_NO_HARD_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class Claim:
    """A cell that is ours until we release it, or do not renew it for as long as its lease."""

    def __init__(self, path: Path, token: str) -> None:
        self._path = path
        self._token = token

    def renew(self) -> bool:
        """Say that we still live; False when another has taken the cell over."""
        try:
            is_ours = self._is_ours()
            if is_ours:
                os.utime(self._path)
        except FileNotFoundError:
            return False
        except OSError:  # the file system does not answer: nothing is known, and the next time will tell
            return True
        return is_ours

    def release(self) -> None:
        """Let go of the cell."""
        with contextlib.suppress(OSError):  # what cannot be removed will be stale
            if self._is_ours():
                self._path.unlink()

    def _is_ours(self) -> bool:
        return _read(self._path).token == self._token


@dataclass(frozen=True)
class Holder:
    """Who has a cell: the machine, the seconds since it last said so, and whether that counts for nothing by now."""

    host: str
    renewed_s: float
    is_stale: bool


@dataclass(frozen=True)
class _Found:
    """A claim as it was read; `owner` is empty when the file is damaged or not whole yet."""

    path: Path
    owner: Mapping[str, Any]
    renewed: float

    @property
    def token(self) -> object:
        return self.owner.get("token")

    @property
    def is_of_this_machine(self) -> bool:
        return self.owner.get("machine") == _machine() and isinstance(self.owner.get("pid"), int)

    def is_stale(self, now: float, lease_s: float) -> bool:
        if self.is_of_this_machine:
            return process_start(self.owner["pid"]) != self.owner.get("process_start")
        promised_s = self.owner.get("lease_s")
        return now - self.renewed > (promised_s if isinstance(promised_s, int | float) else lease_s)


def claim(folder: CellFolder, *, lease_s: float) -> Claim | None:
    """Claim a cell; None when another that seems to live has it.

    Args:
        folder: of the cell; made if it is not there.
        lease_s: age from which, on other machines, our claim counts for nothing when we have not renewed it.
    """
    if any(found.is_of_this_machine and not found.is_stale(0.0, lease_s) for found in _claims(folder)):
        return None
    token = secrets.token_hex(8)
    folder.path.mkdir(parents=True, exist_ok=True)
    draft = folder.path / f"{_DRAFT}{token}"
    try:
        draft.write_text(to_json({"token": token, "lease_s": lease_s, **_whoami()}) + "\n", encoding="utf-8")
        now = draft.stat().st_mtime
        found = list(_claims(folder))
        if not all(one.is_stale(now, lease_s) for one in found):
            return None
        path = folder.claim(1 + max((_number(one.path) for one in found), default=0))
        if not _make(path, draft, token):
            return None
    finally:
        draft.unlink(missing_ok=True)
    return _settle(folder, path, token, now, lease_s)


def holder(folder: CellFolder, *, now: float) -> Holder | None:
    """Who has a cell, or None; `now` is the file system's time, see `file_system_time`."""
    last = max(_claims(folder), key=lambda found: _number(found.path), default=None)
    if last is None:
        return None
    return Holder(str(last.owner.get("host", "?")), max(0.0, now - last.renewed), last.is_stale(now, lease_s=0.0))


def file_system_time(folder: Path) -> float:
    """Seconds as the file system counts them; this machine's where nothing can be written."""
    probe = folder / f"{_DRAFT}{secrets.token_hex(8)}"
    try:
        probe.touch()
        return probe.stat().st_mtime
    except OSError:
        return time.time()
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)


def _settle(folder: CellFolder, path: Path, token: str, now: float, lease_s: float) -> Claim | None:
    """Keep what we have just made if we are alone with it."""
    others = [found for found in _claims(folder) if found.token != token]
    if not all(found.is_stale(now, lease_s) for found in others):
        path.unlink(missing_ok=True)
        return None
    # Should a stale one have gone and a live one have got its name, that one has seen ours, and steps back.
    for found in others:
        found.path.unlink(missing_ok=True)
    for left in folder.path.glob(f"{_DRAFT}*"):
        with contextlib.suppress(FileNotFoundError):
            if now - left.stat().st_mtime > lease_s:
                left.unlink()
    return Claim(path, token)


def _make(path: Path, draft: Path, token: str) -> bool:
    """Whether we were the one to make the file."""
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        # Without hard links the file is there before its words are: until then its age alone speaks for it.
        with contextlib.suppress(FileExistsError), path.open("x", encoding="utf-8") as file:
            file.write(draft.read_text(encoding="utf-8"))
    # Read it, whatever we were told: a network that lost the first answer says of our own link that it exists.
    try:
        return _read(path).token == token
    except OSError:
        return False


def _claims(folder: CellFolder) -> Iterator[_Found]:
    for path in folder.claims():
        try:
            yield _read(path)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ESTALE):  # released just now
                raise


def _read(path: Path) -> _Found:
    # Opening a file makes a network's file system ask its server how old it is; a mere look may be a minute late.
    with path.open("rb") as file:
        renewed, raw = os.fstat(file.fileno()).st_mtime, file.read()
    try:
        owner = json.loads(raw)
    except ValueError:
        owner = None
    return _Found(path, owner if isinstance(owner, dict) else {}, renewed)


def _number(path: Path) -> int:
    return int(path.name.split(".")[1])


def _whoami() -> dict[str, Any]:
    pid = os.getpid()
    return {"host": socket.gethostname(), "machine": _machine(), "pid": pid, "process_start": process_start(pid)}


def _machine() -> str:
    """Names the table of processes that a pid is of: containers may share a host's name and not its processes."""
    names = [socket.gethostname()]
    with contextlib.suppress(OSError):
        names.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        names.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(names)


_DRAFT = ".claim."
