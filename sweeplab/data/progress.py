"""What is seen of long work: a bar on a terminal, one plain line elsewhere; always on stderr, where no table goes."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

_shown: ContextVar["Progress | None"] = ContextVar("_shown", default=None)


@contextmanager
def showing(text: str, *, folder: Path) -> Iterator[None]:
    """Show `text` while the block runs; on a terminal with the time it takes and the bytes that lie in `folder`."""
    if not sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)  # noqa: T201
        yield
        return
    # rich is not needed by a cell whose data is ready
    from rich.console import Console
    from rich.filesize import decimal
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
    from rich.text import Text

    class Size(ProgressColumn):
        def render(self, task: Task) -> Text:
            counted = task.total is not None
            return Text(f"{task.completed:,.0f}/{task.total:,.0f}" if counted else decimal(_num_bytes(folder)))

    columns = (TextColumn("{task.description}"), BarColumn(), Size(), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True, refresh_per_second=4) as progress:
        progress.add_task(text, total=None)
        token = _shown.set(progress)
        try:
            yield
        finally:
            _shown.reset(token)


@contextmanager
def counting(total: int, things: str) -> Iterator[Callable[[], None]]:
    """A second bar inside `showing`: gives a function to call once for each of `total` `things` that is done."""
    progress = _shown.get()
    if progress is None:
        yield lambda: None
        return
    task = progress.add_task(things, total=total)
    yield lambda: progress.advance(task)


def _num_bytes(folder: Path) -> int:
    total = 0
    for path in folder.glob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:  # renamed or removed meanwhile
            continue
    return total
