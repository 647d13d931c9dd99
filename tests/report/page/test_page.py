"""The page as text: what it may contain, and that its numbers are those of the frames."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from example_sweep import (
    HOSTILE,
    METRICS,
    PLAIN,
    RATES,
    compared,
    hostile_page,
    make_cells,
    make_curves,
    make_page,
    make_records,
    make_sweep,
)

from sweeplab.compare.curves import MAX_POINTS
from sweeplab.records import Failure
from sweeplab.report.lines import best_groups
from sweeplab.report.page import Chart, Page, Section, build_page, write_page
from sweeplab.report.page.charts.confusion import confusion_charts
from sweeplab.report.page.charts.curves import curve_charts, drawn_cells
from sweeplab.report.page.charts.heat_map import heat_charts
from sweeplab.report.page.charts.learning_rate import learning_rate_charts
from sweeplab.report.page.charts.parts import chart_text
from sweeplab.report.page.charts.seeds import seeds_chart
from sweeplab.report.page.page import MAX_FAILURES, figure_json, page_text
from sweeplab.report.page.rows import MAX_CELLS, SHOWN, body_of
from sweeplab.report.table import Table, settings_table
from sweeplab.report.words import plain_text

ELEMENTS = {
    *(
        "html",
        "head",
        "meta",
        "link",
        "title",
        "style",
        "noscript",
        "script",
        "body",
        "header",
        "nav",
        "main",
        "section",
    ),
    *("div", "h1", "h2", "h3", "p", "a", "ul", "li", "strong", "pre", "details", "summary", "dl", "dt", "dd"),
    *("label", "input", "output", "button", "figure", "figcaption"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {
    *("lang", "charset", "http-equiv", "content", "name", "rel", "href", "id", "class", "type", "hidden", "role"),
    *("aria-label", "tabindex", "scope", "placeholder", "autocomplete", "spellcheck", "data-sortable"),
}
EMPTY = {"meta", "link", "input"}
MEGABYTE = 1e6


class Reader(HTMLParser):
    """What a browser would make of the page: elements, attributes, texts by element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in EMPTY:
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[self._open[-1]][-1] += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def attributes(self, name: str) -> list[str]:
        return [found[name] for _, found in self.elements if name in found]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(page_text(hostile_page(tmp_path_factory.mktemp("hostile"))))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(page_text(make_page(tmp_path_factory.mktemp("plain"), PLAIN)))


def line(chart: Chart, name: str) -> dict[str, Any]:
    (found,) = [trace for trace in chart.figure["data"] if trace.get("name") == name and trace["mode"] != "markers"]
    assert isinstance(found, dict)
    return found


def test_hostile_names_add_no_element_and_no_attribute(hostile: Reader, plain: Reader) -> None:
    assert {tag for tag, _ in hostile.elements} <= ELEMENTS
    assert {name for _, found in hostile.elements for name in found} <= ATTRIBUTES
    in_both = [[tag for tag, _ in page.elements].count("script") for page in (hostile, plain)]
    charts = [[tag for tag, _ in page.elements].count("figure") for page in (hostile, plain)]
    assert in_both == [num + 2 for num in charts]


def test_hostile_names_are_shown_as_they_are(hostile: Reader) -> None:
    assert set(map(plain_text, HOSTILE)) <= set(hostile.texts["th"])
    assert hostile.texts["li"][-len(HOSTILE) :] == HOSTILE
    assert hostile.texts["title"] == [" ".join(HOSTILE)]
    assert hostile.texts["pre"][-1] == " ".join(HOSTILE)
    assert any(text == f"RuntimeError: {' '.join(HOSTILE)}" for text in hostile.texts["p"])


def test_hostile_names_are_no_markup_for_plotly() -> None:
    """plotly reads tags and entities in every text of a figure."""
    cells = make_cells(HOSTILE)
    groups = best_groups(compared(cells))
    charts = curve_charts(compared(cells), cells, make_curves(cells))
    names = [trace["name"] for chart in charts for trace in chart.figure["data"] if "name" in trace]
    assert len(names) >= len(HOSTILE)
    assert len(groups) > len(HOSTILE) / 2
    assert not any(mark in name for name in names for mark in "<>")
    assert chart_text("&lt;b&gt;<b>") == "&amp;lt;b&amp;gt;&lt;b&gt;"
    assert chart_text("a" * 30 + "b" * 30, 9) == "aaaa…bbbb"


