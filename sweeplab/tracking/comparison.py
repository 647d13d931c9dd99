"""A sweep's comparison in a W&B run: tables, figures and the page. A part that fails costs only itself."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

from sweeplab.secrets import scrub
from sweeplab.tracking.table import extremes, to_wandb

if TYPE_CHECKING:
    import pandas as pd
    import wandb

_LARGEST_PAGE = 25_000_000  # bytes; the most that W&B wants in one call of `log` (docs.wandb.ai/models/track/limits)
_LONGEST_NAME = 64


def show(
    run: "wandb.Run", tables: "Mapping[str, pd.DataFrame]", figures: Sequence[Path], page: Path | None
) -> list[str]:
    """Log all parts as one line of the run's history, and return what was left out, each with its reason.

    Args:
        tables: become `tables/<name>`; the numbers of the first are summed up in the run's summary.
        figures: become `figures/<stem>`; PNG files only, others are passed over.
        page: becomes `report`, and `report.html` among the run's files.
    """
    makers: dict[str, Callable[[], Any]] = {}
    for name, table in tables.items():
        makers[f"tables/{_plain(name)}"] = partial(to_wandb, table)
    for figure in figures:
        if figure.suffix == ".png":
            makers[f"figures/{_plain(figure.stem)}"] = partial(_image, figure)
    if page is not None:
        makers["report"] = partial(_page, run, page)
    parts, left_out = _made(makers)
    with _staging_in(Path(run.dir).parent):
        # Where the server holds an earlier comparison, this one is added to its history: a step that goes back is lost.
        run.log(parts, step=int(time()))
    if tables:
        run.summary.update(extremes(next(iter(tables.values()))))
    return left_out


def _made(makers: Mapping[str, Callable[[], Any]]) -> tuple[dict[str, Any], list[str]]:
    parts, left_out = {}, []
    for key, make in makers.items():
        try:
            parts[key] = make()
        except Exception as error:
            left_out.append(f"{key} ({scrub(' '.join(str(error).split()))})")
    return parts, left_out


def _image(figure: Path) -> "wandb.Image":
    import wandb

    return wandb.Image(str(figure))


def _page(run: "wandb.Run", page: Path) -> "wandb.Html":
    """The page as it is: W&B's own style sheet comes from outside, and the page's policy would refuse it."""
    import wandb

    if page.stat().st_size > _LARGEST_PAGE:
        raise ValueError(f"{page.stat().st_size / 1e6:.3g} MB, W&B takes {_LARGEST_PAGE / 1e6:.3g} MB")
    text = scrub(page.read_text(encoding="utf-8"))
    copy = Path(run.dir) / page.name
    copy.write_text(text, encoding="utf-8")
    run.save(copy, base_path=run.dir, policy="now", glob=False)
    return wandb.Html(text, inject=False, data_is_not_path=True)


def _plain(name: str) -> str:
    """A name that W&B takes for a key, and a file system for a file."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name)[:_LONGEST_NAME]


@contextmanager
def _staging_in(folder: Path) -> Iterator[None]:
    """A table is an artifact, whose file waits in the user's home until it is uploaded: here it waits with its run."""
    before = os.environ.get("WANDB_DATA_DIR")
    os.environ["WANDB_DATA_DIR"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["WANDB_DATA_DIR"]
        else:
            os.environ["WANDB_DATA_DIR"] = before
