"""Lines and rules in, points out: what every rule does, and how many points it says it added or removed."""

import pytest

from sweeplab.errors import ConfigFault
from sweeplab.grid import AxisParser, Grid, RuleReport, Rules, expand


@pytest.fixture(scope="module")
def grid(loader):
    def make(*lines, params=None, **rules) -> Grid:
        return expand(lines, params or {}, Rules(**rules), AxisParser(loader))

    return make


def rows(grid: Grid) -> list[str]:
    """Points as one reads them, in order."""
    return [" ".join(point.values()) for point in grid.points]


def counts(grid: Grid) -> list[tuple[int, int]]:
    return [(report.added, report.removed) for report in grid.reports]


# --- lines and params -----------------------------------------------------------------------------------------------


def test_axes_multiply_and_the_last_one_varies_fastest(grid):
    made = grid("lr=1,2", "batch_size=16", "seed=0,1")

    assert rows(made) == [
        "lr=1 batch_size=16 seed=0",
        "lr=1 batch_size=16 seed=1",
        "lr=2 batch_size=16 seed=0",
        "lr=2 batch_size=16 seed=1",
    ]
    assert made.swept == ["lr", "seed"]
    assert made.reports == []


def test_no_line_is_one_point(grid):
    made = grid()

    assert made.points == [{}]
    assert made.swept == []


def test_a_key_given_twice_counts_as_given_last(grid):
    assert rows(grid("lr=1,2", "seed=0", "lr=3")) == ["lr=3 seed=0"]


def test_the_command_line_wins_over_params(grid):
    """An experiment says what is usual; who types a value wants that value."""
    made = grid("lr=3,4", "max_epochs=1", params={"lr": "1,2", "seed": "range(0,2)"})

    assert rows(made) == [f"lr={lr} seed={seed} max_epochs=1" for lr in (3, 4) for seed in (0, 1)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1e-3,1e-4", ["x=0.001", "x=0.0001"]),
        ([1e-3, 1e-4], ["x=0.001", "x=0.0001"]),
        ("range(0,3)", ["x=0", "x=1", "x=2"]),
        ("choice(a,b)", ["x=a", "x=b"]),
        ([None, True, False, "a"], ["x=null", "x=True", "x=False", "x=a"]),
        ([[64], [64, 32]], ["x=[64]", "x=[64,32]"]),
        ([{"a": 1, "b": [None]}], ["x={a:1,b:[null]}"]),
        (5, ["x=5"]),
        (None, ["x=null"]),
        (True, ["x=true"]),
        ({"a": True}, ["x={a:true}"]),
        ("'a,b','c'", ["x='a,b'", "x='c'"]),
    ],
    ids=repr,
)
def test_params_are_hydras_grammar_or_yaml_values(value, expected, grid):
    assert rows(grid(params={"x": value})) == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("lr=interval(0,1)", "a grid takes values .*, not an interval"),
        ("optimizer=glob(zzz*)", "it matches nothing"),
        ("lr=1,,2", "cannot read the override 'lr=1,,2'"),
        ("lr", "cannot read the override 'lr'"),
        ("lr=range(0,", "cannot read the override"),
    ],
)
def test_a_line_that_gives_no_values_is_a_fault(line, message, grid):
    with pytest.raises(ConfigFault, match=message):
        grid(line)


def test_all_unreadable_lines_are_told_together(grid):
    with pytest.raises(ConfigFault) as caught:
        grid("lr=1,,2", "seed=1", "batch_size", "x=[")

    assert len(caught.value.faults) == 3


# --- zip ------------------------------------------------------------------------------------------------------------


def test_zipped_keys_vary_together(grid):
    made = grid("lr=1,2,3", "seed=0,1", "batch_size=16,32,64", zip=[["lr", "batch_size"]])

    assert rows(made) == [
        f"lr={lr} batch_size={size} seed={seed}" for lr, size in ((1, 16), (2, 32), (3, 64)) for seed in (0, 1)
    ]
    assert made.reports == [RuleReport("zip lr with batch_size", removed=12)]


def test_several_groups_are_zipped_each_for_itself(grid):
    made = grid("a=1,2", "b=1,2", "c=3,4,5", "d=3,4,5", zip=[["a", "b"], ["d", "c"]])

    assert rows(made) == [f"a={i} b={i} c={j} d={j}" for i in (1, 2) for j in (3, 4, 5)]
    # 36 points without zip; 18 with the first group, 6 with both
    assert counts(made) == [(0, 18), (0, 12)]


