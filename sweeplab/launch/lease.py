"""Leases of devices, or of shares of them, among all processes of a machine: bytes of a lock file named for the device.

The kernel ends a lease when the last process that holds it has gone, however it went. A lease that is sent to a child
process is held by both: a cell whose launcher was killed keeps its device until it ends.
"""

import contextlib
import fcntl
import os
import re
import stat
import struct
import tempfile
from collections.abc import Iterator
from multiprocessing import reduction
from pathlib import Path
from typing import Any

from sweeplab.errors import ConfigFault

FOLDER = "SWEEPLAB_LEASES"  # where the lock files lie, instead of a folder that all users of the machine share
WHOLE = 100  # bytes that stand for a device: one per cent each

# Bytes behind them: one that keeps a device for a process that waits for it, and the door to the file.
_KEPT = WHOLE
_DOOR = WHOLE + 1
_LINE_END = 2**40

# struct flock of 64-bit Linux: type, whence, start, length, process
_FLOCK = struct.Struct("hhqqi4x")


class Lease:
    """An open lock file; the locks live as long as it is open in any process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go; a child that still lives keeps it."""
        os.close(self._descriptor)

    def fileno(self) -> int:
        """The descriptor of the file."""
        return self._descriptor

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, (reduction.DupFd(self._descriptor),)


def _received(sent: Any) -> Lease:
    return Lease(sent.detach())


class Leases:
    """The lock files of one machine.

    Args:
        folder: made where it is not there, for all users of the machine.

    Raises:
        ConfigFault: it cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with contextlib.suppress(FileExistsError):
            folder.mkdir(parents=True)
            folder.chmod(0o1777)  # not by the umask: other users' sweeps must find it
        if not stat.S_ISDIR(folder.lstat().st_mode) or not os.access(folder, os.W_OK):
            raise ConfigFault(f"leases of GPUs need a folder that can be written, got {folder} (set {FOLDER})")

    def free(self, uuid: str) -> int:
        """Per cent of a device that nobody has leased."""
        with self._opened(uuid) as descriptor:
            return WHOLE - sum(end - start for start, end in _locked(descriptor, 0, WHOLE))

    def is_kept(self, uuid: str) -> bool:
        """Whether a device is kept for a process that waits for it."""
        with self._opened(uuid) as descriptor:
            return bool(_locked(descriptor, _KEPT, _KEPT + 1))

    def take(self, uuid: str, per_cent: int, *, is_ours: bool) -> Lease | None:
        """Lease so much of a device, or nothing.

        Args:
            uuid: of the device.
            per_cent: from 1 to 100.
            is_ours: whether it is this process that the device is kept for.
        """
        with self._entered(uuid) as descriptor:
            if descriptor is None or (not is_ours and _locked(descriptor, _KEPT, _KEPT + 1)):
                return None
            free = sorted(set(range(WHOLE)).difference(*(range(*part) for part in _locked(descriptor, 0, WHOLE))))
            if len(free) < per_cent or not all(_lock(descriptor, byte) for byte in free[:per_cent]):
                return None
            return Lease(os.dup(descriptor))

    def keep(self, uuid: str) -> Lease | None:
        """Let no other process start anything on a device from now on; None where another has done so."""
        with self._opened(uuid) as descriptor:
            return Lease(os.dup(descriptor)) if _lock(descriptor, _KEPT) else None

    def line_up(self) -> tuple[Lease, int] | None:
        """A place in the line of all processes that wait for a device; None: try again."""
        with self._entered(_LINE) as descriptor:
            if descriptor is None:
                return None
            place = max((end for _, end in _locked(descriptor, _DOOR + 1, _LINE_END)), default=_DOOR + 1)
            return (Lease(os.dup(descriptor)), place) if _lock(descriptor, place) else None

    def is_first(self, place: int) -> bool:
        """Whether nobody who still waits came earlier."""
        with self._opened(_LINE) as descriptor:
            return not _locked(descriptor, _DOOR + 1, place)

    def holders(self, uuid: str) -> list[int]:
        """Processes that hold leases of a device, as far as this user may look at them."""
        path = os.path.realpath(self._folder / _file_name(uuid))
        return sorted({int(entry.parts[2]) for entry in Path("/proc").glob("[0-9]*/fd/*") if _holds(entry, path)})

    @contextlib.contextmanager
    def _entered(self, uuid: str) -> Iterator[int | None]:
        """The file, with its door closed behind us, so that nobody else counts its bytes; None where it is closed."""
        with self._opened(uuid) as descriptor:
            # One that was unlinked between our opening and our locking is not the file that others see.
            if not _lock(descriptor, _DOOR) or not os.fstat(descriptor).st_nlink:
                yield None
                return
            try:
                yield descriptor
            finally:
                _unlock(descriptor, _DOOR)

    @contextlib.contextmanager
    def _opened(self, uuid: str) -> Iterator[int]:
        descriptor = self._open(self._folder / _file_name(uuid))
        try:
            # What cleans up old temporary files leaves those alone that are locked in this way.
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            yield descriptor
        finally:
            os.close(descriptor)

    def _open(self, path: Path) -> int:
        """Open a file, made for all users.

        A kernel that protects shared folders refuses O_CREAT for a file of another user, so it is tried without first.
        """
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        for _ in range(100):
            with contextlib.suppress(FileNotFoundError):
                return os.open(path, flags)
            with contextlib.suppress(FileExistsError):
                descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
                os.fchmod(descriptor, 0o666)
                return descriptor
        raise ConfigFault(f"{path} cannot be opened (set {FOLDER} to another folder)")


def machine_leases() -> Leases:
    """Those that all sweeps of the machine share.

    Not under TMPDIR: that is often one user's or one job's, and the devices are everybody's.

    Raises:
        ConfigFault: their folder cannot be used, or the system has no locks of this kind.
    """
    if not hasattr(fcntl, "F_OFD_SETLK"):
        raise ConfigFault("GPUs are shared among sweeps on Linux only: this system has no locks of open files")
    asked = os.environ.get(FOLDER)
    root = Path("/tmp")  # noqa: S108 (its files are shared on purpose, and opened so that no link is followed)
    return Leases(
        Path(asked) if asked else (root if root.is_dir() else Path(tempfile.gettempdir())) / "sweeplab-leases"
    )


_LINE = "line"


def _file_name(uuid: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "_", uuid) + ".lock"


def _lock(descriptor: int, byte: int) -> bool:
    asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, byte, 1, 0)
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, asked)
    except BlockingIOError:
        return False
    return True


def _unlock(descriptor: int, byte: int) -> None:
    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_UNLCK, os.SEEK_SET, byte, 1, 0))


def _locked(descriptor: int, start: int, end: int) -> list[tuple[int, int]]:
    """Ranges between two bytes that others have locked; the kernel names one at a time, in any order."""
    if start >= end:
        return []
    asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, start, end - start, 0)
    kind, _, first, length, _ = _FLOCK.unpack(fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, asked))
    if kind == fcntl.F_UNLCK:
        return []
    low, high = max(first, start), min(first + length, end) if length else end
    return [*_locked(descriptor, start, low), (low, high), *_locked(descriptor, high, end)]


def _holds(entry: Path, path: str) -> bool:
    """Whether an open file of a process is the lock file, with a lock on it that stands for a part of the device."""
    try:
        if str(entry.readlink()) != path:
            return False
        told = (entry.parent.parent / "fdinfo" / entry.name).read_text()
    except OSError:
        return False
    return any(
        int(line.split()[-2]) < WHOLE for line in told.splitlines() if line.startswith("lock:") and "OFDLCK" in line
    )
