"""The plan of a line: which cells, under which names, with which faults, before anything trains."""

import re

import pytest

from sweeplab.cell import CIRCUMSTANCE, Cell, flatten, identify, science
from sweeplab.errors import ConfigFault
from sweeplab.plan import all_faults, axis_name, name_sweep, plan_points, varied_axes
from sweeplab.verbs.plan import plan_of


def ids(plan) -> list[str]:
    return [cell.id for cell in plan.cells]


def labels(plan) -> list[str]:
    return [cell.label for cell in plan.cells]


def report_of(plan, word: str):
    [report] = [report for report in plan.rules if word in report.rule]
    return report


# --- cells ----------------------------------------------------------------------------------------------------------


def test_a_line_is_its_grid(plan):
    made = plan("optimizer=adam,sgdm", "lr=1e-3,1e-5")

    assert labels(made) == ["adam lr=0.001", "adam lr=1e-05", "sgdm lr=0.001", "sgdm lr=1e-05"]
    assert made.axes == {"optimizer": ["adam", "sgdm"], "lr": [0.001, 1e-5]}
    assert made.num_points == 4
    assert made.rules == []
    assert made.warnings == []
    for cell in made.cells:
        assert cell.id == identify(cell.config)
        assert cell.choices["optimizer"] == cell.axes["optimizer"]
        assert cell.config["optimizer"]["lr"] == cell.axes["lr"]
        assert cell.overrides == (f"optimizer={cell.axes['optimizer']}", f"lr={cell.axes['lr']}")


def test_a_line_without_axes_is_one_cell(plan):
    made = plan("lr=0.5")

    assert len(made.cells) == 1
    assert made.axes == {}
    assert made.cells[0].label == "cell"


def test_the_order_of_overrides_does_not_count(plan):
    one = plan("lr=0.1", "optimizer=sgdm", "optimizer.momentum=0.5", "batch_size=16")
    other = plan("batch_size=16", "optimizer.momentum=0.5", "lr=1e-1", "optimizer=sgdm")

    assert ids(one) == ids(other)


def test_a_default_written_out_is_the_same_cell(plan):
    assert ids(plan("optimizer=adam", "seed=0", "lr=0.001", "model=mlp")) == ids(plan())


@pytest.mark.parametrize(
    "word",
    [
        "runtime.workers=4",
        "runtime.output_dir=x",
        "tracker=none",
        "tracker.project=x",
        "name=x",
        "tags=[a]",
        "dataset.root=x",
        "dataset.in_memory=auto",
        "runtime.data_dir=x",
        "trusted_targets=[my_package]",
        "hydra.job.name=x",
    ],
)
def test_circumstance_makes_no_other_cell(word, plan):
    """Where data lie, who looks on and how many cells train at once cannot change a result."""
    assert ids(plan(word)) == ids(plan())


def test_users_name_their_own_circumstance(plan):
    listed = "circumstance=[dataset.root,dataset.download,trusted_targets,note.text]"

    assert ids(plan(listed, "+note={text:a,level:1}")) == ids(plan(listed, "+note={text:b,level:1}"))
    assert ids(plan(listed, "+note={text:a,level:1}")) != ids(plan(listed, "+note={text:a,level:2}"))


def test_every_key_that_is_shipped_is_science_or_named_circumstance(plan):
    """A new key counts for the identity until someone says that it cannot change a result."""
    config = plan().cells[0].config
    counted = flatten(science(config))
    apart = {"dataset.root", "dataset.download", "dataset.in_memory", "dataset.class_names", "trusted_targets"}

    for key in flatten(config):
        assert (key in counted) == (key.partition(".")[0] not in CIRCUMSTANCE and key not in apart), key


def test_points_that_resolve_to_one_configuration_are_one_cell(plan):
    """Nothing trains twice, and the plan says how many points fell together."""
    made = plan("lr=1e-3,0.001,1e-4", "runtime.workers=0,1")

    assert labels(made) == ["lr=0.001", "lr=0.0001"]
    assert made.axes == {"lr": [0.001, 0.0001]}
    assert made.num_points == 6
    assert report_of(made, "resolve to the same configuration").removed == 4


def test_points_of_another_sweeper_make_the_same_plan(plan, loader, master):
    jobs = [[f"optimizer={name}", f"lr={lr}"] for name in ("adam", "sgdm") for lr in ("0.001", "1e-05")]

    given = plan_points(loader, master([]), jobs)

    assert given == plan("optimizer=adam,sgdm", "lr=1e-3,1e-5")


