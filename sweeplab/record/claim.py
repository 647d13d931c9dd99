"""A claim on a cell: which process, on whichever machine sees the folder, trains it now.

The file is made by a hard link, which either makes it or fails, on a network's file systems too. Its age tells whether
its owner still lives, measured by the file system's own clock.
"""

import contextlib
import os
import secrets
import socket
from pathlib import Path

from sweeplab.errors import RecordFault
from sweeplab.record.attempt import process_start
from sweeplab.record.folder import CellFolder
from sweeplab.record.text import read_json, to_json, write_text


class Claim:
    """A cell that is ours until we release it, or do not renew it for `lease_s`."""

    def __init__(self, path: Path, token: str) -> None:
        self._path = path
        self._token = token

    def renew(self) -> bool:
        """Say that we still live; False when another has taken the cell over."""
        if not self._is_ours():
            return False
        with contextlib.suppress(OSError):
            os.utime(self._path)
        return True

    def release(self) -> None:
        """Let go of the cell."""
        if self._is_ours():
            self._path.unlink(missing_ok=True)

    def _is_ours(self) -> bool:
        return _read(self._path).get("token") == self._token


def claim(folder: CellFolder, *, lease_s: float) -> Claim | None:
    """Claim a cell; None when another that seems to live has it.

    Args:
        folder: of the cell; made if it is not there.
        lease_s: age from which a claim that was not renewed counts for nothing.
    """
    path = folder.claim
    path.parent.mkdir(parents=True, exist_ok=True)
    token = secrets.token_hex(8)
    if path.exists() and not _remove_stale(path, lease_s, token):
        return None
    pid = os.getpid()
    owner = {"token": token, "host": socket.gethostname(), "pid": pid, "process_start": process_start(pid)}
    written = path.with_name(f".{path.name}.{token}")
    write_text(written, to_json(owner) + "\n", durable=False)
    try:
        path.hardlink_to(written)
    except FileExistsError:
        return None
    finally:
        written.unlink()
    return Claim(path, token)


def _remove_stale(path: Path, lease_s: float, token: str) -> bool:
    """Whether a claim was stale and we were the one to remove it."""
    found = _read(path)
    if not _is_stale(path, found, lease_s, token):
        return False
    aside = path.with_name(f".{path.name}.stale.{token}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return False
    is_it = _read(aside).get("token") == found.get("token")
    if not is_it:  # another was faster, and what we moved aside is its new claim
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(aside)
    aside.unlink()
    return is_it


def _read(path: Path) -> dict[str, object]:
    try:
        return read_json(path)
    except RecordFault:
        return {}


def _is_stale(path: Path, owner: dict[str, object], lease_s: float, token: str) -> bool:
    pid = owner.get("pid")
    if owner.get("host") == socket.gethostname() and isinstance(pid, int):
        return process_start(pid) != owner.get("process_start")
    clock = path.with_name(f".{path.name}.clock.{token}")
    clock.touch()
    try:
        return clock.stat().st_mtime - path.stat().st_mtime > lease_s
    except FileNotFoundError:
        return False
    finally:
        clock.unlink(missing_ok=True)
