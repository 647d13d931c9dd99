"""`sweeplab explain`: why two cells are two."""

import pytest

from sweeplab import record
from sweeplab.cell import Cell
from sweeplab.cli import main
from sweeplab.errors import RecordFault
from sweeplab.verbs.explain import find_cell


@pytest.fixture
def asked(here, make_cell):
    """Record a cell as asked for; returns its id."""

    def ask(**changes) -> str:
        cell = make_cell(**changes)
        record.write_asked(record.cell_folder(here / "outputs", cell.id), cell)
        return cell.id

    return ask


def explained(capsys, *words: str) -> list[list[str]]:
    assert main(["explain", *words]) == 0
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_it_shows_every_key_that_differs_and_whether_it_counts(asked, capsys):
    one = asked(lr=0.1, runtime={"output_dir": "outputs", "workers": 0})
    other = asked(lr=0.01, momentum=0.9, runtime={"output_dir": "outputs", "workers": 4})

    assert explained(capsys, one, other) == [
        ["key", one, other, "counts", "for", "the", "id"],
        ["lr", "0.1", "0.01", "yes"],
        ["runtime.workers", "0", "4", "no", "(circumstance)"],
        ["momentum", "(absent)", "0.9", "yes"],
        "two cells, by the keys marked yes".split(),  # noqa: SIM905 (one line of a terminal)
    ]


def test_a_cell_and_itself_are_the_same(asked, capsys):
    one = asked(lr=0.1)

    assert explained(capsys, one, one) == [["the", "same", "cell"]]


def test_cells_that_differ_in_circumstance_alone_are_the_same(asked, capsys, tmp_path, make_cell):
    one = asked(name="a")
    cell = make_cell(name="b")
    record.write_asked(record.cell_folder(tmp_path / "elsewhere", cell.id), cell)

    lines = explained(capsys, one, str(tmp_path / "elsewhere" / "cells" / one))
    assert lines[1] == ["name", "a", "b", "no", "(circumstance)"]
    assert lines[-1] == ["the", "same", "cell"]


def test_the_beginning_of_an_id_is_enough(asked, here):
    one = asked(lr=0.1)

    assert find_cell(one[:4], "outputs").id == one
    assert find_cell(f"outputs/cells/{one}", "nowhere").id == one
    assert find_cell(one, str(here / "outputs")).config["lr"] == 0.1


def test_an_ambiguous_beginning_is_refused(here):
    for cell_id in ("aab000000000", "aac000000000"):
        record.write_asked(record.cell_folder("outputs", cell_id), Cell(cell_id, {}, {}))

    with pytest.raises(
        RecordFault, match=r"'aa' fits 2 cells \(aab000000000, aac000000000 …\) · expected a cell's folder"
    ):
        find_cell("aa", "outputs")


def test_a_cell_that_is_not_there_is_refused(here, capsys):
    assert main(["explain", "aa", "bb"]) == 2
    assert (
        "no cell 'aa' · expected a cell's folder or the beginning of one id in outputs/cells" in capsys.readouterr().err
    )
    assert list(here.iterdir()) == []


def test_markup_in_a_value_is_only_text(asked, capsys):
    one, other = asked(note="[bold]x[/bold]"), asked(note="[/]")

    assert explained(capsys, one, other)[1] == ["note", "[bold]x[/bold]", "[/]", "yes"]
