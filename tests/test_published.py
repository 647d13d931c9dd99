"""What a preset's source reports: checked at plan time, matched to cells."""

import pytest

from sweeplab.cell import Cell
from sweeplab.published import find_published_faults, matched

FIGURE = {"setting": {"optimizer": "adam"}, "metrics": {"test/accuracy": 0.9}}
ORDERING = {"metric": "train/loss", "axis": "optimizer", "order": [["adam"], ["sgd"]]}


def make_cells():
    return [
        Cell(f"{optimizer}-{lr}-{seed}", {"lr": lr, "seed": seed, "model": {"width": 3}}, {}, {"optimizer": optimizer})
        for optimizer in ("adam", "sgd")
        for lr in (0.1, 0.01)
        for seed in (0, 1)
    ]


@pytest.mark.parametrize(
    ("published", "words"),
    [
        ("x", "published must be null or a mapping"),
        ({"kind": "log"}, "published lacks source"),
        ({"source": "s", "sauce": 1}, "published has no key sauce · allowed: source, kind, n, figures, orderings"),
        ({"source": "s", "n": "one"}, "published.n cannot be 'one'"),
        ({"source": "s", "figures": [FIGURE, {"setting": {}}]}, r"published.figures[1] lacks metrics"),
        (
            {"source": "s", "figures": [FIGURE | {"metrics": {"accuracy": 1}}]},
            "published.figures[0].metrics cannot be {'accuracy': 1}",
        ),
        ({"source": "s", "orderings": [ORDERING | {"mode": "up"}]}, "published.orderings[0].mode cannot be 'up'"),
        ({"source": "s", "orderings": [ORDERING | {"order": [["a"]]}]}, "published.orderings[0].order cannot be"),
        ({"source": "s", "orderings": "a < b"}, "published.orderings must be a list of mappings"),
    ],
)
def test_every_fault_is_said(published, words):
    faults = list(find_published_faults(published))
    assert any(words in fault for fault in faults), faults


def test_nothing_and_whole_have_no_fault():
    assert list(find_published_faults(None)) == []
    whole = {"source": "s", "kind": "log", "n": 1, "figures": [FIGURE | {"note": "odd"}], "orderings": [ORDERING]}
    assert list(find_published_faults(whole)) == []


def test_figure_is_matched_by_groups_and_values_whether_they_vary_or_not():
    figures = [
        {"setting": {"optimizer": "adam", "lr": 0.1}, "metrics": {"val/loss": 1.0}},
        {"setting": {"optimizer": "sgd", "model.width": 3}, "metrics": {"val/loss": 2.0}, "n": 5},
        {"setting": {"optimizer": "adam", "no.such.key": 3}, "metrics": {"val/loss": 3.0}},
    ]
    found = matched({"source": "s", "kind": "log", "n": 1, "figures": figures}, make_cells())["figures"]
    assert [entry["cells"] for entry in found] == [
        ["adam-0.1-0", "adam-0.1-1"],
        ["sgd-0.1-0", "sgd-0.1-1", "sgd-0.01-0", "sgd-0.01-1"],
        [],
    ]
    assert [entry["n"] for entry in found] == [1, 5, 1]
    assert {entry["source"] for entry in found} == {"s"}


def test_ordering_knows_the_cells_of_each_name_and_which_way_is_better():
    orderings = [
        ORDERING | {"where": {"lr": 0.01}},
        {**ORDERING, "metric": "test/accuracy"},
        {**ORDERING, "metric": "train/objective"},
        {**ORDERING, "mode": "max"},
    ]
    one, other, third, last = matched({"source": "s", "orderings": orderings}, make_cells())["orderings"]
    assert one["cells"] == {"adam": ["adam-0.01-0", "adam-0.01-1"], "sgd": ["sgd-0.01-0", "sgd-0.01-1"]}
    assert [entry["mode"] for entry in (one, other, third, last)] == ["min", "max", "min", "max"]
    assert len(other["cells"]["adam"]) == 4


def test_nothing_published_matches_nothing():
    assert matched(None, make_cells()) is None