def test_three_keys_may_vary_together(grid):
    made = grid("a=1,2", "b=3,4", "c=5,6", zip=[["a", "b", "c"]])

    assert rows(made) == ["a=1 b=3 c=5", "a=2 b=4 c=6"]
    assert counts(made) == [(0, 6)]


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([["lr", "seed"]], "keys that vary together need equally many values, but lr has 2, seed has 3"),
        ([["lr", "momentum"]], "momentum has no values in this sweep · axes: lr, seed, batch_size"),
        ([["lr"]], "a group needs at least two keys, got \\['lr'\\]"),
        ([["lr", "batch_size"], ["batch_size", "lr"]], "batch_size stands in two groups"),
    ],
)
def test_a_zip_that_cannot_be_is_a_fault(groups, message, grid):
    with pytest.raises(ConfigFault, match=f"hydra.sweeper.zip: {message}"):
        grid("lr=1,2", "seed=0,1,2", "batch_size=16,32", zip=groups)


def test_all_faults_of_zip_are_told_together(grid):
    with pytest.raises(ConfigFault) as caught:
        grid("lr=1,2", "seed=0,1,2", zip=[["lr", "seed"], ["lr", "x"], ["seed"]])

    assert len(caught.value.faults) == 5


# --- cases ----------------------------------------------------------------------------------------------------------

CASES = [{"optimizer": "adam", "lr": "1e-3,1e-4"}, {"optimizer": "sgdm", "lr": "0.1"}]


def test_cases_are_a_union_of_grids(grid):
    made = grid("seed=0,1", cases=CASES)

    assert rows(made) == [
        *(f"seed={seed} optimizer=adam lr={lr}" for seed in (0, 1) for lr in ("0.001", "0.0001")),
        *(f"seed={seed} optimizer=sgdm lr=0.1" for seed in (0, 1)),
    ]
    assert made.swept == ["seed", "optimizer", "lr"]
    assert made.reports == [RuleReport("cases (2 sub-grids)", added=4, note="applied")]


def test_the_command_line_pins_a_key_of_every_case(grid):
    made = grid("lr=5", cases=CASES)

    assert rows(made) == ["lr=5 optimizer=adam", "lr=5 optimizer=sgdm"]
    assert made.reports == [
        RuleReport("cases (2 sub-grids)", added=1, note="the command line's lr is used instead"),
    ]


def test_cases_given_on_the_command_line_are_not_pinned_by_it(grid):
    made = grid("lr=5", cases=CASES, on_command_line=frozenset({"cases"}))

    assert rows(made) == ["lr=0.001 optimizer=adam", "lr=0.0001 optimizer=adam", "lr=0.1 optimizer=sgdm"]


def test_cases_replace_an_axis_of_params(grid):
    """Points that a case makes equal are one: the count says so, too."""
    made = grid(params={"lr": "7,8,9,10"}, cases=CASES)

    assert rows(made) == ["lr=0.001 optimizer=adam", "lr=0.0001 optimizer=adam", "lr=0.1 optimizer=sgdm"]
    assert counts(made) == [(0, 1)]


def test_one_case_is_no_idle_rule(grid):
    made = grid("seed=0", cases=[{"lr": 1}])

    assert rows(made) == ["seed=0 lr=1"]
    assert not made.reports[0].is_idle


# --- per ------------------------------------------------------------------------------------------------------------


def test_per_adds_axes_only_under_the_choice(grid):
    made = grid("optimizer=adam,sgdm", "seed=0,1", per={"optimizer=sgdm": {"optimizer.momentum": "0.5,0.9,0.99"}})

    assert rows(made) == [
        "optimizer=adam seed=0",
        "optimizer=adam seed=1",
        *(f"optimizer=sgdm seed={seed} optimizer.momentum={m}" for seed in (0, 1) for m in ("0.5", "0.9", "0.99")),
    ]
    assert made.swept == ["optimizer", "seed", "optimizer.momentum"]
    assert made.reports == [RuleReport("per optimizer=sgdm: optimizer.momentum", added=4, note="applied")]


def test_per_replaces_a_range_under_the_choice(grid):
    made = grid(params={"optimizer": "adam,sgdm", "lr": "1e-3,1e-4,1e-5"}, per={"optimizer=sgdm": {"lr": "0.1,0.2"}})

    assert rows(made) == [
        *(f"optimizer=adam lr={lr}" for lr in ("0.001", "0.0001", "1e-05")),
        *(f"optimizer=sgdm lr={lr}" for lr in ("0.1", "0.2")),
    ]
    assert made.reports == [RuleReport("per optimizer=sgdm: lr", removed=1, note="its own values of lr are used")]


