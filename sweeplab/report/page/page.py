"""A page as data, and the file made of it; every word in it is text from elsewhere until the template escapes it."""

import base64
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from sweeplab import record
from sweeplab.records import Failure
from sweeplab.report.page.rows import body_of
from sweeplab.report.table import Table

COMMAND = "Command"  # the fact that says how to reproduce the sweep
MAX_FAILURES = 200
_UNFOLDED = 20  # failures that stand open


@dataclass(frozen=True)
class Chart:
    """An interactive chart; `figure` is plotly's JSON: `data` and `layout`, without any colour of a theme.

    plotly reads a little HTML in its texts: names from elsewhere go through `charts.parts.chart_text` first.
    `layout.meta.log` names the axes, `x` or `y`, that get a button for a logarithmic scale.
    """

    id: str
    title: str
    figure: dict[str, Any]
    notes: list[str]


@dataclass(frozen=True)
class Section:
    """A part of the page under a heading of its own: notes, tables, charts, in this order."""

    id: str
    title: str
    notes: list[str]
    tables: list[Table]
    charts: list[Chart]


@dataclass(frozen=True)
class Page:
    """Everything the page says.

    `headline`: sentences, the verdict first. `facts`: name and text, in order; a text of several lines is folded away,
    the fact named `COMMAND` says how to reproduce the sweep. `failures`: cells that ended without a result.
    """

    title: str
    headline: list[str]
    sections: list[Section]
    facts: list[tuple[str, str]]
    failures: list[Failure]


def write_page(path: Path, page: Page) -> None:
    """Writes the page; whole or not there, whenever one looks."""
    record.write_text(path, page_text(page), durable=False)


def page_text(page: Page) -> str:
    """The page as HTML."""
    charts = [chart for section in page.sections for chart in section.charts]
    scripts = [*([_plotly()] if charts else []), _own("script.js")]
    text: str = _template().render(
        page=page,
        max_failures=MAX_FAILURES,
        num_unfolded=_UNFOLDED,
        commands=[text for name, text in page.facts if name == COMMAND],
        facts=[(name, text) for name, text in page.facts if name != COMMAND],
        style=Markup(_own("style.css")),  # noqa: S704 (our own file)
        scripts=[Markup(script) for script in scripts],  # noqa: S704 (our own and plotly's)
        policy=_policy(scripts),
    )
    return text


def figure_json(figure: Mapping[str, Any]) -> Markup:
    """A figure as JSON that can stand inside a `script` element: what JSON lacks is null, no character starts a tag."""
    text = json.dumps(_plain(figure), allow_nan=False, separators=(",", ":"))
    return Markup(text.translate({ord(mark): f"\\u{ord(mark):04x}" for mark in "<>&"}))  # noqa: S704


def _policy(scripts: Sequence[str]) -> str:
    """What a browser may load: nothing from anywhere, and of scripts these alone."""
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    hashes = " ".join(f"'sha256-{digest}'" for digest in digests)
    # plotly writes rules of style while it draws, and saves its images as data
    loads = f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:"
    return f"{loads}; base-uri 'none'; form-action 'none'"


def _plain(value: Any) -> Any:
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(below) for key, below in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(below) for below in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@cache
def _template() -> Any:
    loader = PackageLoader("sweeplab.report.page", ".")
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"figure_json": figure_json, "body": body_of}
    return environment.get_template("page.html.jinja")


def _own(name: str) -> str:
    return files("sweeplab.report.page").joinpath(name).read_text(encoding="utf-8")


@cache
def _plotly() -> str:
    """plotly.js as its Python package carries it, found without importing that package."""
    path = distribution("plotly").locate_file("plotly/package_data/plotly.min.js")
    return Path(str(path)).read_text(encoding="utf-8")
