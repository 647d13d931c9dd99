"""Figures draw the numbers of the comparison: the data of their lines, never their pixels."""

import io
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from rich.console import Console

from sweeplab import record
from sweeplab.cell import Cell
from sweeplab.compare import Comparison, compare
from sweeplab.launch.conduct import report
from sweeplab.plan import Plan
from sweeplab.report.figures import write_figures
from sweeplab.report.figures.learning_curves import learning_curves
from sweeplab.report.figures.learning_rate import learning_rate
from sweeplab.report.figures.style import DPI, line_style, style
from sweeplab.report.lines import MAX_LINES
from sweeplab.sweep import write_sweep

AXES = ["optimizer", "lr", "seed"]
RATES = (0.1, 0.001, 0.01)


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    with style():
        yield


def make_cells(names: tuple[str, ...] = ("adam", "sgd"), rates: tuple[float, ...] = RATES) -> pd.DataFrame:
    """Two seeds; accuracy 0.5 + a tenth for each place of the rate, ± 0.01; the test twin is 0.1 lower."""
    rows = [
        {"cell_id": f"{name}-{lr}-{seed}", "optimizer": name, "lr": lr, "seed": seed, "state": "completed"}
        | {"val/accuracy": 0.5 + place / 10 + (seed - 0.5) / 50}
        for name in names
        for place, lr in enumerate(sorted(rates))
        for seed in (0, 1)
    ]
    cells = pd.DataFrame(rows).sort_values("lr", key=lambda lr: lr.map(rates.index), kind="stable", ignore_index=True)
    return cells.assign(**{"test/accuracy": cells["val/accuracy"] - 0.1})


def compared(cells: pd.DataFrame, **select: str) -> Comparison:
    return compare(cells, AXES, select={"monitor": "val/accuracy", "mode": "max", **select})


def curves_of(cells: pd.DataFrame, epochs: int = 3) -> pd.DataFrame:
    """Loss 1, 1/2, 1/3 …; accuracy epoch / 10, a twentieth more for seed 1."""
    rows = [
        {"cell_id": row.cell_id, "epoch": epoch, "train/loss": 1 / epoch, "val/accuracy": epoch / 10 + row.seed / 20}
        for row in cells.itertuples()
        for epoch in range(1, epochs + 1)
    ]
    return pd.DataFrame(rows)


def drawn(figure: Figure | None) -> Figure:
    assert figure is not None
    return figure


def lose(cells: pd.DataFrame, *lost: str, state: str = "diverged") -> pd.DataFrame:
    gone = cells["cell_id"].isin(lost)
    assert gone.sum() == len(lost)
    return cells.assign(state=cells["state"].mask(gone, state)).mask(
        pd.DataFrame({name: gone & ("/" in name) for name in cells})
    )


def line(panel: Axes, name: str) -> Line2D:
    [found] = [line for line in panel.lines if line.get_label() == name]
    return found


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for box in figure.legends for text in box.get_texts()]


def footer(figure: Figure) -> str:
    return figure.get_supxlabel().replace("\n", " ")


def test_lines_run_through_the_means_in_the_order_of_the_rates() -> None:
    figure = drawn(learning_rate(compared(make_cells())))
    val, test = figure.axes
    assert [panel.get_title(loc="left") for panel in (val, test)] == ["val/accuracy", "test/accuracy"]
    assert line(val, "adam").get_xdata() == pytest.approx([0.001, 0.01, 0.1])  # type: ignore[arg-type]
    assert line(val, "adam").get_ydata() == pytest.approx([0.5, 0.6, 0.7])  # type: ignore[arg-type]
    assert line(test, "sgd").get_ydata() == pytest.approx([0.4, 0.5, 0.6])  # type: ignore[arg-type]
    assert val.get_xscale() == "log"
    assert [label.get_text() for label in val.get_xticklabels()] == ["1e-3", "1e-2", "1e-1"]


def bands(panel: Axes) -> list[PolyCollection]:
    return [found for found in panel.collections if isinstance(found, PolyCollection)]


def test_band_is_the_interval_of_the_mean_and_said_to_be() -> None:
    cells = pd.concat([make_cells(("adam",)), make_cells(("adam",)).query("seed == 0").assign(seed=2)])
    cells.loc[cells["seed"] == 2, ["val/accuracy", "test/accuracy"]] += 0.01
    figure = drawn(learning_rate(compared(cells.reset_index(drop=True))))
    [band] = bands(figure.axes[0])
    heights = band.get_paths()[0].vertices[:, 1]  # type: ignore[index]
    # seeds at -0.01, 0 and 0.01; Student's t of 2 degrees of freedom: 4.3027
    arm = 4.3027 * 0.01 / math.sqrt(3)
    assert (heights.min(), heights.max()) == pytest.approx((0.5 - arm, 0.7 + arm), abs=1e-5)
    assert "(3 asked); bands: 95 % interval of the mean (Student's t for 3 and 4 seeds" in footer(figure)


