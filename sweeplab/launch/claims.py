"""Claims on the cells of a folder, renewed in the background for as long as they are held."""

import threading
from types import TracebackType

from sweeplab import record
from sweeplab.cell import Cell
from sweeplab.launch.schedule import Result


class FolderClaims:
    """Of all processes that work on the same output directory, on whichever machine.

    Args:
        output_dir: holds the cells.
        lease_s: age from which a claim that was not renewed counts for nothing.
        rerun: whether cells that are finished already are trained again.
    """

    def __init__(self, output_dir: str, *, lease_s: float, rerun: bool) -> None:
        self._output_dir = output_dir
        self._lease_s = lease_s
        self._rerun = rerun
        self._held: dict[str, record.Claim] = {}
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
        claim = record.claim(record.cell_folder(self._output_dir, cell.id), lease_s=self._lease_s)
        if claim is None:
            return False
        self._held[cell.id] = claim
        # between our plan and our claim another may have finished it
        if self.finished(cell) is None:
            return True
        self.give_back(cell)
        return False

    def give_back(self, cell: Cell) -> None:
        """We have done with it."""
        self._held.pop(cell.id).release()

    def finished(self, cell: Cell) -> Result | None:
        """The result of a cell that another has finished, or None."""
        if self._rerun:
            return None
        result = record.read_result(record.cell_folder(self._output_dir, cell.id))
        return result if result is not None and result["state"] in record.FINAL_STATES else None

    def _beat(self) -> None:
        while not self._over.wait(self._lease_s / 3):
            for claim in list(self._held.values()):
                claim.renew()
