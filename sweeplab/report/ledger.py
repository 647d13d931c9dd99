"""Which files a report wrote, so that the next one can take away those that no longer hold.

Refuses to delete what it did not write, or what somebody has changed since.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from sweeplab import record
from sweeplab.errors import RecordFault

NAME = ".report.json"


def settle(folder: Path, part: str, files: Iterable[Path]) -> None:
    """Note the files that a part of the report has written, and delete those that only its last run wrote.

    Args:
        folder: of the sweep; `.report.json` in it has the digest of each file by part.
        part: of the report, such as `tables` or `figures`.
        files: in `folder`, all that this part has written now.
    """
    try:
        known = record.read_json(folder / NAME)
    except RecordFault:
        known = {}  # without it nobody can tell what may be deleted
    written = {path.relative_to(folder).as_posix(): _digest(path) for path in files}
    for name, digest in known.get(part, {}).items():
        path = folder / name
        if name not in written and path.resolve().is_relative_to(folder.resolve()) and _digest(path) == digest:
            path.unlink()
    record.write_text(folder / NAME, record.to_json({**known, part: written}), durable=False)


def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
