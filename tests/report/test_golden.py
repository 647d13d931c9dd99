"""The reports of a small real sweep, whole, as somebody has read them; figures in them are worked out anew.

The sweep: `tests/golden/make_records.py`. After a change of words or figures: `make golden`, and read the difference.
"""

import csv
import itertools
import json
import re
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from golden import GOLDEN, RENEW, difference, make_reports, read_kept
from scipy import stats

from sweeplab import record

KEPT = read_kept()
CHOSEN = [(model, optimizer, 0.01) for model in ("mlp", "logistic") for optimizer in ("adam", "sgdm", "radam")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("golden")


@pytest.fixture(scope="module")
def made(place: Path) -> dict[str, str]:
    return make_reports(place)


@pytest.mark.slow
@pytest.mark.xdist_group("golden")
class TestReports:
    def test_none_is_missing_or_new(self, made: dict[str, str]) -> None:
        assert sorted(made) == sorted(KEPT), f"renew them: {RENEW}"

    @pytest.mark.parametrize("name", KEPT)
    def test_says_what_was_read(self, made: dict[str, str], name: str) -> None:
        changed = difference(name, KEPT[name], made.get(name, ""))
        assert not changed, f"\n{changed}\n\nIf that is meant: {RENEW}, and read the difference."

    def test_figures_are_drawn(self, made: dict[str, str], place: Path) -> None:
        named = re.search(r"/digits/figures/ \((.*); as \.png and \.pdf\)", made["digits/terminal.txt"])
        assert named is not None
        names = named[1].split(", ")
        assert {"learning_rate", "learning_curves", "seeds", "time", "confusion"} <= set(names)
        folder = place / "outputs/sweeps/digits/figures"
        files = [f"{name}{suffix}" for name in names for suffix in (".png", ".pdf")]
        assert sorted(path.name for path in folder.iterdir()) == sorted(files)
        for path in folder.glob("*.png"):
            pixels = matplotlib.image.imread(path)[..., :3]
            assert min(pixels.shape[:2]) > 300
            background = (pixels == pixels[0, 0]).all(axis=-1)
            assert 0.01 < 1 - background.mean() < 0.9, path.name
        assert all(path.read_bytes().startswith(b"%PDF-") for path in folder.glob("*.pdf"))


class TestDifference:
    def test_of_rounded_text_is_any_character(self) -> None:
        assert "+0.25" in difference("terminal.txt", "0.250\n", "0.25\n")

    def test_of_numbers_is_more_than_rounding_can_do(self) -> None:
        kept = "lr,a\n1,0.1234567890123\n"
        assert not difference("cells.csv", kept, "lr,a\n1.0,0.1234567890124\n")
        assert "+row 0, a: 0.12345679" in difference("cells.csv", kept, "lr,a\n1,0.12345679\n")
        assert "-row 0, a: 0.1" in difference("cells.csv", kept, "lr,b\n1,0.1234567890123\n")


class TestRecords:
    def test_verify_and_name_no_machine(self) -> None:
        folders = [record.CellFolder(path) for path in sorted((GOLDEN / "outputs/cells").iterdir())]
        assert len(folders) == 93
        assert all(record.read_result(folder) is not None for folder in folders)
        texts = [path.read_text(encoding="utf-8") for path in (GOLDEN / "outputs").rglob("*") if path.is_file()]
        assert not [text for text in texts if re.search(r"(?<![\w.])/\w+/", text)]
        assert sum(map(len, texts)) < 700_000


def results(sweep: str, **axes: Any) -> dict[int, dict[str, Any]]:
    """What every seed of a setting left, by seed."""
    plan = json.loads((GOLDEN / "outputs/sweeps" / sweep / "sweep.json").read_text(encoding="utf-8"))
    found = {}
    for cell in plan["cells"]:
        if axes.items() <= cell["axes"].items():
            path = GOLDEN / "outputs/cells" / cell["cell_id"] / "result.json"
            found[cell["axes"]["seed"]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def scores(setting: tuple[str, str, float], metric: str = "test/accuracy") -> dict[int, float]:
    """Of the seeds that were completed."""
    found = results("digits", **dict(zip(("model", "optimizer", "lr"), setting, strict=True)))
    return {seed: run["metrics"][metric] for seed, run in found.items() if run["state"] == "completed"}


def rows_of(report: str) -> list[dict[str, str]]:
    return list(csv.DictReader(KEPT[report].splitlines()))


class TestFigures:
    """Of the reports that are checked in, worked out from the records without sweeplab."""

    @pytest.mark.parametrize("metric", ["val/accuracy", "test/accuracy", "test/loss"])
    def test_means_and_spreads(self, metric: str) -> None:
        rows = rows_of("digits/comparison.csv")
        assert [int(row["n"]) for row in rows] == [10, 10, 10, 6, 0, 9, 10, 10, 10]
        for row in rows:
            values = list(scores((row["model"], row["optimizer"], float(row["lr"])), metric).values())
            told = [row[f"{metric}/{name}"] for name in ("mean", "std", "median", "best", "iqm")]
            if not values:
                assert told == [""] * 5
                continue
            best = min(values) if metric.endswith("loss") else max(values)
            middle = sorted(values)[len(values) // 4 : len(values) - len(values) // 4]
            expected = [np.mean(values), np.std(values, ddof=1), np.median(values), best, np.mean(middle)]
            assert list(map(float, told)) == pytest.approx(expected, rel=1e-9)

    @pytest.mark.parametrize("report", ["terminal.txt", "comparison.md", "page.txt"])
    @pytest.mark.parametrize("setting", [("mlp", "adam", 0.01), ("mlp", "sgdm", 10)])
    def test_means_in_words(self, setting: tuple[str, str, float], report: str) -> None:
        values = list(scores(setting).values())
        words = [setting[0], setting[1], {0.01: "1e-2", 10: "10"}[setting[2]]]
        words += [f"{len(values)}/10", f"{np.mean(values):.4f} ± {np.std(values, ddof=1):.4f}"]
        pattern = r"\W+(?:.*\W)?".join(map(re.escape, words))
        assert re.search(pattern, KEPT[f"digits/{report}"]), words

    def test_interval_of_ten_seeds_is_a_bootstrap(self) -> None:
        row = rows_of("digits/comparison.csv")[0]
        values = np.array(list(scores(CHOSEN[0]).values()))
        n, mean = len(values), values.mean()
        drawn = np.random.default_rng(7).choice(values, size=(100_000, n)).mean(axis=1)
        longer = stats.t.ppf(0.975, n - 1) / stats.norm.ppf(0.975) * np.sqrt(n / (n - 1))
        expected = mean + longer * (np.quantile(drawn, [0.025, 0.975]) - mean)
        told = [float(row["test/accuracy/low"]), float(row["test/accuracy/high"])]
        assert told == pytest.approx(expected, abs=0.04 * np.ptp(expected))
        assert f"[{told[0]:.4f}, {told[1]:.4f}]" in KEPT["digits/terminal.txt"]

    def test_interval_of_three_seeds_is_students(self) -> None:
        (row,) = rows_of("digits-confirm/comparison.csv")
        values = [run["metrics"]["test/accuracy"] for run in results("digits-confirm").values()]
        expected = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
        assert [float(row["test/accuracy/low"]), float(row["test/accuracy/high"])] == pytest.approx(expected, rel=1e-9)

    def test_choice(self) -> None:
        for model, optimizer in itertools.product(("mlp", "logistic"), ("adam", "sgdm", "radam")):
            rates = [lr for lr in (0.01, 10, 1e6) if results("digits", model=model, optimizer=optimizer, lr=lr)]
            mean = {lr: sum(scores((model, optimizer, lr), "val/accuracy").values()) / 10 for lr in rates}
            assert max(mean, key=mean.__getitem__) == 0.01
        table = section("Settings")
        assert [row[2] for row in table if row[0].startswith("chosen: ")] == ["1e-2 *"] * 6

    def test_pairs(self) -> None:
        """Sign flips enumerated, Holm by its definition, lost cells against those who lost them."""
        pairs = list(itertools.combinations(CHOSEN, 2))
        gains = [paired(*map(scores, pair)) for pair in pairs]
        signs = np.array(list(itertools.product((1, -1), repeat=10)))
        p = [float((abs(signs @ gain) >= abs(gain.sum()) - 1e-12).mean()) for gain in gains]
        holm = adjusted(p)
        told, shown = rows_of("digits/pairs.csv"), section("Two settings at a time by test/accuracy")
        assert len(told) == len(shown) == len(pairs) == 15
        for (a, b), gain, p_pair, p_holm, row, words in zip(pairs, gains, p, holm, told, shown, strict=True):
            assert [row["a"], row["b"]] == words[:2] == [" ".join(a[:2]), " ".join(b[:2])]
            both = [scores(a)[seed] - scores(b)[seed] for seed in scores(a).keys() & scores(b).keys()]
            expected = [len(both), np.mean(both), p_pair, p_holm, (0.5 + np.sign(gain) / 2).mean()]
            columns = ("n_pairs", "difference", "p", "p_holm", "probability")
            assert [float(row[column]) for column in columns] == pytest.approx(expected, rel=1e-9)
            assert [words[3], words[5]] == [f"{np.mean(both):+.4f}".replace("-", "\N{MINUS SIGN}"), f"{p_holm:.2g}"]
            verdict = "indistinguishable" if p_holm >= 0.05 else "better" if gain.sum() > 0 else "worse"
            assert row["verdict"] == verdict
            assert words[7].removesuffix(" †") == verdict
        assert {row["verdict"] for row in told} == {"better", "worse", "indistinguishable"}

    def test_classes(self) -> None:
        runs = results("digits", model="mlp", optimizer="adam", lr=0.01).values()
        matrix = sum(np.array(run["confusion_matrix"]) for run in runs)
        precision, recall = matrix[8, 8] / matrix[:, 8].sum(), matrix[8, 8] / matrix[8].sum()
        assert f"mlp | adam | 8 | {precision:.4f} | {recall:.4f} |" in KEPT["digits/page.txt"]


def section(title: str) -> list[list[str]]:
    """Rows of a table of the page."""
    _, _, rest = KEPT["digits/page.txt"].partition(f"\n### {title}\n")
    rows = itertools.takewhile(lambda line: " | " in line, rest.splitlines())
    return [row.split(" | ") for row in rows][1:]


def paired(a: dict[int, float], b: dict[int, float]) -> np.ndarray:
    """Differences by seed; one that only one of them completed is as large as the largest, in favour of that one."""
    both = {seed: a[seed] - b[seed] for seed in a.keys() & b.keys()}
    largest = max(map(abs, both.values()))
    return np.array([both.get(seed, largest if seed in a else -largest) for seed in sorted(a.keys() | b.keys())])


def adjusted(p: list[float]) -> list[float]:
    """Holm: the k-th smallest of m times m - k + 1, never less than one before it."""
    order = sorted(range(len(p)), key=p.__getitem__)
    steps = [min(1.0, p[place] * (len(p) - rank)) for rank, place in enumerate(order)]
    holm = dict(zip(order, itertools.accumulate(steps, max), strict=True))
    return [holm[place] for place in range(len(p))]
