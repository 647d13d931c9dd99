"""The page in a real browser: nothing in its console, nothing asked for, tables and charts that do as they are told."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import PROGRAM, Tab, opened
from example_sweep import HOSTILE, hostile_page, make_page

from sweeplab.report.page import Page, Section, write_page
from sweeplab.report.table import Table

pytestmark = [pytest.mark.slow, pytest.mark.skipif(PROGRAM is None, reason="no chromium on this machine")]

NUMBERS = ["0.5 ± 0.1", "—", "1e-3", "diverged", "12", "\N{MINUS SIGN}2", "nan", "inf"]


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with opened(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(autouse=True)
def _nothing_remembered(tab: Tab) -> Iterator[None]:
    """All pages from disk share one storage."""
    yield
    tab.run("(() => { try { localStorage.clear() } catch {} })()")


def shown(tab: Tab, column: int, table: str = "#results-table-1") -> list[str]:
    script = f"[...document.querySelectorAll('{table} tbody tr:not([hidden])')].map(r => r.cells[{column}].textContent)"
    texts = tab.run(script)
    assert isinstance(texts, list)
    return texts


def click(tab: Tab, selector: str) -> None:
    tab.run(f"document.querySelector('{selector}').click()")


def type_in(tab: Tab, selector: str, text: str) -> None:
    tab.run(
        f"(f => {{ f.value = '{text}'; f.dispatchEvent(new Event('input')) }})(document.querySelector('{selector}'))"
    )


def tabled(folder: Path, rows: list[list[str]], header: list[str]) -> str:
    section = Section("results", "Results", [], [Table("Numbers", header, rows, 1, [])], [])
    write_page(folder / "report.html", Page("tables", [], [section], [], []))
    return (folder / "report.html").as_uri()


@pytest.mark.xdist_group("chromium")
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 375])
def test_hostile_page_draws_in_silence(tab: Tab, tmp_path: Path, width: int, theme: str) -> None:
    write_page(tmp_path / "report.html", hostile_page(tmp_path))
    url = (tmp_path / "report.html").as_uri()
    tab.open(url, width=width, theme=theme)
    assert tab.complaints() == []
    assert tab.requests() == [url]
    assert tab.run("window.pwned") is None
    assert tab.run("document.querySelectorAll('img, iframe, object, svg a').length") == 0
    assert tab.run("document.documentElement.scrollWidth <= innerWidth")
    assert tab.run("document.querySelectorAll('.chart svg.main-svg').length") > 8


@pytest.mark.xdist_group("chromium")
def test_names_read_in_the_legend_as_they_are(tab: Tab, tmp_path: Path) -> None:
    write_page(tmp_path / "report.html", hostile_page(tmp_path))
    tab.open((tmp_path / "report.html").as_uri())
    legend = tab.run("[...document.querySelectorAll('.legendtext')].map(t => t.textContent).join('\\n')")
    for name in HOSTILE:
        if len(name) < 35:
            assert name in legend


@pytest.mark.xdist_group("chromium")
def test_policy_stops_what_is_not_ours(tab: Tab, tmp_path: Path) -> None:
    tab.open(tabled(tmp_path, [["a"], ["b"]], ["name"]))
    tab.run("document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.pwned = 1'}))")
    tab.run("document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/x.png'}))")
    tab.run("fetch('http://127.0.0.1:9/').catch(() => 0)")
    assert tab.run("window.pwned") is None
    assert len([text for text in tab.complaints() if "Content Security Policy" in text]) >= 3


@pytest.mark.xdist_group("chromium")
def test_a_click_on_a_header_sorts_by_number_and_back(tab: Tab, tmp_path: Path) -> None:
    tab.open(tabled(tmp_path, [[f"row {place}", text] for place, text in enumerate(NUMBERS)], ["name", "value"]))
    assert shown(tab, 1) == NUMBERS
    header = "#results-table-1 th:nth-child(2)"
    click(tab, f"{header} button")
    up = ["\N{MINUS SIGN}2", "1e-3", "0.5 ± 0.1", "12", "inf"]
    assert shown(tab, 1)[:6] == [*up, "diverged"]
    assert set(shown(tab, 1)[6:]) == {"—", "nan"}
    assert tab.run(f"document.querySelector('{header}').ariaSort") == "ascending"
    click(tab, f"{header} button")
    assert shown(tab, 1)[:6] == [*up[::-1], "diverged"]
    assert set(shown(tab, 1)[6:]) == {"—", "nan"}
    assert tab.run(f"document.querySelector('{header}').ariaSort") == "descending"


@pytest.mark.xdist_group("chromium")
def test_headers_sort_by_keyboard(tab: Tab, tmp_path: Path) -> None:
    tab.open(tabled(tmp_path, [[name] for name in "bca"], ["name"]))
    tab.run("document.querySelector('th button').focus()")
    for kind in ("keyDown", "keyUp"):
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
        tab.call("Input.dispatchKeyEvent", type=kind, **key)
    assert shown(tab, 0) == ["a", "b", "c"]


@pytest.mark.xdist_group("chromium")
def test_filter_finds_words_in_any_column_beyond_what_is_shown(tab: Tab, tmp_path: Path) -> None:
    rows = [[f"name {number}", "Odd" if number % 2 else "even"] for number in range(300)]
    tab.open(tabled(tmp_path, rows, ["name", "kind"]))
    said = "document.querySelector('#results-table-1 output').textContent"
    assert len(shown(tab, 0)) == 50
    assert tab.run(said) == "50 shown · 300 rows"
    type_in(tab, "#results-table-1 input", "29 odd")
    assert shown(tab, 0) == ["name 29", "name 129", "name 229", *(f"name {number}" for number in range(291, 300, 2))]
    assert tab.run(said) == "8 found · 300 rows"
    type_in(tab, "#results-table-1 input", "nothing like it")
    assert shown(tab, 0) == []
    type_in(tab, "#results-table-1 input", "")
    click(tab, "#results-table-1 .tools button")
    assert len(shown(tab, 0)) == 300


@pytest.mark.xdist_group("chromium")
def test_scale_theme_and_legend_answer(tab: Tab, tmp_path: Path) -> None:
    write_page(tmp_path / "report.html", make_page(tmp_path, ["adam", "sgd"]))
    tab.open((tmp_path / "report.html").as_uri())
    chart = "document.querySelector('#learning_curves .chart')"
    click(tab, "#learning_curves .tools button:nth-child(2)")
    tab.wait(f"{chart}._fullLayout.yaxis.type === 'log'")
    click(tab, "#learning_curves .tools button:nth-child(2)")
    tab.wait(f"{chart}._fullLayout.yaxis.type === 'linear'")
    light = tab.run(f"{chart}._fullLayout.font.color")
    click(tab, "#theme")
    tab.wait(f"{chart}._fullLayout.font.color !== '{light}'")
    hidden = f"{chart}._fullData.filter(t => t.visible === 'legendonly').length"
    assert tab.run(hidden) == 0
    toggle = f"{chart}.querySelector('.legendtoggle').getBoundingClientRect()"
    box = tab.run(f"(b => [b.x + b.width / 2, b.y + b.height / 2])({toggle})")
    tab.run(f"scrollTo(0, {box[1] - 300})")
    for kind in ("mousePressed", "mouseReleased"):
        tab.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=300, button="left", clickCount=1)
    # line and band go together
    tab.wait(f"{hidden} === 2")
    assert tab.complaints() == []


@pytest.mark.xdist_group("chromium")
def test_the_chosen_theme_is_remembered(tab: Tab, tmp_path: Path) -> None:
    url = tabled(tmp_path, [["a"], ["b"]], ["name"])
    ground = "getComputedStyle(document.body).backgroundColor"
    tab.open(url)
    light = tab.run(ground)
    click(tab, "#theme")
    dark = tab.run(ground)
    assert dark != light
    tab.run("window.old = true")
    tab.open(url)
    tab.wait(f"!window.old && {ground} === '{dark}'")
    assert tab.run("document.getElementById('theme').textContent") == "Light"
    assert tab.complaints() == []


@pytest.mark.xdist_group("chromium")
def test_a_page_without_storage_works_all_the_same(tab: Tab, tmp_path: Path) -> None:
    refuse = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError') }})"
    added = tab.call("Page.addScriptToEvaluateOnNewDocument", source=refuse)["identifier"]
    try:
        tab.open(tabled(tmp_path, [["a"], ["b"]], ["name"]))
        click(tab, "#theme")
        assert tab.run("document.documentElement.dataset.theme") == "dark"
        assert tab.complaints() == []
    finally:
        tab.call("Page.removeScriptToEvaluateOnNewDocument", identifier=added)


@pytest.mark.xdist_group("chromium")
def test_paper_has_every_chart_in_light_colours(tab: Tab, tmp_path: Path) -> None:
    write_page(tmp_path / "report.html", make_page(tmp_path, ["adam", "sgd"]))
    tab.open((tmp_path / "report.html").as_uri(), theme="dark")
    tab.run(
        "addEventListener('beforeprint', () => { window.printed = [...document.querySelectorAll('.chart')]"
        ".map(c => [c._fullLayout.width, c._fullLayout.font.color]) })"
    )
    tab.pdf(tmp_path / "report.pdf")
    printed = tab.run("window.printed")
    assert len(printed) >= 8
    assert {tuple(look) for look in printed} == {(680, "rgb(27, 31, 36)")}
    assert (tmp_path / "report.pdf").read_bytes()[:5] == b"%PDF-"
    tab.wait("document.querySelector('.chart')._fullLayout.font.color !== 'rgb(27, 31, 36)'")


@pytest.mark.xdist_group("chromium")
def test_tables_are_whole_without_scripts(tab: Tab, tmp_path: Path) -> None:
    url = tabled(tmp_path, [[f"name {number}"] for number in range(80)], ["name"])
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.open(url)
        visible = "[...document.querySelectorAll('tbody tr')].filter(r => r.getClientRects().length).length"
        assert tab.run(visible) == 80
    finally:
        tab.call("Emulation.setScriptExecutionDisabled", value=False)