def test_nothing_is_loaded_from_anywhere(hostile: Reader) -> None:
    assert hostile.attributes("src") == []
    assert {link for link in hostile.attributes("href") if not link.startswith("#")} == {"data:,"}
    style = "".join(hostile.texts["style"])
    assert not re.search(r"url\(|@import|https?:", style)


def test_policy_allows_our_two_scripts_and_nothing_else(hostile: Reader) -> None:
    (policy,) = [found["content"] for _, found in hostile.elements if found.get("http-equiv")]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    kinds = [found.get("type") for tag, found in hostile.elements if tag == "script"]
    scripts = [text for text, kind in zip(hostile.texts["script"], kinds, strict=True) if kind is None]
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert rules["script-src"].split() == [f"'sha256-{digest}'" for digest in hashes]
    assert len(hashes) == 2
    assert (rules["default-src"], rules["base-uri"], rules["form-action"]) == ("'none'", "'none'", "'none'")
    assert "http" not in policy


def test_figures_come_back_from_the_page_as_they_were(tmp_path: Path) -> None:
    page = make_page(tmp_path, PLAIN)
    reader = Reader(page_text(page))
    kinds = [found.get("type") for tag, found in reader.elements if tag == "script"]
    found = [json.loads(text) for text, kind in zip(reader.texts["script"], kinds, strict=True) if kind]
    charts = [chart for section in page.sections for chart in section.charts]
    assert found == [json.loads(figure_json(chart.figure)) for chart in charts]
    assert len(found) >= 8


def test_json_of_a_figure_has_no_character_that_ends_a_script() -> None:
    figure = {"a": "</script><!--&\u2028", "b": np.array([1.5, np.nan]), "c": [np.int64(2), float("inf"), None, True]}
    text = figure_json(figure)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"a": "</script><!--&\u2028", "b": [1.5, None], "c": [2, None, None, True]}


def test_tables_of_the_page_hold_the_text_of_the_tables(tmp_path: Path) -> None:
    page = make_page(tmp_path, PLAIN)
    comparison = compared(make_cells(PLAIN))
    expected = settings_table(comparison, comparison.varying, comparison.metrics)
    assert page.sections[0].tables[-1].rows == expected.rows
    reader = Reader(page_text(page))
    texts = [text for table in page.sections[0].tables for row in table.rows for text in row[1:]]
    assert reader.texts["td"] == texts


def test_learning_curves_are_means_over_seeds() -> None:
    cells = make_cells(PLAIN)
    curves, comparison = make_curves(cells), compared(cells)
    chosen = comparison.settings[comparison.settings["chosen"]].iloc[0]
    own = cells[(cells[["optimizer", "lr", "batch_size"]] == chosen[["optimizer", "lr", "batch_size"]]).all(axis=1)]
    chart = curve_charts(comparison, cells, curves)[0]
    name = next(n for n in _names(chart) if n.startswith(f"{chosen['optimizer']} {chosen['batch_size']} "))
    rows = curves[curves["cell_id"].isin(own["cell_id"])]
    expected = [rows.loc[rows["epoch"] == epoch, "val/accuracy"].mean() for epoch in (1, 2, 3, 4)]
    assert line(chart, name)["x"] == [1, 2, 3, 4]
    assert line(chart, name)["y"] == pytest.approx(expected, rel=1e-12)
    assert set(own["cell_id"]) <= set(drawn_cells(comparison, cells))


def test_long_curves_are_thinned_and_say_so() -> None:
    cells = make_cells(PLAIN)
    curves, comparison = make_curves(cells, epochs=1234), compared(cells)
    chart = curve_charts(comparison, cells, curves)[0]
    every = curve_charts(comparison, cells, curves[curves["epoch"].isin([1, 1234])])[0]
    name = _names(chart)[0]
    thin = line(chart, name)
    assert len(thin["x"]) <= MAX_POINTS + 1
    assert (thin["x"][0], thin["x"][-1]) == (1, 1234)
    assert (thin["y"][0], thin["y"][-1]) == (line(every, name)["y"][0], line(every, name)["y"][-1])
    assert any("thinned" in note for note in chart.notes)
    assert not any("thinned" in note for note in every.notes)


