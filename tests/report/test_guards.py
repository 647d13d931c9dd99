"""Remarks of guards as notes below tables and on a terminal, and the table of all guards."""

from sweeplab.compare.guards import GUARDS, Remark
from sweeplab.report.guards import edge_notes, guards_table, notes_below, terminal_notes

REMARKS = [
    Remark("G12", "info", "choice", "tried lr"),
    Remark("G4", "warning", "settings", "adam: 1 failed", ("a", "b")),
    Remark("G16", "error", "curves", "times do not compare"),
    Remark("G16", "error", "workloads", "times do not compare"),
]


def test_each_remark_stands_once_below_the_first_of_its_tables_gravest_first():
    assert notes_below(REMARKS, ["settings", "choice", "workloads"]) == {
        "settings": ["CAUTION G4: adam: 1 failed."],
        "choice": ["G12: tried lr."],
        "workloads": ["ERROR G16: times do not compare."],
    }


def test_remark_on_a_table_that_is_not_there_stands_below_the_settings():
    assert notes_below(REMARKS, ["settings"]) == {
        "settings": ["ERROR G16: times do not compare.", "CAUTION G4: adam: 1 failed.", "G12: tried lr."]
    }


def test_what_stamp_headline_and_pairs_say_is_not_said_again():
    said = [Remark(guard, "error", "settings", "words") for guard in ("G1", "G7", "G17")]
    assert notes_below(said, ["settings", "pairs"]) == {"settings": [], "pairs": []}


def test_names_from_elsewhere_are_made_plain():
    remarks = [Remark("G2", "info", "pairs", "\x1b[31mred\x1b[0m\nline")]
    assert notes_below(remarks, ["pairs"])["pairs"] == ["G2: red line."]


def test_terminal_has_the_gravest_few_and_no_flood():
    many = [Remark("G5", "warning", "settings", f"unequal {number}") for number in range(10)]
    lines = terminal_notes([*REMARKS, *many, Remark("G2", "warning", "settings", "n=1")])
    assert lines[:2] == ["ERROR G16: times do not compare.", "CAUTION G4: adam: 1 failed."]
    assert lines[-1] == "6 more remarks like these: see report.html."
    assert len(lines) == 7


def test_choices_at_an_edge_are_for_the_choice_of_every_output():
    edge = Remark("G3", "warning", "choice", "adam: EDGE")
    assert edge_notes([*REMARKS, edge, Remark("G3", "info", "choice", "two values")]) == ["CAUTION G3: adam: EDGE."]
    assert not any("EDGE" in line for line in terminal_notes([edge]))


def test_table_has_every_guard_and_where_it_spoke():
    rows = {row[0]: row[1:] for row in guards_table([*REMARKS, Remark("G1", "error", "settings", "x")]).rows}
    assert list(rows) == list(GUARDS)
    assert rows["G1"] == ["selected on test", "error", "every table and figure"]
    assert rows["G4"] == ["lost cells", "warning", "settings"]
    assert rows["G16"] == ["wall clock", "error", "curves, workloads"]
    assert rows["G3"] == ["edge of grid", "silent", ""]
