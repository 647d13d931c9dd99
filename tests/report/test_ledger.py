"""What an earlier report wrote is taken away, and nothing else is."""

import json
from pathlib import Path

import pytest

from sweeplab.report.ledger import NAME, settle


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three files that a first report wrote, and one of the user's beside them."""
    (tmp_path / "tables").mkdir()
    found = [tmp_path / "published.csv", tmp_path / "tables" / "a.csv", tmp_path / "tables" / "b.csv"]
    for path in found:
        path.write_text(path.name)
    settle(tmp_path, "tables", found)
    (tmp_path / "tables" / "mine.csv").write_text("mine")
    return found


def test_only_what_was_written_and_is_as_it_was_goes(files: list[Path], tmp_path: Path) -> None:
    files[1].write_text("changed")
    settle(tmp_path, "tables", files[2:])
    assert [path.exists() for path in files] == [False, True, True]
    assert (tmp_path / "tables" / "mine.csv").read_text() == "mine"


def test_parts_do_not_touch_each_other(files: list[Path], tmp_path: Path) -> None:
    settle(tmp_path, "figures", [])
    assert all(path.exists() for path in files)
    settle(tmp_path, "tables", [])
    assert not any(path.exists() for path in files)


@pytest.mark.parametrize("text", [None, "no JSON", "[]"])
def test_without_its_notes_nothing_is_deleted(text: str | None, files: list[Path], tmp_path: Path) -> None:
    (tmp_path / NAME).unlink() if text is None else (tmp_path / NAME).write_text(text)
    settle(tmp_path, "tables", [])
    assert all(path.exists() for path in files)


def test_nothing_outside_the_folder_is_deleted(files: list[Path], tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    known = json.loads((tmp_path / NAME).read_text())["tables"]
    (inner / NAME).write_text(json.dumps({"tables": {f"../{name}": digest for name, digest in known.items()}}))
    settle(inner, "tables", [])
    assert all(path.exists() for path in files)


def test_files_that_are_gone_already_are_no_fault(files: list[Path], tmp_path: Path) -> None:
    for path in files:
        path.unlink()
    settle(tmp_path, "tables", [])
    assert json.loads((tmp_path / NAME).read_text())["tables"] == {}
