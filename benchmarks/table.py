"""What a benchmark gives: a table with the commands behind it, as Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Table:
    """Rows of text under a header; `commands` made them, `notes` say how to read them."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    commands: Sequence[str] = ()
    notes: Sequence[str] = field(default_factory=list)

    def to_markdown(self) -> str:
        """Title, commands, the table with its columns aligned, notes."""
        parts = [f"## {self.title}"]
        if self.commands:
            parts.append("\n".join(["```", *self.commands, "```"]))
        parts.append(_aligned([self.header, *self.rows]))
        parts += [f"{note}" for note in self.notes]
        return "\n\n".join(parts) + "\n"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [f"| {' | '.join(text.ljust(width) for text, width in zip(row, widths, strict=True))} |" for row in rows]
    rule = f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    return "\n".join([lines[0], rule, *lines[1:]])


def at_least(value: float, goal: float, unit: str = " x") -> str:
    """A goal from below and whether it is reached."""
    return f"≥ {goal:g}{unit}: {'reached' if value >= goal else 'missed'}"


def at_most(value: float, goal: float, unit: str) -> str:
    """A goal from above and whether it is reached."""
    return f"≤ {goal:g}{unit}: {'reached' if value <= goal else 'missed'}"