# --- experiments and rules ------------------------------------------------------------------------------------------


def test_an_experiment_brings_its_axes_as_text(plan):
    made = plan("experiment=grid")

    assert labels(made) == ["lr=0.1 seed=0", "lr=0.1 seed=1", "lr=0.01 seed=0", "lr=0.01 seed=1"]
    assert {cell.choices["optimizer"] for cell in made.cells} == {"sgdm"}
    assert {cell.config["max_epochs"] for cell in made.cells} == {3}


def test_an_experiment_brings_its_axes_as_yaml(plan):
    made = plan("experiment=listed")

    assert made.axes == {
        "lr": [0.1, 0.01],
        "optimizer": ["adam", "sgdm"],
        "model.hidden_sizes": [[64], [64, 32]],
        "gradient_clip": [None, 1.0],
    }
    assert len(made.cells) == 16


def test_the_command_line_wins_over_an_experiment(plan):
    made = plan("experiment=grid", "lr=0.5", "optimizer=adam", "max_epochs=1")

    assert labels(made) == ["seed=0", "seed=1"]
    assert {(cell.config["lr"], cell.choices["optimizer"]) for cell in made.cells} == {(0.5, "adam")}
    assert {cell.config["max_epochs"] for cell in made.cells} == {1}


def test_rules_of_an_experiment(plan):
    made = plan("experiment=ruled")

    assert labels(made) == [
        "adam lr=0.001",
        "adam lr=0.0001",
        *(f"sgdm lr={lr} momentum={momentum}" for lr in (0.1, 0.2, 0.3) for momentum in (0.5, 0.9)),
    ]
    assert made.axes["optimizer.momentum"] == [None, 0.5, 0.9]
    assert (report_of(made, "per").added, report_of(made, "per").removed) == (4, 0)


def test_the_command_line_pins_what_a_rule_of_an_experiment_varies(plan):
    made = plan("experiment=ruled", "lr=5")

    assert labels(made) == ["adam", "sgdm momentum=0.5", "sgdm momentum=0.9"]
    assert {cell.config["lr"] for cell in made.cells} == {5}


def test_one_rule_on_the_command_line_lifts_no_other_above_it(plan):
    """Typing an `exclude` does not take back the typed lr."""
    made = plan("experiment=ruled", "lr=5", "hydra.sweeper.exclude=['seed > 3']")

    assert labels(made) == ["adam", "sgdm momentum=0.5", "sgdm momentum=0.9"]
    assert {cell.config["lr"] for cell in made.cells} == {5}


def test_a_rule_on_the_command_line_wins_over_a_value_there(plan):
    made = plan("optimizer=adam,sgdm", "lr=1e-3,1e-4", "hydra.sweeper.per={optimizer.sgdm:{lr:'0.1,0.2'}}")

    assert labels(made) == ["adam lr=0.001", "adam lr=0.0001", "sgdm lr=0.1", "sgdm lr=0.2"]


def test_per_knows_the_default_choice_of_a_group(plan):
    """Nobody typed optimizer=adam, and the cells have it all the same."""
    made = plan("seed=0,1", "hydra.sweeper.per={optimizer.adam:{optimizer.eps:'1e-8,1e-4'}}")

    assert [cell.config["optimizer"]["eps"] for cell in made.cells] == [1e-8, 1e-4] * 2
    assert made.warnings == []


def test_per_knows_the_choice_of_an_experiment(plan):
    made = plan("experiment=grid", "seed=0", "hydra.sweeper.per={optimizer.sgdm:{optimizer.momentum:'0.5,0.9'}}")

    assert labels(made) == [f"lr={lr} momentum={momentum}" for lr in (0.1, 0.01) for momentum in (0.5, 0.9)]


def test_cases_of_an_experiment(plan):
    made = plan("experiment=cased", "seed=0,1")

    assert len(made.cells) == 6
    assert report_of(made, "cases").added == 4


def test_zip_on_the_command_line(plan):
    made = plan("lr=1e-3,1e-4", "batch_size=16,64", "hydra.sweeper.zip=[[lr,batch_size]]")

    assert labels(made) == ["lr=0.001 batch_size=16", "lr=0.0001 batch_size=64"]
    assert report_of(made, "zip").removed == 2


