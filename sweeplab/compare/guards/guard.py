"""What a guard says, and how several that say the same are said once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

Level = Literal["info", "warning", "error"]
TableName = Literal["settings", "choice", "pairs", "workloads", "curves", "time", "published"]
TABLES: tuple[TableName, ...] = get_args(TableName)
NUM_NAMED = 3  # names that stand before "and more"


@dataclass(frozen=True)
class Remark:
    """What a guard has to say of one table.

    `guard`: its id, such as `G3`. `table`: the one below which it belongs. `words`: plain text in which names of axes
    and values are as the user gave them. `cells`: ids of the cells it is about, none where it is about all. `subject`:
    the setting or workload it is about; `look` puts it before the words.
    """

    guard: str
    level: Level
    table: TableName
    words: str
    cells: tuple[str, ...] = ()
    subject: str = ""


def said_once(remarks: Iterable[Remark]) -> list[Remark]:
    """Remarks that differ only in what they are about become one that names the first few of them."""
    groups: dict[Remark, list[Remark]] = {}
    for remark in remarks:
        groups.setdefault(replace(remark, cells=(), subject=""), []).append(remark)
    return [_merged(common, group) for common, group in groups.items()]


def listed(names: Iterable[str], at_most: int = NUM_NAMED) -> str:
    """Distinct names in their order: `a, b, c and 4 more`."""
    distinct = list(dict.fromkeys(names))
    more = len(distinct) - at_most
    return ", ".join(distinct) if more <= 0 else f"{', '.join(distinct[:at_most])} and {more} more"


def _merged(common: Remark, group: Sequence[Remark]) -> Remark:
    cells = tuple(dict.fromkeys(cell for remark in group for cell in remark.cells))
    subjects = listed(remark.subject for remark in group if remark.subject)
    return replace(common, words=f"{subjects}: {common.words}" if subjects else common.words, cells=cells)
