"""Remarks of guards as notes and as a table."""

from sweeplab.compare.guards import Remark
from sweeplab.report.guards import guards_table, remarks_for

REMARKS = [
    Remark("G12", "info", "settings", "tried lr"),
    Remark("G2", "warning", "settings", "adam: n=1", ("a", "b")),
    Remark("G1", "error", "settings", "SELECTED ON TEST"),
    Remark("G1", "error", "choice", "SELECTED ON TEST"),
]


def test_each_table_gets_its_own_remarks_gravest_first():
    assert remarks_for(REMARKS, "settings") == [
        "ERROR G1: SELECTED ON TEST.",
        "CAUTION G2: adam: n=1.",
        "G12: tried lr.",
    ]
    assert remarks_for(REMARKS, "choice") == ["ERROR G1: SELECTED ON TEST."]
    assert remarks_for(REMARKS, "pairs") == []


def test_names_from_elsewhere_are_made_plain():
    assert remarks_for([Remark("G2", "info", "pairs", "\x1b[31mred\x1b[0m\nline")], "pairs") == ["G2: red line."]


def test_table_says_every_remark_once_with_its_tables():
    table = guards_table(REMARKS)
    assert table.header == ["guard", "level", "tables", "cells", "words"]
    assert table.rows == [
        ["G1", "error", "settings, choice", "all", "SELECTED ON TEST"],
        ["G2", "warning", "settings", "2", "adam: n=1"],
        ["G12", "info", "settings", "all", "tried lr"],
    ]
    assert table.notes == []


def test_silence_is_said():
    assert guards_table([]).notes == ["No guard has anything to say."]