def test_exclude_takes_cells_out_and_counts_them(plan):
    made = plan(
        "optimizer=adam,sgdm",
        "lr=1e-3,1e-5",
        "seed=range(0,3)",
        "hydra.sweeper.exclude=[{optimizer:sgdm,lr:0.00001},'seed == 2 and optimizer == \"adam\"']",
    )

    assert report_of(made, "optimizer=sgdm").removed == 3
    assert report_of(made, "seed == 2").removed == 2
    assert len(made.cells) == made.num_points - 5 == 7


def test_excluded_cells_are_counted_by_the_first_rule_that_takes_them(plan):
    made = plan("lr=1,2,3,4", "seed=0,1", "hydra.sweeper.exclude=[{lr:[1,2]},{lr:[2,3]}]")

    assert [report.removed for report in made.rules] == [4, 2]
    assert labels(made) == ["seed=0", "seed=1"]


def test_a_key_of_cells_that_an_earlier_rule_took_is_no_typing_error(plan):
    made = plan("optimizer=adam,sgdm", "hydra.sweeper.exclude=[{optimizer:sgdm},{optimizer.momentum:0.9}]")

    assert labels(made) == ["adam"]
    assert made.warnings == ["the rule 'exclude optimizer.momentum=0.9' matched nothing"]


@pytest.mark.parametrize(
    "word",
    [
        "hydra.sweeper.exclude=[{lr:7}]",
        "hydra.sweeper.exclude=['lr > 7']",
        "hydra.sweeper.per={optimizer.lion:{optimizer.betas:'[0.9,0.9]'}}",
    ],
)
def test_a_rule_that_matches_nothing_is_a_warning(word, plan):
    """A rule that does nothing is most often one that was meant to do something."""
    [warning] = plan("lr=1,2", word).warnings

    assert warning.startswith("the rule '")
    assert warning.endswith("' matched nothing")


def test_a_key_that_no_cell_has_is_a_fault(plan):
    with pytest.raises(ConfigFault, match=r"no cell has the key 'lrr' \(did you mean 'lr'\?\)"):
        plan("lr=1,2", "hydra.sweeper.exclude=[{lrr:1}]")


def test_a_plan_without_cells_is_a_fault(plan):
    with pytest.raises(ConfigFault, match="no cell is left of 2: every one was excluded"):
        plan("lr=1,2", "hydra.sweeper.exclude=['lr > 0']")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("hydra.sweeper.zip=[lr,seed]", r"zip must be such as \[\[lr, batch_size\]\], got \['lr', 'seed'\]"),
        ("hydra.sweeper.cases={lr:1}", r"hydra.sweeper.cases"),
        ("hydra.sweeper.cases=[5]", r"hydra.sweeper.cases must be such as \[\{optimizer: adam.*, got \[5\]"),
        ("hydra.sweeper.per=[1]", "hydra.sweeper.per must be such as"),
        ("hydra.sweeper.per={optimizer.sgdm:3}", "hydra.sweeper.per must be such as"),
        ("hydra.sweeper.params=[1]", "hydra.sweeper.params must be such as"),
        ("hydra.sweeper.exclude='lr > 1'", "hydra.sweeper.exclude"),
        ("hydra.sweeper.exclude=['lr >']", "expression 'lr >' has a fault at character"),
    ],
)
def test_a_rule_of_the_wrong_shape_is_a_fault(word, message):
    with pytest.raises(ConfigFault, match=message):
        plan_of(["lr=1,2", "seed=0,1", word])


# --- faults ---------------------------------------------------------------------------------------------------------


def test_all_faults_are_told_together():
    """One look at the list mends the line: no second try to see the second fault."""
    with pytest.raises(ConfigFault) as caught:
        plan_of(
            [
                "optimizer=adm",
                "lrr=1",
                "lr=-1,2",
                "batch_size=0",
                "select.monitor=test/accuracy",
                "+model.bogus=1",
                "scheduler._target_=os.system",
                "early_stopping.patience=two",
            ]
        )

    for part in (
        "unknown choice optimizer=adm (did you mean 'adam'?)",
        "unknown key 'lrr' in lrr=1 (did you mean 'lr'?)",
        "lr must be > 0, got -1",
        "batch_size must be a whole number >= 1, got 0",
        "select.monitor must be one of val/accuracy, val/loss",
        "sweeplab.models.mlp.MLP has no argument 'bogus'",
        "_target_ 'os.system' is not trusted",
        "early_stopping.patience must be a whole number of epochs >= 0, got 'two'",
    ):
        assert sum(part in fault for fault in caught.value.faults) == 1, part
    assert len(caught.value.faults) == 8


