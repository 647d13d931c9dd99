"""Names and values are text in every format, whatever they are made of."""

import csv
import io
import math
import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from sweeplab.report.markup import csv_table, csv_text, latex_table, latex_text, markdown_table, markdown_text
from sweeplab.report.table import Table
from sweeplab.report.won import Won

NASTY = "a|b`c<script>d</script>&amp; _x_ *y* [z](http://u) \\ # $1$ % {~^} ~~no~~\nnext"
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp", "Cf"]) | st.just(" "))


def one_line(text: str) -> str:
    return " ".join(text.split())


def table(cell: str) -> Table:
    return Table(cell, [cell, "n"], [[cell, "1"], ["plain", cell]], 1, [cell])


def rendered_cells(markdown: str) -> list[str]:
    """What an independent Markdown reader shows in each cell of the table."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    inline = [token for before, token in pairwise(tokens) if before.type in ("td_open", "th_open")]
    assert all(child.type in ("text", "text_special") for token in inline for child in token.children or [])
    return ["".join(child.content for child in token.children or []) for token in inline]


def latex_read(text: str) -> str:
    """The characters TeX would set for our escapes; fails on any bare special character."""
    words = {
        r"\textbackslash{}": "\\",
        r"\textasciitilde{}": "~",
        r"\textasciicircum{}": "^",
        r"\textless{}": "<",
        r"\textgreater{}": ">",
        r"\textbar{}": "|",
        r"\textasciigrave{}": "`",
        r"$\pm$": "±",
        "---": "—",
        "$-$": "\N{MINUS SIGN}",
        "{[}": "[",
        "{*}": "*",
    }
    pattern = "|".join(map(re.escape, words)) + r"|\\[_%&#${}]|[^\\_%&#${}~^<>|`\[*]"
    assert re.fullmatch(f"(?:{pattern})*", text), text
    return "".join(words.get(token, token[-1]) for token in re.findall(pattern, text))


@given(TEXT)
def test_markdown_shows_what_was_written(text: str) -> None:
    assert rendered_cells(markdown_table(table(text)))[0].strip() == one_line(text)


def test_markdown_of_nasty_text_is_neither_markup_nor_a_new_cell() -> None:
    assert rendered_cells(markdown_table(table(NASTY))) == [
        one_line(NASTY),
        "n",
        one_line(NASTY),
        "1",
        "plain",
        one_line(NASTY),
    ]
    assert "<script>" not in MarkdownIt("commonmark").enable("table").render(markdown_table(table(NASTY)))


def test_underscore_inside_a_word_stays_readable_in_the_source() -> None:
    assert markdown_text("weight_decay _x_") == r"weight_decay \_x\_"


def test_markdown_table_as_written_by_hand() -> None:
    small = Table("Settings", ["optimizer", "n"], [["adam", "3/3"]], 1, ["a note"])
    assert markdown_table(small) == (
        "## Settings\n\n| optimizer |   n |\n| --------- | --: |\n| adam      | 3/3 |\n\n- a note\n"
    )


@given(TEXT.filter(lambda text: "---" not in text))
def test_latex_sets_what_was_written(text: str) -> None:
    assert latex_read(latex_text(text)) == one_line(text)


def test_latex_environment_is_closed_and_every_row_has_its_cells() -> None:
    text = latex_table(table(NASTY), label="my sweep_1")
    assert re.findall(r"\\begin{(\w+)}", text) == ["table", "tabular", "minipage"]
    assert re.findall(r"\\end{(\w+)}", text) == ["tabular", "minipage", "table"]
    bare = re.sub(r"\\[_%&#${}\\]", "", text)
    assert bare.count("{") == bare.count("}")
    rows = [line for line in bare.splitlines() if line.startswith("    ") and not line.strip().startswith("\\t")]
    assert [line.count("&") for line in rows if "rule" not in line] == [1, 1, 1]
    assert r"\label{tab:my-sweep-1}" in text
    for rule in ("toprule", "midrule", "bottomrule"):
        assert text.count(f"\\{rule}") == 1


def test_latex_row_cannot_be_taken_for_an_argument_of_the_row_before() -> None:
    assert latex_text("[1, 2]*") == "{[}1, 2]{*}"


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\n=1"])
def test_text_that_a_spreadsheet_would_compute_is_disarmed(formula: str) -> None:
    assert csv_text(formula) == f"'{formula}"


def test_numbers_are_untouched_in_csv() -> None:
    assert csv_table(pd.DataFrame({"a": [-1.5, 2.0], "b": ["-1.5", "x"]})) == "a,b\n-1.5,'-1.5\n2.0,x\n"


def unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_back(text: str) -> list[list[str]]:
    rows = csv.reader(io.StringIO(text, newline=""))
    return [[cell.removeprefix("'") for cell in row] for row in rows]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1))
def test_text_reads_back_from_csv(values: list[str]) -> None:
    frame = pd.DataFrame({"=name,": values, "other": 1})
    assert read_back(csv_table(frame)) == [["=name,", "other"], *([unix(value), "1"] for value in values)]


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_floats_read_back_from_csv_bit_by_bit(values: list[float]) -> None:
    rows = read_back(csv_table(pd.DataFrame({"value": np.array(values), "other": "x"})))
    assert [float(row[0]).hex() for row in rows[1:]] == [value.hex() for value in values]


def test_counts_with_gaps_stay_whole_numbers() -> None:
    frame = pd.DataFrame({"epochs": [5, math.nan], "val/loss": [1.0, math.nan]})
    assert csv_table(frame) == "epochs,val/loss\n5,1.0\n,\n"


def test_what_won_is_bold_in_markdown_and_latex_and_nothing_else_is() -> None:
    table = Table("t", ["a", "b"], [["*x*", Won("0.9 ± 0.1")], ["y", "0.8"]], 1, [])
    assert "| \\*x\\*" in markdown_table(table)
    assert "**0.9 ± 0.1** |" in markdown_table(table)
    assert markdown_table(table).count("**") == 2
    assert "y & 0.8 \\\\" in latex_table(table, label="t")
    assert latex_table(table, label="t").count("\\textbf{0.9 $\\pm$ 0.1}") == 1
