"""Files are whole or not there."""

from pathlib import Path

import pandas as pd
import pytest

from sweeplab.report.files import write_cells


def test_old_file_stays_whole_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cells(tmp_path, pd.DataFrame({"cell_id": ["old"]}))

    def full_disk(self: Path, text: str, **_: object) -> int:
        self.write_bytes(text[:3].encode())
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(Path, "write_text", full_disk)
    with pytest.raises(OSError, match="no space left"):
        write_cells(tmp_path, pd.DataFrame({"cell_id": ["new"]}))
    assert [path.name for path in tmp_path.iterdir()] == ["cells.csv"]
    assert (tmp_path / "cells.csv").read_text() == "cell_id\nold\n"


def test_lists_flags_and_missing_values_are_written_as_such(tmp_path: Path) -> None:
    values = pd.Series([[0.9, 0.999], True, None, "=1", 1e-3], dtype=object)
    write_cells(tmp_path, pd.DataFrame({"cell_id": list("abcde"), "x": values}))
    lines = (tmp_path / "cells.csv").read_text().splitlines()
    assert lines == ["cell_id,x", 'a,"[0.9, 0.999]"', "b,True", "c,", "d,'=1", "e,0.001"]