def test_a_fault_of_some_cells_names_them(plan):
    with pytest.raises(ConfigFault) as caught:
        plan("lr=-1,1e-3", "seed=0,1,2", "batch_size=0")

    assert caught.value.faults == [
        "lr must be > 0, got -1 (set it as lr=1e-3) (in 3 of 6 cells, first: lr=-1 seed=0)",
        "batch_size must be a whole number >= 1, got 0",
    ]


def test_a_very_long_list_of_faults_is_cut_and_says_so(plan):
    with pytest.raises(ConfigFault) as caught:
        plan("seed=range(-50,0)")

    assert len(caught.value.faults) == 21
    assert caught.value.faults[-1] == "… and 30 more"


def test_a_value_that_must_be_given_is_a_fault(plan):
    with pytest.raises(ConfigFault, match=r"gradient_clip must be given, got \?\?\?"):
        plan("gradient_clip=???")


def test_a_fault_is_told_once_however_many_cells_have_it(plan):
    sound = plan("seed=0,1,2").cells
    broken = [Cell(cell.id, {**cell.config, "batch_size": 0}, cell.axes) for cell in sound]

    assert all_faults(sound) == []
    assert all_faults(broken) == ["batch_size must be a whole number >= 1, got 0"]
    assert all_faults([*sound[:2], broken[2]]) == [
        "batch_size must be a whole number >= 1, got 0 (in 1 of 3 cells, first: seed=2)"
    ]


# --- axes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "expected"), [("lr", "lr"), ("+momentum", "momentum"), ("++a.b", "a.b"), ("~x", "x")])
def test_an_axis_is_named_by_its_key(key, expected):
    assert axis_name(key) == expected


def test_only_keys_that_vary_are_axes():
    cells = [Cell(str(i), {}, {"lr": 0.1, "seed": i, "list": [i // 2]}) for i in range(3)]

    assert varied_axes(cells, ["lr", "seed", "list"]) == {"seed": [0, 1, 2], "list": [[0], [1]]}
    assert varied_axes(cells[:1], ["lr", "seed"]) == {"lr": [0.1], "seed": [0]}


def test_added_keys_are_axes_under_their_own_name(plan):
    made = plan("+optimizer.foreach=true,false", "optimizer.fused=false")

    assert made.axes == {"optimizer.foreach": [True, False]}


# --- names ----------------------------------------------------------------------------------------------------------


def test_the_same_line_finds_the_same_folder(plan):
    """In whatever order it is typed: no time and no counter is in the name."""
    name = plan("optimizer=adam,sgdm", "lr=1e-3,1e-5").name

    assert name == plan("optimizer=adam,sgdm", "lr=1e-3,1e-5").name
    assert name == plan("optimizer=sgdm,adam", "lr=0.00001,0.001", "runtime.workers=1").name
    assert name.startswith("optimizer-lr-")
    assert name.split("-")[-1] == plan("lr=1e-5,1e-3", "optimizer=adam,sgdm").name.split("-")[-1]


def test_a_widened_line_has_another_name_and_the_same_cells(plan):
    narrow = plan("lr=1e-3,1e-5")
    wide = plan("lr=1e-3,1e-5,1e-7")

    assert narrow.name != wide.name
    assert set(ids(narrow)) < set(ids(wide))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["experiment=grid"], r"grid-[0-9a-f]{6}"),
        (["optimizer.lr=1,2", "seed=0,1"], r"lr-seed-[0-9a-f]{6}"),
        ([], r"mlp-digits-adam-[0-9a-f]{6}"),
        (["name=mine", "lr=1,2"], r"mine"),
        (["dataset/augment=none,shift"], r"dataset_augment-[0-9a-f]{6}"),
    ],
)
def test_a_sweep_is_named_by_its_preset_or_its_axes(words, expected, plan):
    assert re.fullmatch(expected, plan(*words).name)


def test_a_name_is_short_enough_for_a_folder():
    cells = [Cell("0", {}, {}, {"experiment": "é/" * 200})]

    assert len(name_sweep(cells, [])) <= 67
    assert "/" not in name_sweep(cells, [])