def test_heat_maps_hold_every_mean() -> None:
    comparison = compared(make_cells(PLAIN))
    charts = heat_charts(comparison)
    assert sorted(chart.title for chart in charts) == [f"val/accuracy over lr and batch_size: {n}" for n in PLAIN]
    for chart in charts:
        own = comparison.settings[comparison.settings["optimizer"] == chart.title.rpartition(" ")[2]]
        expected = own.pivot_table(index="batch_size", columns="lr", values="val/accuracy/mean")
        assert np.allclose(np.array(chart.figure["data"][0]["z"], dtype=float), expected.to_numpy())


def test_one_numeric_axis_makes_no_heat_map() -> None:
    assert heat_charts(compared(make_cells(PLAIN, sizes=(16,)))) == []


def test_a_setting_without_a_result_shows_its_state_in_the_map() -> None:
    cells = make_cells(PLAIN, seeds=1)
    (lost,) = [
        note["text"]
        for chart in heat_charts(compared(cells))
        if chart.title.endswith("adam")
        for note in chart.figure["layout"]["annotations"]
    ]
    assert lost == "failed"


def test_learning_rate_shows_every_rate_and_what_was_lost() -> None:
    comparison = compared(make_cells(PLAIN, seeds=1))
    val, test = learning_rate_charts(comparison)
    own = comparison.settings.query("optimizer == 'adam' and batch_size == 16").sort_values("lr")
    assert (line(val, "adam 16")["x"], line(val, "adam 16")["y"]) == (list(RATES), own["val/accuracy/mean"].tolist())
    assert line(test, "adam 16")["y"] == own["test/accuracy/mean"].tolist()
    lost = [trace["customdata"] for trace in val.figure["data"] if trace.get("yaxis") == "y2"]
    assert lost == [["1 of 1"], ["1 of 1"]]


def test_every_seed_of_a_chosen_setting_is_a_dot() -> None:
    cells = make_cells(PLAIN)
    comparison = compared(cells)
    chart = seeds_chart(comparison, cells)
    assert chart is not None
    drawn = sorted(x for trace in chart.figure["data"] if trace["mode"] == "markers" for x in trace["x"])
    axes = ["optimizer", "lr", "batch_size"]
    chosen = comparison.settings.loc[comparison.settings["chosen"], axes]
    expected = cells.merge(chosen, on=axes).query("state == 'completed'")["test/accuracy"]
    assert drawn == sorted(expected)
    one = make_cells(PLAIN, seeds=1)
    assert seeds_chart(compared(one), one) is None


def test_confusion_is_pooled_over_seeds() -> None:
    cells = make_cells(PLAIN)
    comparison, ones = compared(cells), {cell_id: [[3, 1], [0, 4]] for cell_id in cells["cell_id"]}
    charts = confusion_charts(comparison, cells, ones)
    counts = charts[0].figure["data"][0]["text"]
    assert counts in ([["9", "3"], ["", "12"]], [["6", "2"], ["", "8"]])
    assert np.allclose(charts[0].figure["data"][0]["z"], [[0.75, 0.25], [np.nan, 1]], equal_nan=True)
    assert confusion_charts(comparison, cells, {}) == []


def test_classes_go_by_their_names_which_are_no_markup() -> None:
    cells = make_cells(PLAIN)
    ones = {cell_id: [[3, 1], [0, 4]] for cell_id in cells["cell_id"]}
    origins = pd.DataFrame({"cell_id": cells["cell_id"], "class_names": [("<b>", "dog")] * len(cells)})
    figure = confusion_charts(compared(cells), cells, ones, origins)[0].figure
    assert figure["layout"]["yaxis"]["ticktext"] == ["&lt;b&gt;", "dog"]
    assert figure["data"][0]["customdata"][0][1] == ["&lt;b&gt;", "dog"]


