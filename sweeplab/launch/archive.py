"""A cell's record as bytes, for machines that share no folder."""

import io
import tarfile
from pathlib import Path

from sweeplab import record
from sweeplab.record import CellFolder


def pack(folder: CellFolder, *, with_checkpoints: bool) -> bytes:
    """What an attempt has left in a cell's folder, the result last; locks and claims stay."""
    left_out = {folder.asked, folder.lock, folder.claim} | (set() if with_checkpoints else {folder.checkpoints})
    paths = [path for path in sorted(folder.path.glob("*")) if path not in left_out]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        for path in sorted(paths, key=lambda path: path == folder.result):
            archive.add(path, arcname=path.name)
    return buffer.getvalue()


def unpack(packed: bytes, folder: CellFolder) -> None:
    """Lay an attempt's files down as the cell's latest; those of earlier ones move to `attempts/`.

    Raises:
        tarfile.TarError: the bytes hold something that would lie outside the folder, or are no archive.
    """
    with record.claimed(folder), tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
        record.begin_attempt(folder)
        archive.extractall(Path(folder.path), filter="data")
