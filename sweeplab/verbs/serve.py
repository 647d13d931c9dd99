"""`sweeplab serve`: a sweep's report at an address of this machine alone, made anew while the sweep runs.

Gives out the page and its figures and nothing else, to nobody but this machine's own browsers.
"""

import argparse
import contextlib
import io
import signal
import threading
import time
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from rich.console import Console

from sweeplab.cli import make_console
from sweeplab.errors import SweeplabError
from sweeplab.launch.conduct import report, say
from sweeplab.launch.interrupts import Interrupts
from sweeplab.sweep import Sweep, find_sweep, read_sweep

_HOST = "127.0.0.1"
_PAGE = "report.html"
_TICK_S = 0.2
_TYPES = {".png": "image/png", ".svg": "image/svg+xml", ".pdf": "application/pdf"}
_TO_COME = b"<!doctype html><title>sweeplab</title><p>The report is not there yet; this page looks again by itself."
_HTML = "text/html; charset=utf-8"


def run(arguments: list[str]) -> int:
    """Serve a sweep's report until Ctrl-C, which is how it ends well."""
    parser = argparse.ArgumentParser(prog="python -m sweeplab serve", description=__doc__)
    parser.add_argument("folder", nargs="?", help="folder or name of the sweep (default: the latest)")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: any that is free)")
    parser.add_argument("--every", type=float, default=5.0, metavar="SECONDS", help="how often to look (default: 5)")
    parser.add_argument("--output-dir", default="outputs", help="where sweeps are looked for by name")
    asked = parser.parse_args(arguments)
    sweep, console = find_sweep(asked.folder, asked.output_dir), make_console()
    with (
        contextlib.suppress(KeyboardInterrupt),
        serving(sweep.folder.path, port=asked.port, every_s=asked.every) as server,
        Interrupts(again=signal.default_int_handler) as interrupts,
    ):
        say(console, f"{sweep.name}: {server.url} (Ctrl-C ends it)")
        _watch(server, asked.every, console, interrupts)
    return 0


def refresh(folder: Path) -> None:
    """Make a sweep's tables, figures and page anew from its records.

    Raises:
        SweeplabError: there is nothing to compare, or no such metric to choose by.
    """
    report(read_sweep(folder), Console(file=io.StringIO()), with_figures=True)


class ReportServer(ThreadingHTTPServer):
    """The page and the figures of one sweep; `is_running` makes browsers look again every `every_s` seconds."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int, every_s: float) -> None:
        super().__init__((_HOST, port), _Handler)
        self.folder = folder
        self.every_s = every_s
        self.is_running = True

    @property
    def url(self) -> str:
        """Where browsers find the page."""
        return f"http://{_HOST}:{self.server_port}/"

    def find(self, path: str) -> tuple[bytes, str] | None:
        """Content and type of what a browser may have under this path, which never becomes a path of the disk."""
        if path in ("/", f"/{_PAGE}"):
            page = self.folder / _PAGE
            return (page.read_bytes() if page.is_file() else _TO_COME), _HTML
        figures = (self.folder / "figures").glob("*")
        known = {f"/figures/{file.name}": file for file in figures if file.is_file() and not file.is_symlink()}
        file = known.get(path)
        return (file.read_bytes(), _TYPES[file.suffix]) if file and file.suffix in _TYPES else None


class _Handler(BaseHTTPRequestHandler):
    server: ReportServer
    server_version = "sweeplab"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer with the page, a figure or 404."""
        if self.headers.get("Host", "") not in self._hosts():
            # a page from elsewhere whose name was made to mean this machine
            self._answer(HTTPStatus.FORBIDDEN, b"", _HTML)
            return
        found = self.server.find(unquote(urlsplit(self.path).path))
        if found is None:
            self._answer(HTTPStatus.NOT_FOUND, b"", _HTML)
        else:
            self._answer(HTTPStatus.OK, *found)

    do_HEAD = do_GET  # noqa: N815 (http.server's name)

    def _hosts(self) -> set[str]:
        return {f"{name}:{self.server.server_port}" for name in (_HOST, "localhost")}

    def _answer(self, status: HTTPStatus, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        if self.server.is_running and kind == _HTML:
            self.send_header("Refresh", f"{max(1, round(self.server.every_s))}")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
        """Say nothing: the terminal is for what goes wrong."""


@contextlib.contextmanager
def serving(folder: Path, *, port: int, every_s: float) -> Iterator[ReportServer]:
    """A server in a thread of its own; gone when the block ends."""
    server = ReportServer(folder, port, every_s)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def _watch(server: ReportServer, every_s: float, console: Console, interrupts: Interrupts) -> None:
    """Make the report anew whenever the records have changed, until told to stop."""
    seen: list[float] | None = None
    while interrupts.count == 0:
        sweep = read_sweep(server.folder)
        marks = changes(sweep)
        is_running = not all(sweep.cell_folder(cell_id).result.exists() for cell_id, _ in sweep.cells)
        if marks != seen:
            try:
                refresh(server.folder)
            except SweeplabError as error:
                say(console, f"no report: {error}")
            seen = marks
        # only now: browsers look again until they have the last page
        server.is_running = is_running
        look_again_s = time.monotonic() + every_s
        while interrupts.count == 0 and time.monotonic() < look_again_s:
            time.sleep(min(every_s, _TICK_S))


def changes(sweep: Sweep) -> list[float]:
    """When the plan and each cell's record were last written: equal as long as nothing has changed."""
    cells = [sweep.cell_folder(cell_id) for cell_id, _ in sweep.cells]
    records = [path for cell in cells for path in (cell.metrics, cell.result)]
    return [_written_s(path) for path in [sweep.folder.plan, *records]]


def _written_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
