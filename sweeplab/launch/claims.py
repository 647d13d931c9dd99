"""Claims on the cells of a folder, renewed in the background for as long as they are held."""

import threading
from collections.abc import Iterable, Mapping
from types import TracebackType

from sweeplab import record
from sweeplab.cell import Cell
from sweeplab.launch.schedule import Result


class FolderClaims:
    """Of all processes that work on the same output directory, on whichever machine.

    Args:
        output_dir: holds the cells.
        lease_s: age from which other machines take a claim of ours over that was not renewed.
        before: by cell id, the last attempt whose end counts for nothing, so that the cell is trained again.
    """

    def __init__(self, output_dir: str, *, lease_s: float, before: Mapping[str, int]) -> None:
        self._output_dir = output_dir
        self._lease_s = lease_s
        self._before = before
        self._held: dict[str, record.Claim] = {}
        self._lost: set[record.Claim] = set()
        self._ours: set[str] = set()
        self._over = threading.Event()
        self._heart = threading.Thread(target=self._beat, daemon=True, name="renew claims")

    def __enter__(self) -> "FolderClaims":
        self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._over.set()
        self._heart.join()
        for claim in self._held.values():
            claim.release()

    def take(self, cell: Cell) -> bool:
        """Whether the cell is ours now."""
        claim = record.claim(self._folder(cell), lease_s=self._lease_s)
        if claim is None:
            return False
        # between our plan and our claim another may have finished it
        if cell.id not in self._ours and self.finished(cell) is not None:
            claim.release()
            return False
        self._held[cell.id] = claim
        self._ours.add(cell.id)
        return True

    def give_back(self, cell: Cell) -> None:
        """We have done with it."""
        claim = self._held.pop(cell.id)
        claim.release()
        self._lost.discard(claim)

    def is_lost(self, cell: Cell) -> bool:
        """Whether another has taken over a cell of ours, because this machine did not answer for so long."""
        return self._held.get(cell.id) in self._lost

    def finished(self, cell: Cell) -> Result | None:
        """The result of a cell that another has finished, a failure too, or None."""
        result = record.read_result(self._folder(cell))
        if result is None or result["state"] == record.INTERRUPTED:
            return None
        return result if result.get("attempt", 1) > self._before.get(cell.id, 0) else None

    def tidy(self, cells: Iterable[Cell]) -> None:
        """Remove the claims that the dead have left on cells that nobody will claim again."""
        for cell in cells:
            folder = self._folder(cell)
            if folder.claims() and (claim := record.claim(folder, lease_s=self._lease_s)):
                claim.release()

    def _folder(self, cell: Cell) -> record.CellFolder:
        return record.cell_folder(self._output_dir, cell.id)

    def _beat(self) -> None:
        while not self._over.wait(self._lease_s / 3):
            for claim in list(self._held.values()):
                if not claim.renew():
                    self._lost.add(claim)