def test_a_long_table_is_cut_and_says_so() -> None:
    rows = [[str(number), "x"] for number in range(MAX_CELLS)]
    body = body_of(Table("Long", ["a", "b"], rows, 1, ["own note"]))
    assert len(body.rows) == MAX_CELLS // 2
    assert [row.is_shown for row in body.rows].count(True) == SHOWN
    assert body.notes == [
        "The first 15,000 of 30,000 rows are on this page; all are in the CSV files beside it.",
        "own note",
    ]


def test_rows_that_belong_together_keep_their_order() -> None:
    assert not body_of(Table("Orderings", ["m", "v"], [["loss", "1"], ["", "2"]], 1, [])).is_sortable
    assert body_of(Table("Settings", ["m", "v"], [["a", "1"], ["b", "2"]], 1, [])).is_sortable


def test_a_page_without_charts_carries_no_plotly(tmp_path: Path) -> None:
    section = Section("pairs", "Pairs", ["a note"], [Table("Pairs", ["a"], [["1"]], 1, [])], [])
    write_page(tmp_path / "report.html", Page("title", [], [section], [], []))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert len(text) < 0.05 * MEGABYTE
    assert Reader(text).texts["th"] == ["a", "1"]
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_sections_without_content_are_not_there(tmp_path: Path) -> None:
    cells = make_cells(["adam"], sizes=(16,), seeds=1)
    nothing = pd.DataFrame(columns=["cell_id", "epoch"])
    records = make_records(cells.assign(state="pending", **dict.fromkeys(METRICS, np.nan)))
    comparison = compared(records.cells)
    page = build_page(make_sweep(tmp_path, cells), records, comparison, nothing, headline=[], notes={}, extra=[])
    # matrices of cells that are not chosen are of no setting
    assert [section.id for section in page.sections] == ["results"]
    assert ("cells", "3: 3 pending") in page.facts


def test_failures_and_command_stand_on_the_page(plain: Reader) -> None:
    assert "python -m sweeplab -m lr=1e-3,1e-2" in plain.texts["pre"]
    assert plain.texts["p"].count("RuntimeError: plain") == len(PLAIN)
    assert plain.texts["p"].count("plain/log.txt") == len(PLAIN)


def test_many_failures_are_folded_and_counted() -> None:
    lost = [Failure(str(number), f"name {number}", "out_of_memory", "boom", Path("log.txt")) for number in range(300)]
    reader = Reader(page_text(Page("title", [], [], [], lost)))
    assert reader.texts["p"].count("boom") == MAX_FAILURES
    assert reader.texts["strong"][0] == "out of memory"
    assert any(text.startswith("300 cells failed and stay in every count.") for text in reader.texts["p"])
    assert "The first 200 are on this page; the states of all cells are in cells.csv." in reader.texts["li"]


def test_headers_say_what_they_head(plain: Reader) -> None:
    scopes = [found.get("scope") for tag, found in plain.elements if tag == "th"]
    assert set(scopes) == {"col", "row"}
    assert len(plain.texts["caption"]) == len(plain.texts["table"])
    assert all(text.strip() for name in ("caption", "figcaption", "h2") for text in plain.texts[name])
    ids = plain.attributes("id")
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in plain.attributes("href") if link.startswith("#")} <= set(ids)


@pytest.mark.slow
def test_ten_thousand_cells_stay_below_eight_megabytes(tmp_path: Path) -> None:
    names = [f"optimizer-{number:03d}" for number in range(334)]
    cells = make_cells(names, seeds=5)
    assert len(cells) > 10_000
    comparison = compared(cells)
    page = build_page(
        make_sweep(tmp_path, cells),
        make_records(cells),
        comparison,
        make_curves(cells, epochs=50),
        headline=["big"],
        notes={},
        extra=[],
    )
    write_page(tmp_path / "report.html", page)
    assert (tmp_path / "report.html").stat().st_size < 8 * MEGABYTE
    assert any("are shown" in note for section in page.sections for chart in section.charts for note in chart.notes)


def _names(chart: Chart) -> list[str]:
    return [trace["name"] for trace in chart.figure["data"] if trace.get("name")]
