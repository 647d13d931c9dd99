"""`sweeplab serve`: the page and its figures, on this machine alone, fresh while the sweep runs."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sweeplab import record
from sweeplab.launch.interrupts import Interrupts
from sweeplab.sweep import read_sweep, write_sweep
from sweeplab.verbs import serve


@pytest.fixture
def folder(tmp_path):
    """A sweep's folder with a page, figures, and things that are nobody's business."""
    place = tmp_path / "sweeps" / "mine"
    (place / "figures").mkdir(parents=True)
    (place / "report.html").write_text("<p>the page</p>")
    (place / "figures" / "curve 1.png").write_bytes(b"\x89PNG picture")
    (place / "figures" / "notes.txt").write_text("secret")
    (place / "figures" / "link.png").symlink_to(place / "cells.csv")
    (place / "cells.csv").write_text("secret")
    (tmp_path / "secret.png").write_text("secret")
    return place


@pytest.fixture
def server(folder):
    with serve.serving(folder, port=0, every_s=2) as server:
        yield server


def ask(server, path, method="GET", **headers):
    """One request, its path sent as it is."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.headers


@pytest.mark.parametrize("path", ["/", "/report.html", "/?x=1"])
def test_the_page_is_there(server, path):
    status, body, headers = ask(server, path)

    assert (status, body) == (200, b"<p>the page</p>")
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"


def test_figures_are_there(server):
    status, body, headers = ask(server, "/figures/curve%201.png")

    assert (status, body, headers["Content-Type"]) == (200, b"\x89PNG picture", "image/png")
    assert headers["Refresh"] is None


@pytest.mark.parametrize(
    "path",
    [
        "/figures/",
        "/figures",
        "/figures/notes.txt",
        "/figures/link.png",
        "/cells.csv",
        "/figures/../cells.csv",
        "/../secret.png",
        "/figures/../../../secret.png",
        "/figures/..%2f..%2f..%2fsecret.png",
        "/figures/%2e%2e/%2e%2e/%2e%2e/secret.png",
        "//etc/passwd",
        "/figures/%00",
        "/figures/..\\..\\secret.png",
        "/sweep.json",
    ],
)
def test_nothing_else_is_given_out(server, path):
    status, body, _ = ask(server, path)

    assert (status, body) == (404, b"")


def test_other_methods_change_nothing(server, folder):
    before = sorted(folder.rglob("*"))
    assert {ask(server, "/report.html", method)[0] for method in ("POST", "PUT", "DELETE")} == {501}
    assert ask(server, "/report.html", "HEAD")[:2] == (200, b"")
    assert sorted(folder.rglob("*")) == before


def test_pages_from_elsewhere_cannot_read_it(server):
    """A name of theirs that they let point to this machine is not this machine's name."""
    assert ask(server, "/", Host=f"evil.example:{server.server_port}")[:2] == (403, b"")
    assert ask(server, "/", Host=f"localhost:{server.server_port}")[0] == 200


def test_it_listens_on_loopback_alone(server):
    assert server.server_address[0] == "127.0.0.1"
    outside = socket.gethostbyname(socket.gethostname())
    if not outside.startswith("127."):
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((outside, server.server_port), 2)


def test_browsers_look_again_as_long_as_the_sweep_runs(server):
    assert ask(server, "/")[2]["Refresh"] == "2"
    server.is_running = False
    assert ask(server, "/")[2]["Refresh"] is None


def test_before_the_first_page_there_is_one_that_waits(server, folder):
    (folder / "report.html").unlink()
    status, body, headers = ask(server, "/")

    assert (status, headers["Refresh"]) == (200, "2")
    assert b"not there yet" in body


def test_a_new_evaluation_or_result_is_a_change(hand_plan):
    plan = hand_plan({"lr": 1}, {"lr": 2})
    sweep = write_sweep(plan, command=[], code={})
    first = serve.changes(sweep)
    assert serve.changes(read_sweep(sweep.folder.path)) == first
    record.append_metrics(sweep.cell_folder(plan.cells[1].id), {"epoch": 1, "val/loss": 1.0})
    second = serve.changes(sweep)
    record.write_result(sweep.cell_folder(plan.cells[1].id), record.blank_result(plan.cells[1]))

    assert first != second != serve.changes(sweep)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_first_signal_is_taken_down_and_a_second_interrupts(number):
    """Whatever goes on meanwhile can lose no first one."""
    before = signal.getsignal(number)
    with Interrupts(again=signal.default_int_handler) as interrupts:
        signal.raise_signal(number)
        assert interrupts.count == 1
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert signal.getsignal(number) is before


@pytest.mark.slow
@pytest.mark.xdist_group("verbs")
@pytest.mark.timeout(240)
def test_it_says_where_makes_the_report_anew_and_ends_by_ctrl_c(hand_plan, finish, tmp_path):
    plan = hand_plan({"lr": 1.0}, {"lr": 2.0})
    sweep = write_sweep(plan, command=[], code={})
    finish(tmp_path, plan.cells[0], metrics={"val/accuracy": 0.5, "test/accuracy": 0.5})
    line = [sys.executable, "-m", "sweeplab", "serve", str(sweep.folder.path), "--every", "0.2"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    try:
        first = process.stdout.readline()
        assert re.fullmatch(r"mine: http://127\.0\.0\.1:\d+/ \(Ctrl-C ends it\)\n", first), first
        table = sweep.folder.path / "comparison.csv"
        assert wait_for(lambda: table.exists() and "0.5" in table.read_text())
        finish(tmp_path, plan.cells[1], metrics={"val/accuracy": 0.75, "test/accuracy": 0.75})
        assert wait_for(lambda: "0.75" in table.read_text())
        process.send_signal(signal.SIGINT)  # while the figures are drawn
        assert process.wait(timeout=100) == 0
        assert "Traceback" not in process.stdout.read()
    finally:
        process.kill()


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False