def test_the_command_line_pins_a_range_of_a_rule_in_a_file(grid):
    made = grid("lr=5", params={"optimizer": "adam,sgdm"}, per={"optimizer=sgdm": {"lr": "0.1,0.2"}})

    assert rows(made) == ["optimizer=adam lr=5", "optimizer=sgdm lr=5"]
    assert made.reports[0].note == "the command line's lr is used instead"


def test_a_rule_given_on_the_command_line_wins_over_values_given_there(grid):
    made = grid(
        "lr=5,6", "optimizer=adam,sgdm", per={"optimizer=sgdm": {"lr": 0.1}}, on_command_line=frozenset({"per"})
    )

    assert rows(made) == ["lr=5 optimizer=adam", "lr=0.1 optimizer=sgdm", "lr=6 optimizer=adam"]
    assert counts(made) == [(0, 1)]


@pytest.mark.parametrize(
    ("condition", "matched"),
    [
        ("optimizer=sgdm", {"sgdm 0.1", "sgdm 0.2"}),
        ("optimizer.sgdm", {"sgdm 0.1", "sgdm 0.2"}),
        ("optimizer=sgdm,adam", {"sgdm 0.1", "sgdm 0.2", "adam 0.1", "adam 0.2"}),
        ("optimizer='sgdm'", {"sgdm 0.1", "sgdm 0.2"}),
        ("optimizer=glob(sgd*)", {"sgdm 0.1", "sgdm 0.2"}),
        ("optimizer=sgdm & lr=0.2", {"sgdm 0.2"}),
        ("optimizer=sgdm&lr=2e-1", {"sgdm 0.2"}),
        ("lr=0.10", {"sgdm 0.1", "adam 0.1", "radam 0.1"}),
        ("lr=range(0.1,0.2,0.1)", {"sgdm 0.1", "adam 0.1", "radam 0.1"}),
        # the choices of groups that no line names
        ("model=mlp & optimizer=adam", {"adam 0.1", "adam 0.2"}),
        ("model=lenet", set()),
        ("absent=1", set()),
        ("optimizer=sgdmm", set()),
    ],
)
def test_a_condition_is_one_or_more_choices(condition, matched, grid):
    """Values are compared, not their spelling; a group that no line names has its default choice."""
    per = {condition: {"momentum": 0.5}}
    made = grid("optimizer=adam,radam,sgdm", "lr=0.1,0.2", per=per, choices={"model": "mlp", "optimizer": "adam"})

    found = {(point["optimizer"], point["lr"]) for point in made.points if "momentum" in point}
    assert {" ".join(line.partition("=")[2] for line in pair) for pair in found} == matched
    assert len(made.points) == 6
    assert made.reports[0].is_idle == (not matched)
    assert ("momentum" in made.swept) == bool(matched)


@pytest.mark.parametrize("condition", ["optimizer", "optimizer=sgdm & ", "optimizer==sgdm", "optimizer=interval(0,1)"])
def test_a_condition_that_is_no_choice_is_a_fault(condition, grid):
    with pytest.raises(ConfigFault, match=r"hydra.sweeper.per: '.*' must be a choice such as optimizer=sgdm"):
        grid("optimizer=adam,sgdm", per={condition: {"lr": 1}})


def test_rules_follow_each_other(grid):
    """Each rule works on what the one before has left, and counts that."""
    made = grid(
        "seed=0,1",
        cases=CASES,
        per={"optimizer=sgdm": {"momentum": "0.5,0.9"}, "momentum=0.9": {"nesterov": "true,false"}},
    )

    # 4 of adam; 2 seeds x (0.5, and 0.9 with and without) of sgdm
    assert len(made.points) == 4 + 2 * 3
    assert counts(made) == [(4, 0), (2, 0), (2, 0)]


@pytest.mark.parametrize(
    ("report", "is_idle"),
    [
        (RuleReport("r"), True),
        (RuleReport("r", added=1), False),
        (RuleReport("r", removed=1), False),
        (RuleReport("r", note="applied"), False),
    ],
)
def test_a_rule_that_did_nothing_is_idle(report, is_idle):
    assert report.is_idle is is_idle
