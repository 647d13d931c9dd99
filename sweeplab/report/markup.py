"""Tables as Markdown, LaTeX and CSV text; every name and value in them is text and can never be markup."""

import re
from collections.abc import Sequence

import pandas as pd

from sweeplab.report.table import Table
from sweeplab.report.won import Won

_MARKDOWN = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {mark: f"\\{mark}" for mark in "\\|`*[]~$"})
_LATEX = str.maketrans(
    {mark: f"\\{mark}" for mark in "_%&#${}"}
    | {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "`": r"\textasciigrave{}",
        "±": r"$\pm$",
        "—": "---",
        "\N{MINUS SIGN}": "$-$",
        # after the \\ that ends a row these two would be read as its arguments
        "[": "{[}",
        "*": "{*}",
    }
)
_COUNTS = ("best_epoch", "epochs", "steps", "peak_memory_bytes", "num_parameters")


def markdown_text(text: str) -> str:
    """One line of text that renders as itself in a GitHub table."""
    escaped = " ".join(text.split()).translate(_MARKDOWN)
    # inside a word an underscore is no emphasis
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", escaped)


def latex_text(text: str) -> str:
    """One line of text that typesets as itself."""
    return " ".join(text.split()).translate(_LATEX)


def csv_text(text: str) -> str:
    """Text that no spreadsheet takes for a formula: a leading = + - @ or ' gets an apostrophe in front."""
    # the csv writer leaves a lone carriage return unquoted, and readers end the row there
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if text[:1] in tuple("=+-@'\t\n") else text


def markdown_table(table: Table) -> str:
    """A table with its title as heading and its notes as list; columns line up in the source too."""
    header, *rows = [[_markdown_cell(cell) for cell in row] for row in [table.header, *table.rows]]
    widths = [max(3, *map(len, column)) for column in zip(header, *rows, strict=True)]
    marks = ["-" * width if i < table.keys else f"{'-' * (width - 1)}:" for i, width in enumerate(widths)]
    lines = [_markdown_row(row, widths, table.keys) for row in [header, marks, *rows]]
    notes = [f"- {markdown_text(note)}" for note in table.notes]
    return "\n".join([f"## {markdown_text(table.title)}", "", *lines, "", *notes, *[""] * bool(notes)])


def markdown_list(title: str, lines: Sequence[str]) -> str:
    """Lines under a heading."""
    return "\n".join([f"## {markdown_text(title)}", "", *(f"- {markdown_text(line)}" for line in lines), ""])


def latex_table(table: Table, *, label: str) -> str:
    """A `table` environment with booktabs rules, the title as caption and the notes below.

    Args:
        label: of the environment; whatever is neither letter, digit, dot nor hyphen becomes a hyphen.
    """
    header, *rows = [[_latex_cell(cell) for cell in row] for row in [table.header, *table.rows]]
    columns = "l" * table.keys + "r" * (len(header) - table.keys)
    preamble = ["% in the preamble: \\usepackage{booktabs}"]
    return latex_environment(table, preamble, columns, [header, *rows], table.notes, label=label)


def latex_environment(
    table: Table,
    preamble: Sequence[str],
    columns: str,
    rows: Sequence[Sequence[str]],
    notes: Sequence[str],
    *,
    label: str,
) -> str:
    """The environment around rows that are LaTeX already, the header first; caption and notes are still text."""
    header, *body = [" & ".join(row) for row in rows]
    told = [f"  {latex_text(note)}" for note in notes]
    return "\n".join(
        [
            *preamble,
            "\\begin{table}",
            "  \\centering",
            f"  \\caption{{{latex_text(table.title)}}}",
            f"  \\label{{tab:{re.sub(r'[^A-Za-z0-9.]+', '-', label)}}}",
            f"  \\begin{{tabular}}{{{columns}}}",
            "    \\toprule",
            f"    {header} \\\\",
            "    \\midrule",
            *(f"    {row} \\\\" for row in body),
            "    \\bottomrule",
            "  \\end{tabular}",
            *(["", "  \\smallskip", "  \\begin{minipage}{\\linewidth}\\footnotesize", *told, "  \\end{minipage}"]),
            "\\end{table}",
            "",
        ]
    )


def csv_table(frame: pd.DataFrame) -> str:
    """A frame as CSV: floats in the shortest form that reads back as the same number, text never a formula."""
    safe = frame.map(lambda value: csv_text(value) if isinstance(value, str) else value)
    # a count with gaps is a float to pandas
    counts = {name: "Int64" for name in _COUNTS if name in safe}
    safe = safe.astype(counts).rename(columns=csv_text)
    return safe.to_csv(index=False, lineterminator="\n")


def _markdown_cell(text: str) -> str:
    return f"**{markdown_text(text)}**" if isinstance(text, Won) else markdown_text(text)


def _latex_cell(text: str) -> str:
    return f"\\textbf{{{latex_text(text)}}}" if isinstance(text, Won) else latex_text(text)


def _markdown_row(row: list[str], widths: list[int], keys: int) -> str:
    padded = [
        cell.ljust(width) if i < keys else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"
