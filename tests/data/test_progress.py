import io

import pytest

from sweeplab.data.progress import counting, showing


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_one_plain_line_where_nobody_watches(capfd, tmp_path):
    with showing("reading the data", folder=tmp_path):
        pass
    assert capfd.readouterr() == ("", "reading the data\n")


def test_bar_with_size_on_a_terminal_that_clears_itself(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    (tmp_path / "half.gz").write_bytes(bytes(1500))
    with showing("downloading", folder=tmp_path):
        pass
    assert "downloading" in terminal.getvalue()
    assert "1.5 kB" in terminal.getvalue()
    assert terminal.getvalue().endswith("\x1b[2K")
    assert capsys.readouterr().out == ""


def test_bar_goes_away_when_the_work_fails(tmp_path, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    with pytest.raises(KeyboardInterrupt), showing("downloading", folder=tmp_path / "not there yet"):
        raise KeyboardInterrupt
    assert terminal.getvalue().endswith("\x1b[2K")


def test_count_of_things_done_on_a_terminal(tmp_path, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    with showing("reading", folder=tmp_path), counting(2000, "images") as count:
        for _ in range(1500):
            count()
    assert "images" in terminal.getvalue()
    assert "1,500/2,000" in terminal.getvalue()


def test_count_says_nothing_where_nobody_watches(capfd, tmp_path):
    with showing("reading", folder=tmp_path), counting(2, "images") as count:
        count()
    with counting(2, "images") as count:
        count()
    assert capfd.readouterr() == ("", "reading\n")
