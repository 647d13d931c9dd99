"""What is bold in tables: places that won, and nothing else."""

from collections.abc import Sequence


class Won(str):
    """Text of a place that won, which is bold wherever it is shown; work on it that makes new text loses the mark."""

    __slots__ = ()
    is_won = True


def won_notes(rows: Sequence[Sequence[str]], beside: str = "on the same data") -> list[str]:
    """What bold means, where anything is bold."""
    if not any(isinstance(cell, Won) for row in rows for cell in row):
        return []
    return [f"Bold: better than every other chosen setting {beside}, by the verdicts on pairs."]
