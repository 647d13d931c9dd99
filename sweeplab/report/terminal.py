"""A comparison on the terminal, cut to its width; says whatever it leaves out and where to find it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from sweeplab.compare import Comparison
from sweeplab.compare.settings import positions
from sweeplab.report.table import NOTES_TITLE, Table, choice_table, pivot_table, settings_table
from sweeplab.report.won import Won
from sweeplab.report.words import encodable, plain_text

MAX_ROWS = 40
MAX_BLOCKS = 3  # of one pivot that is wider than the terminal
_GAP = 3  # between two columns


def show(
    console: Console,
    comparison: Comparison,
    published: Sequence[Table],
    notes: Sequence[str],
    folder: Path,
    declared: Sequence[Table] = (),
    edges: Sequence[str] = (),
) -> None:
    """Prints settings by metrics, what validation chose, test accuracy over two axes, what was declared and published.

    Args:
        console: a terminal or not; its width decides how many columns are shown.
        comparison: what to show.
        published: tables of published figures and orderings.
        notes: on the whole sweep, in words.
        folder: of the sweep; named because whatever is left out is there.
        declared: tables that somebody asked for.
        edges: notes on the choice, to stand below it.
    """
    for table in _tables(comparison, edges, console.width):
        _print(console, table)
    for table in declared:
        show_table(console, table)
    for table in published:
        _print(console, _cut(table))
    if notes:
        _say(console, NOTES_TITLE, "bold")
        for note in notes:
            _say(console, plain_text(note), "")
        console.print()
    console.print(
        _text(console, f"Tables: {folder}/comparison.csv, .md, .tex · cells: {folder}/cells.csv"), soft_wrap=True
    )


def show_table(console: Console, table: Table) -> None:
    """Prints one table, cut to the height of the others and broken to the width of the console."""
    cut = _cut(table)
    *first, last = _blocks(replace(cut, notes=[]), console.width)
    for block in first:
        _print(console, block)
    _print(console, replace(last, notes=[*cut.notes, *last.notes]))


def _tables(comparison: Comparison, edges: Sequence[str], width: int) -> Iterator[Table]:
    axes = comparison.varying or comparison.axes
    settings = settings_table(comparison, axes, comparison.metrics)
    yield _narrowed(_shortened(settings, comparison, comparison.axes), len(axes) + 2, width)
    if comparison.over:
        shown = [metric for metric in comparison.metrics if metric == comparison.monitor or metric.startswith("test/")]
        groups = [axis for axis in comparison.axes if axis not in comparison.over]
        choice = choice_table(comparison, axes, shown)
        choice = replace(choice, notes=[*choice.notes, *edges])
        yield _narrowed(_shortened(choice, comparison, groups), len(axes) + 2, width)
    if len(comparison.varying) > 1 and comparison.settings["n"].any():
        yield from _pivots(comparison, width)


def _pivots(comparison: Comparison, width: int) -> Iterator[Table]:
    columns = next(iter(comparison.over), comparison.varying[-1])
    rows = [axis for axis in comparison.varying if axis != columns]
    twin = f"test/{comparison.monitor.partition('/')[2]}"
    metric = next(name for name in ("test/accuracy", twin, comparison.monitor) if name in comparison.metrics)
    table = pivot_table(comparison, rows, columns, metric)
    if len(table.rows) == len(comparison.settings):
        return  # one value a row: a list of cases, which the table of settings shows better
    yield from _blocks(_shortened(table, comparison, rows), width)


def _shortened(table: Table, comparison: Comparison, keys: Sequence[str]) -> Table:
    """All rows as they stand if they are few, else those with the best settings; `keys` tell rows apart."""
    left_out = len(table.rows) - MAX_ROWS
    if left_out <= 0:
        return table
    row_of = positions(comparison.settings, keys).tolist()
    best_first = list(dict.fromkeys(row_of[setting] for setting in comparison.ranks()))
    note = f"The best {MAX_ROWS} by {comparison.monitor} are shown, {left_out} more are in comparison.csv."
    return replace(table, rows=[table.rows[row] for row in best_first[:MAX_ROWS]], notes=[note, *table.notes])


def _cut(table: Table) -> Table:
    left_out = len(table.rows) - MAX_ROWS
    if left_out <= 0:
        return table
    return replace(table, rows=table.rows[:MAX_ROWS], notes=[f"{left_out} more are in comparison.md.", *table.notes])


def _narrowed(table: Table, least: int, width: int) -> Table:
    """As many columns from the left as fit, at least `least`."""
    fitting = max(least, _num_fitting(_widths(table), width))
    left_out = ", ".join(table.header[fitting:])
    notes = [f"Too narrow for {left_out}: see comparison.csv."] if left_out else []
    rows = [row[:fitting] for row in table.rows]
    return replace(table, header=table.header[:fitting], rows=rows, notes=[*table.notes, *notes])


def _blocks(table: Table, width: int) -> Iterator[Table]:
    """The same rows again for every group of columns that fits beside their names."""
    widths = _widths(table)
    rest = list(range(table.keys, len(table.header)))
    for block in range(MAX_BLOCKS):
        columns = [*range(table.keys), *rest]
        num = max(table.keys + 1, _num_fitting([widths[column] for column in columns], width))
        rest = columns[num:]
        header, *rows = [[row[column] for column in columns[:num]] for row in [table.header, *table.rows]]
        if not rest:
            yield replace(table, header=header, rows=rows)
            return
        notes = [f"{len(rest)} more columns are in comparison.csv."] if block == MAX_BLOCKS - 1 else []
        yield replace(table, header=header, rows=rows, notes=notes)


def _widths(table: Table) -> list[int]:
    return [max(map(cell_len, column)) for column in zip(table.header, *table.rows, strict=True)]


def _num_fitting(widths: list[int], width: int) -> int:
    return sum(sum(widths[:num]) + _GAP * (num - 1) <= width for num in range(1, len(widths) + 1))


def _print(console: Console, table: Table) -> None:
    _say(console, table.title, "bold")
    grid = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for position, name in enumerate(table.header):
        is_name = position < table.keys
        grid.add_column(_text(console, name), justify="left" if is_name else "right", overflow="fold")
    for row in table.rows:
        grid.add_row(*(_text(console, cell, "bold" if isinstance(cell, Won) else "") for cell in row))
    console.print(grid)
    for note in table.notes:
        _say(console, note, "dim")
    console.print()


def _say(console: Console, text: str, style: str) -> None:
    console.print(_text(console, text, style))


def _text(console: Console, text: str, style: str = "") -> Text:
    # a Text is never read as rich's markup
    return Text(encodable(text, console.encoding), style=style)
