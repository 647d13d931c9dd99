"""Reports of the records in `tests/golden/outputs` as text: made afresh, and as somebody has read them.

    python tests/report/golden.py

renews those in `tests/golden/reports`. Read what it prints, and the difference, before you keep it.
"""

import csv
import difflib
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import types
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
KEPT = GOLDEN / "reports"
SWEEPS = ("digits", "digits-confirm")
RENEW = "make golden"

_TEXTS = (".csv", ".md", ".tex")
_ROUNDED = (".md", ".tex", "terminal.txt")  # of these every character counts, in the others numbers are compared
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
_MAX_LINES = 80
_WIDTH = 300


def make_reports(place: Path) -> dict[str, str]:
    """Every report of a copy of the records, by `sweep/file`; the figures stay in `place`."""
    shutil.copytree(GOLDEN / "outputs", place / "outputs")
    return {f"{sweep}/{name}": text for sweep in SWEEPS for name, text in _reports_of(sweep, place)}


def read_kept() -> dict[str, str]:
    """The reports that are checked in, by `sweep/file`."""
    paths = sorted(path for path in KEPT.rglob("*") if path.is_file())
    return {path.relative_to(KEPT).as_posix(): _text(path) for path in paths}


def renew() -> None:
    """Write the reports as they are now over those that are checked in, and print what changes."""
    kept = read_kept()
    with tempfile.TemporaryDirectory() as place:
        made = make_reports(Path(place))
    changed = {name: difference(name, kept.get(name, ""), made.get(name, "")) for name in sorted({*kept, *made})}
    changed = {name: words for name, words in changed.items() if words}
    for name, words in changed.items():
        path = KEPT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink() if name not in made else path.write_text(made[name], encoding="utf-8", newline="")
        print(words)
    print(f"{len(made)} reports, {len(changed)} renewed" + (": read them" if changed else ""))


def difference(name: str, kept: str, made: str) -> str:
    """What a report says otherwise than before, as a diff; nothing if it says the same."""
    old, new = _lines(name, kept), _lines(name, made)
    if len(old) == len(new) and not name.endswith(_ROUNDED):
        new = [before if _is_close(before, now) else now for before, now in zip(old, new, strict=True)]
    diff = [
        line[:_WIDTH] for line in difflib.unified_diff(old, new, f"{name} as read", f"{name} now", lineterm="", n=1)
    ]
    more = [f"… {len(diff) - _MAX_LINES} lines more"] if len(diff) > _MAX_LINES else []
    return "\n".join([*diff[:_MAX_LINES], *more])


def _reports_of(sweep: str, place: Path) -> Iterator[tuple[str, str]]:
    yield "terminal.txt", _printed(sweep, place)
    folder = place / "outputs" / "sweeps" / sweep
    for path in sorted(folder.rglob("*")):
        if path.suffix in _TEXTS:
            yield path.relative_to(folder).as_posix(), _text(path)
    reader = _PageText()
    reader.feed(_text(folder / "report.html"))
    reader.close()
    yield "page.txt", "".join(f"{line}\n" for line in reader.lines)


def _printed(sweep: str, place: Path) -> str:
    # rich asks these how wide a terminal is and what it can show
    asked = ("COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "TERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
    environment = {name: value for name, value in os.environ.items() if name not in asked}
    done = subprocess.run(
        [sys.executable, "-m", "sweeplab", "report", f"outputs/sweeps/{sweep}"],
        cwd=place,
        env={**environment, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr, done.stderr
    return done.stdout


def _text(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()


def _lines(name: str, text: str) -> list[str]:
    """Lines that can be told apart: of a table of numbers one for every place in it."""
    if not name.endswith(".csv"):
        return text.splitlines()
    rows = csv.DictReader(text.splitlines())
    return [f"row {number}, {column}: {value}" for number, row in enumerate(rows) for column, value in row.items()]


def _is_close(kept: str, made: str) -> bool:
    if _NUMBER.split(kept) != _NUMBER.split(made):
        return False
    pairs = zip(_NUMBER.findall(kept), _NUMBER.findall(made), strict=True)
    return all(math.isclose(float(one), float(other), rel_tol=1e-9, abs_tol=1e-12) for one, other in pairs)


class _PageText(HTMLParser):
    """What the page says, a line each: headings, sentences, rows of tables, points of charts; no style, no code."""

    _STARTS = types.MappingProxyType({"h1": "# ", "h2": "## ", "h3": "### ", "figcaption": "### ", "li": "- "})
    _BLOCKS = (*_STARTS, "title", "div", "p", "tr", "summary", "pre")
    _BETWEEN = types.MappingProxyType({"td": " | ", "th": " | ", "dd": ": "})
    _BOLD = types.MappingProxyType({"strong": "**", "b": "**"})
    _SILENT = ("script", "style", "noscript", "caption", "button", "label")
    _SHOWN = ("name", "x", "y", "z", "text", "customdata")

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._said, self._start, self._figure = "", "", ""
        self._is_silent = self._is_chart = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self._is_chart = known.get("type") == "application/json"
        self._is_silent = tag in self._SILENT
        if tag in self._BLOCKS:
            self._end_line()
            self._start = self._STARTS.get(tag, "")
        elif self._said.strip():
            self._said += self._BETWEEN.get(tag, "")
        marks = [f"{word}: " for word in (known.get("class") or "").split() if word != "number"]
        if tag == "tr":
            self._start = "".join(marks)
        elif tag in ("th", "td"):
            self._said += "".join(marks)
        self._said += self._BOLD.get(tag, "")

    def handle_endtag(self, tag: str) -> None:
        if self._figure:
            self.lines += [line for trace in json.loads(self._figure)["data"] for line in self._trace(trace)]
        self._figure = ""
        self._is_silent = self._is_chart = False
        self._said += self._BOLD.get(tag, "")
        if tag == "pre":
            self.lines += self._said.splitlines()
            self._said = ""
        elif tag in self._BLOCKS:
            self._end_line()

    def handle_data(self, data: str) -> None:
        if self._is_chart:
            self._figure += data
        elif not self._is_silent:
            self._said += data

    def _end_line(self) -> None:
        said = " ".join(self._said.split())
        self.lines += [self._start + said] if said else []
        self._said = self._start = ""

    def _trace(self, trace: dict[str, Any]) -> Iterator[str]:
        """Points on a line, a matrix row by row."""
        shown = {key: _shortened(trace[key]) for key in self._SHOWN if trace.get(key) is not None}
        rows = {key: shown.pop(key) for key in ("z", "text") if isinstance(shown.get(key), list)}
        yield f"{trace['type']} {json.dumps(shown, ensure_ascii=False)}"
        yield from (f"  {key}: {json.dumps(row, ensure_ascii=False)}" for key, table in rows.items() for row in table)


def _shortened(value: Any) -> Any:
    """Numbers to as many digits as one can compare by eye."""
    if isinstance(value, list):
        return [_shortened(below) for below in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


if __name__ == "__main__":
    renew()