@pytest.mark.parametrize(("seeds", "words"), [([0], "One seed: no bands."), ([0, 1], "no bands, as a 95 % interval")])
def test_few_seeds_have_no_band(seeds: list[int], words: str) -> None:
    cells = make_cells()
    cells = cells[cells["seed"].isin(seeds)]
    rate, curve = learning_rate(compared(cells)), learning_curves(compared(cells), cells, curves_of(cells))
    for figure in map(drawn, (rate, curve)):
        assert words in footer(figure)
        assert [bands(panel) for panel in figure.axes] == [[], []]


def test_notes_end_before_the_figure_does() -> None:
    figure = drawn(learning_rate(compared(make_cells(("adam",)), data="test")))
    figure.draw_without_rendering()
    [note] = [text for text in figure.texts if text.get_text() == figure.get_supxlabel()]
    box = note.get_window_extent()
    assert 0.9 * figure.bbox.width < box.x1 < figure.bbox.width
    assert len(figure.get_supxlabel().splitlines()) > 2


def test_chosen_rates_are_ringed() -> None:
    figure = drawn(learning_rate(compared(make_cells(("adam",)))))
    [ring] = [found for found in figure.axes[0].collections if isinstance(found, PathCollection)]
    assert ring.get_offsets().tolist() == [pytest.approx([0.1, 0.7])]  # type: ignore[union-attr]
    assert "Rings: the lr chosen by the highest mean val/accuracy." in footer(figure)


def test_lost_cells_are_marked_at_their_rate_with_their_number() -> None:
    cells = lose(make_cells(), "adam-0.1-0", "adam-0.1-1", "sgd-0.01-1")
    figure = drawn(learning_rate(compared(cells)))
    strip = figure.axes[2]
    assert [text.get_text() for text in strip.texts] == ["1/2", "2/2"]
    marks = [(line.get_color(), list(line.get_xdata())) for line in strip.lines]  # type: ignore[arg-type]
    looks = {name: line(figure.axes[0], name).get_color() for name in ("adam", "sgd")}
    assert marks == [(looks["sgd"], [0.01]), (looks["adam"], [0.1])]
    assert math.isnan(line(figure.axes[0], "adam").get_ydata()[2])  # type: ignore[index]
    assert "Crosses: cells that ended without a result" in footer(figure)


def test_cells_to_come_are_counted() -> None:
    assert "2 cells have not ended yet." in footer(
        drawn(learning_rate(compared(lose(make_cells(), "adam-0.1-0", "sgd-0.1-0", state="pending"))))
    )


def test_too_few_rates_or_no_result_draw_nothing() -> None:
    assert learning_rate(compared(make_cells(rates=(0.1, 0.01)))) is None
    assert learning_rate(compared(make_cells().assign(state="pending"))) is None


def test_twin_is_not_drawn_twice_where_validation_is_the_test_split() -> None:
    figure = drawn(learning_rate(compared(make_cells(), data="test")))
    assert [panel.get_title(loc="left") for panel in figure.axes] == ["val/accuracy"]
    assert "SELECTED ON TEST: validation is the test split" in footer(figure)


def test_best_twelve_lines_of_many_and_the_rest_is_counted() -> None:
    cells = make_cells(tuple(f"o{i}" for i in range(15)))
    cells["val/accuracy"] += cells["optimizer"].str[1:].astype(int) / 1000
    figure = drawn(learning_rate(compared(cells)))
    assert legend(figure) == [f"o{i}" for i in range(14, 2, -1)]
    assert len(figure.axes[0].lines) == MAX_LINES == 12
    assert "The best 12 by val/accuracy are shown, 3 are not." in footer(figure)


def test_no_two_lines_look_alike_even_without_colour() -> None:
    looks = [line_style(number) for number in range(MAX_LINES)]
    assert len({(look["color"], str(look["linestyle"])) for look in looks}) == MAX_LINES
    assert len({look["marker"] for look in looks}) == MAX_LINES


def test_curves_are_means_over_the_seeds_of_the_chosen_settings() -> None:
    cells = make_cells()
    figure = drawn(learning_curves(compared(cells), cells, curves_of(cells)))
    val, train = figure.axes
    assert legend(figure) == ["adam lr=1e-1", "sgd lr=1e-1"]
    assert list(line(val, "adam lr=1e-1").get_xdata()) == [1, 2, 3]  # type: ignore[arg-type]
    assert line(val, "adam lr=1e-1").get_ydata() == pytest.approx([0.125, 0.225, 0.325])  # type: ignore[arg-type]
    assert line(train, "sgd lr=1e-1").get_ydata() == pytest.approx([1, 1 / 2, 1 / 3])  # type: ignore[arg-type]
    assert (val.get_yscale(), train.get_yscale()) == ("linear", "log")


def test_curve_goes_on_over_the_seeds_that_are_left_and_marks_where_one_was_lost() -> None:
    cells = lose(make_cells(), "adam-0.1-1")
    cells.loc[cells["lr"] < 0.1, "val/accuracy"] = 0.1  # 0.1 stays the choice
    curves = curves_of(cells)
    figure = drawn(
        learning_curves(compared(cells), cells, curves.drop(index=curves.query("cell_id == 'adam-0.1-1'").index[1:]))
    )
    assert line(figure.axes[0], "adam lr=1e-1").get_ydata() == pytest.approx([0.125, 0.2, 0.3])  # type: ignore[arg-type]
    crosses = [line for line in figure.axes[0].lines if line.get_marker() == "x" and len(line.get_xdata())]  # type: ignore[arg-type]
    assert [(list(c.get_xdata()), list(c.get_ydata())) for c in crosses] == [([1], [pytest.approx(0.15)])]  # type: ignore[arg-type]
    assert "Crosses: a cell ended here without a result." in footer(figure)


def test_an_optimizer_looks_the_same_in_every_figure() -> None:
    cells = make_cells(("adam", "sgd", "lion"))
    cells.loc[cells["optimizer"] == "lion", "val/accuracy"] += 0.1
    rate, curve = learning_rate(compared(cells)), learning_curves(compared(cells), cells, curves_of(cells))
    for name in ("adam", "sgd", "lion"):
        one, other = line(drawn(rate).axes[0], name), line(drawn(curve).axes[0], f"{name} lr=1e-1")
        assert (one.get_color(), one.get_marker()) == (other.get_color(), other.get_marker())


def test_one_epoch_is_no_curve() -> None:
    cells = make_cells()
    assert learning_curves(compared(cells), cells, curves_of(cells, epochs=1)) is None
    assert learning_curves(compared(cells), cells, pd.DataFrame({"cell_id": [], "epoch": []})) is None


def write(folder: Path, cells: pd.DataFrame) -> list[Path]:
    asked: list[Any] = []

    def curves(ids: Any) -> pd.DataFrame:
        asked.extend(ids)
        return curves_of(cells[cells["cell_id"].isin(ids)])

    files = write_figures(folder, compared(cells), cells, curves)
    assert all(cell_id.split("-")[1] == "0.1" for cell_id in asked)
    return files


def test_files_are_whole_wide_and_the_same_each_time(tmp_path: Path) -> None:
    files = write(tmp_path / "figures", make_cells())
    names = ["learning_curves.pdf", "learning_curves.png", "learning_rate.pdf", "learning_rate.png"]
    names += ["seeds.pdf", "seeds.png", "tuning.pdf", "tuning.png"]
    assert sorted(path.name for path in files) == names
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == names
    first = {path: path.read_bytes() for path in files}
    for path, data in first.items():
        assert data[:4] == (b"%PDF" if path.suffix == ".pdf" else b"\x89PNG")
        if path.suffix == ".png":
            assert int.from_bytes(data[16:20], "big") == 8 * DPI == 1200
    write(tmp_path / "figures", make_cells())
    assert {path: path.read_bytes() for path in files} == first


@pytest.mark.filterwarnings("error")
def test_names_are_text_whatever_they_are_made_of(tmp_path: Path) -> None:
    names = ("_hidden", "$\\frac{1}{$", "50% {a}", "优化器")
    assert legend(drawn(learning_rate(compared(make_cells(names))))) == list(names)
    assert len(write(tmp_path, make_cells(names))) == 8


def test_figures_need_no_display_and_tables_no_matplotlib(tmp_path: Path) -> None:
    code = "import sys, sweeplab.report.terminal, sweeplab.report.files, sweeplab.launch.conduct; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not [name for name in modules if name.startswith("matplotlib")]
    code = "import sys, sweeplab.report.figures; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "matplotlib.pyplot" not in modules
    assert not {"torch", "pytorch_lightning", "tkinter"} & set(modules)


def test_figures_and_published_tables_come_from_the_records(tmp_path: Path, make_cell: Any, finish: Any) -> None:
    """From sweep.json, result.json and metrics.jsonl to the page, as `sweeplab report` does it."""
    published = {"source": "a post", "figures": [{"setting": {"lr": 0.1}, "metrics": {"val/accuracy": 0.9}}]}
    cells = [make_cell(lr=lr, runtime={"output_dir": str(tmp_path)}, published=published) for lr in RATES]
    cells = [
        Cell(cell.id, {**cell.config, "known_deviations": ["fewer epochs"]}, {"lr": cell.axes["lr"]}) for cell in cells
    ]
    for cell in cells:
        folder = finish(tmp_path, cell, metrics={"val/accuracy": cell.axes["lr"], "test/accuracy": 0.5})
        for epoch in (1, 2):
            record.append_metrics(folder, {"epoch": epoch, "val/accuracy": epoch / 10, "train/loss": 1 / epoch})
    plan = Plan("mine", cells, {"lr": list(RATES)}, [], cells[0].config, 3)
    sweep = write_sweep(plan, command=["sweeplab"], code={})
    console = Console(file=io.StringIO(), width=100)

    assert report(sweep, console) == 0
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert f"Figures: python -m sweeplab report {sweep.folder.path}" in text
    assert "fewer epochs" in text
    assert not (sweep.folder.path / "figures").exists()

    report(sweep, console, with_figures=True)
    assert len(list((sweep.folder.path / "figures").iterdir())) == 6
    markdown = (sweep.folder.path / "comparison.md").read_text(encoding="utf-8")
    assert "| 1e-1 | val/accuracy |       0.9 |   0.1000 |" in markdown
