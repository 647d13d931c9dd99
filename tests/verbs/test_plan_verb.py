"""`sweeplab plan`: says what a line would train, trains and writes nothing, and refuses what training would refuse."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sweeplab import record
from sweeplab.cli import main
from sweeplab.sweep import read_sweep
from sweeplab.verbs import plan as verb
from sweeplab.verbs.plan import plan_of


def nothing_written(folder: Path) -> bool:
    return list(folder.rglob("*")) == []


@pytest.fixture
def said(here, capsys):
    """What a line printed, after it ended well and wrote nothing."""

    def run(*words: str) -> str:
        before = sorted(here.rglob("*"))
        assert main(["plan", *words]) == 0
        assert sorted(here.rglob("*")) == before
        captured = capsys.readouterr()
        assert captured.err == ""
        return captured.out

    return run


# --- what it says ---------------------------------------------------------------------------------------------------


def test_it_shows_axes_and_cells(said):
    lines = said("optimizer=adam,sgdm", "lr=1e-3,1e-5").splitlines()
    plan = plan_of(["optimizer=adam,sgdm", "lr=1e-3,1e-5"])

    assert lines[:5] == [
        f"{plan.name}: 4 cells",
        "  optimizer: adam, sgdm",
        "  lr: 0.001, 1e-05",
        "steps: 38 an epoch, 760 a cell",
        "finished: 0 of 4; to train: 4",
    ]
    assert lines[5].startswith("time: unknown, since no cell of the same model, data set and batch size has finished")
    assert [line.split() for line in lines[7:]] == [
        [cell.id, cell.axes["optimizer"], str(cell.axes["lr"])] for cell in plan.cells
    ]


def test_it_shows_where_an_experiment_comes_from_and_how_it_differs(said):
    text = said("experiment=radam_cifar10")

    assert '  from: Rosebrock, "Rectified Adam' in text
    assert text.count("\n  differs: ") == len(plan_of(["experiment=radam_cifar10"]).config["known_deviations"]) > 1
    assert "steps: 390 an epoch, 29,250 a cell" in text


def test_steps_are_said_for_each_kind_of_cell(said):
    assert "steps: 38 | 75 an epoch, 76 | 114 | 150 | 225 a cell" in said("batch_size=16,32", "max_epochs=2,3")


@pytest.mark.parametrize("mark", ["-m", "--multirun"])
def test_the_words_of_a_training_line_can_be_pasted(mark, said):
    assert said(mark, "lr=1,2", "seed=0,1") == said("lr=1,2", "seed=0,1")


def test_it_shows_what_each_rule_did(said):
    text = said(
        "optimizer=adam,sgdm",
        "lr=1e-3,1e-5",
        "hydra.sweeper.exclude=[{optimizer:sgdm,lr:1e-5},'lr > 7']",
        "hydra.sweeper.per={optimizer.sgdm:{optimizer.momentum:'0.5,0.9,0.99'}}",
        "runtime.workers=0,1",
    )

    assert "rule per optimizer.sgdm: optimizer.momentum: +8 -0" in text
    assert "rule exclude optimizer=sgdm, lr=1e-05: +0 -6" in text
    assert "rule exclude lr > 7: +0 -0" in text
    assert "rule cells that resolve to the same configuration: +0 -5" in text
    assert "warning: the rule 'exclude lr > 7' matched nothing" in text
    assert ": 5 cells" in text


def test_a_long_grid_shows_its_beginning_and_says_how_much_more_there_is(said):
    text = said("seed=range(0,30)")

    assert "  seed: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, … (30 values)" in text
    assert "… and 10 more cells" in text
    assert sum(cell.id in text for cell in plan_of(["seed=range(0,30)"]).cells) == 20


def test_it_counts_what_is_finished_and_estimates_the_rest(here, said, finish):
    """Two likes at 3 s an epoch: two more cells of five epochs are 30 s in one slot, 15 s in two."""
    words = ["seed=range(0,4)", "max_epochs=5", "runtime.threads_per_cell=1"]
    for cell in plan_of(words).cells[:2]:
        finish(here / "outputs", cell, epochs=5, wall_time_s=15.0)

    one = said(*words, "runtime.cells_at_once=1")
    assert "finished: 2 of 4; to train: 2" in one
    assert "time: about 30 s (1 cell at once), from the times of 2 cells like them" in one
    assert [line.split()[-1] for line in one.splitlines()[-4:]] == ["yes", "yes", "2", "3"]
    assert "time: about 15 s (2 cells at once)" in said(*words, "runtime.cells_at_once=2")


def test_a_cell_of_another_kind_has_no_time(here, said, finish):
    words = ["model=mlp,lenet", "max_epochs=1", "runtime.cells_at_once=1"]
    finish(here / "outputs", plan_of(["seed=5", "max_epochs=1"]).cells[0], epochs=1, wall_time_s=600.0)

    expected = "about 10 min (1 cell at once), plus 1 cell whose time is unknown, from the times of 1 cell like them"
    assert expected in said(*words)


def test_a_finished_sweep_needs_no_time(here, said, finish):
    [cell] = plan_of(["lr=0.5"]).cells
    finish(here / "outputs", cell)

    text = said("lr=0.5")
    assert "finished: 1 of 1; to train: 0" in text
    assert "time:" not in text


def test_a_failed_cell_is_not_finished(here, said, finish):
    [cell] = plan_of(["lr=0.5"]).cells
    finish(here / "outputs", cell, state=record.FAILED)

    assert "finished: 0 of 1; to train: 1" in said("lr=0.5")


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (9000, "2.5 h")]
)
def test_times_are_told_in_a_fitting_unit(seconds, expected):
    assert verb._duration(seconds) == expected


def test_markup_in_a_value_is_only_text(said):
    assert "  note: [bold]x[/bold], y" in said("+note='[bold]x[/bold]',y")


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_it_explains_itself(word, said):
    assert said(word).startswith("usage: python -m sweeplab plan [--write] [--config-dir DIR] OVERRIDE...")


@pytest.mark.parametrize(
    "words",
    [
        ["optimizer=adam,sgdm", "lr=1e-3,1e-5", "runtime.cells_at_once=1"],
        ["experiment=ruled", "lr=5", "seed=0,1", "hydra.sweeper.exclude=['seed == 1 and optimizer.momentum > 0.5']"],
        ["experiment=cased", "name=mine", "hydra.sweeper.per={optimizer.sgdm:{optimizer.momentum:'0.5,0.9'}}"],
    ],
    ids=" ".join,
)
def test_training_takes_the_plan_that_was_shown(words, here, user_conf, monkeypatch):
    """The same words after `plan` and after `-m` are the same cells, names, rules and counts."""
    trained = []
    monkeypatch.setattr("sweeplab.launch.conduct.conduct", lambda plan, _console: trained.append(plan) or 0)

    assert main(["-m", "--config-dir", str(user_conf), *words]) == 0
    assert trained == [plan_of(["--config-dir", str(user_conf), *words])]
    assert nothing_written(here)


# --- a directory of one's own ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [["--config-dir", "{}"], ["--config-dir={}"], ["-cd", "{}"]])
def test_a_directory_of_ones_own_joins_the_shipped_one(form, said, user_conf):
    text = said(*(word.format(user_conf) for word in form), "experiment=grid")

    assert text.startswith("grid-")
    assert ": 4 cells" in text


def test_a_directory_may_be_named_as_seen_from_here(here, said):
    (here / "mine" / "model").mkdir(parents=True)
    (here / "mine" / "model" / "tiny.yaml").write_text("_target_: torch.nn.Identity\n")

    assert "model: tiny, mlp" in said("--config-dir", "mine", "model=tiny,mlp")


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.fixture
def refused(here, capsys, monkeypatch):
    """The faults of a line, after it was refused with exit code 2, wrote nothing and began no training."""

    def started(*_args, **_kwargs):
        raise AssertionError("training began")

    monkeypatch.setattr("sweeplab.launch.conduct.conduct", started)
    monkeypatch.setattr("sweeplab.single.run_here", started)

    def run(*words: str) -> list[str]:
        assert main(list(words)) == 2
        assert nothing_written(here)
        captured = capsys.readouterr()
        assert captured.out == ""
        first, *rest = captured.err.splitlines()
        assert first.startswith("sweeplab: ")
        if not rest:
            return [first.removeprefix("sweeplab: ")]
        assert first == f"sweeplab: {len(rest)} faults:"
        return [line.removeprefix("  - ") for line in rest]

    return run


WAYS = {
    "plan": ["plan"],
    "sweep": ["-m"],
    "one cell": [],
    "basic sweeper": ["-m", "hydra/sweeper=basic"],
    "basic launcher": ["-m", "hydra/launcher=basic"],
}
FAULTS = {
    "unknown key": ("lrr=1", "unknown key 'lrr' in lrr=1 (did you mean 'lr'?)"),
    "unknown choice": ("optimizer=adm", "unknown choice optimizer=adm (did you mean 'adam'?)"),
    "range": ("lr=-1", "lr must be > 0, got -1 (set it as lr=1e-3)"),
    "kind": ("seed=abc", "seed must be a whole number >= 0, got 'abc'"),
    "argument": ("+model.bogus=1", "sweeplab.models.mlp.MLP has no argument 'bogus'"),
    "target": ("scheduler._target_=os.system", "_target_ 'os.system' is not trusted"),
    "missing": ("gradient_clip=???", "gradient_clip must be given, got ???"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("way", ["plan", "sweep", "one cell"])
def test_a_fault_is_met_before_anything_is_written(way, fault, refused):
    """With exit code 2, and in words of ours alone."""
    word, message = FAULTS[fault]

    assert [message in told for told in refused(*WAYS[way], word)] == [True]


@pytest.mark.parametrize("way", WAYS)
def test_all_faults_are_told_at_once_however_the_line_is_run(way, refused):
    """One look at the list mends the line."""
    names = ["unknown key", "unknown choice", "range", "kind", "argument", "target"]
    told = refused(*WAYS[way], *(FAULTS[name][0] for name in names))

    for name in names:
        assert sum(FAULTS[name][1] in line for line in told) == 1, (name, told)
    assert len(told) == len(names)


@pytest.mark.parametrize("way", ["plan", "sweep"])
def test_a_reference_to_nothing_is_met_before_anything_is_written(way, refused):
    assert ["Interpolation key 'absent' not found" in told for told in refused(*WAYS[way], "lr=${absent}")] == [True]


@pytest.mark.parametrize("way", ["plan", "sweep"])
def test_a_fault_of_some_cells_names_them(way, refused):
    told = refused(*WAYS[way], "lr=-1,1e-3", "seed=0,1")

    assert told == ["lr must be > 0, got -1 (set it as lr=1e-3) (in 2 of 4 cells, first: lr=-1 seed=0)"]


@pytest.mark.parametrize("way", ["plan", "sweep"])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lr=1,2", "seed=0,1,2", "hydra.sweeper.zip=[[lr,seed]]"], "lr has 2, seed has 3"),
        (["lr=1,2", "hydra.sweeper.exclude=[{lrr:1}]"], "no cell has the key 'lrr'"),
        (["lr=1,2", "hydra.sweeper.exclude=['lr >']"], "has a fault at character"),
        (["lr=1,2", "hydra.sweeper.exclude=['lr > 0']"], "no cell is left of 2: every one was excluded"),
        (["lr=1,2", "hydra.sweeper.per=[1]"], "hydra.sweeper.per must be such as"),
        (["lr=1,2", "hydra.sweeper.none=[1]"], "hydra.sweeper.none"),
        (["lr=interval(0,1)"], "not an interval"),
        (["lr=1,,2"], "1,,2"),
        (["experiment=absent"], "absent"),
    ],
    ids=str,
)
def test_a_rule_that_cannot_be_is_met_before_anything_is_written(way, words, message, refused):
    assert [message in told for told in refused(*WAYS[way], *words)] == [True]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--verbose"], "unknown option '--verbose' · usage: python -m sweeplab plan"),
        (["--config-dir", "absent"], "--config-dir must be a directory, got 'absent' · usage: "),
        (["--config-dir"], "--config-dir must be a directory, got ''"),
        (["--config-dir="], "--config-dir must be a directory, got ''"),
    ],
)
def test_options_that_are_not_there_are_refused(words, message, refused):
    assert [message in told for told in refused("plan", *words)] == [True]


@pytest.mark.parametrize("way", [["plan"], ["-m"]])
def test_a_real_process_refuses_too(way, tmp_path):
    """Not only in the process that tests: exit code 2, words on stderr, an empty folder."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-m", "sweeplab", *way, "lrr=1", "lr=-1,2"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines()[0] == "sweeplab: 2 faults:"
    assert "Traceback" not in done.stderr
    assert nothing_written(tmp_path)


def test_a_taken_name_is_met_before_anything_is_written(here, capsys, monkeypatch):
    from sweeplab.sweep import write_sweep

    plan = plan_of(["name=mine", "seed=0,1"])
    write_sweep(plan, command=[], code={})
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    monkeypatch.setattr("sweeplab.launch.conduct.train", None)

    assert main(["-m", "name=mine", "seed=5"]) == 2
    assert "the sweep name 'mine' is taken: this line lacks 2 of its 2 cells" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before


# --- writing it down ------------------------------------------------------------------------------------------------


def test_it_writes_the_plan_down_when_asked_to(here, capsys):
    """As the line itself would; the command is the line, so that it can be run again."""
    words = ["lr=0.1,0.01", "runtime.data_dir=a b"]
    assert main(["plan", *words, "--write"]) == 0
    [folder] = Path("outputs/sweeps").iterdir()
    sweep = read_sweep(folder)
    plan = plan_of(words)

    assert capsys.readouterr().out.splitlines()[-1].endswith(f": python -m sweeplab worker {folder}")
    assert shlex.split(sweep.command) == ["python", "-m", "sweeplab", "-m", *words]
    assert [cell_id for cell_id, _ in sweep.cells] == [cell.id for cell in plan.cells]
    assert [record.read_asked(sweep.cell_folder(cell.id)).config for cell in plan.cells] == [
        cell.config for cell in plan.cells
    ]
    assert {record.read_state(sweep.cell_folder(cell.id)) for cell in plan.cells} == {record.PENDING}
    assert not Path("a b").exists()


def test_a_plan_whose_name_is_taken_is_not_written(here, capsys):
    assert main(["plan", "lr=1,2", "name=mine", "--write"]) == 0
    assert main(["plan", "lr=3,4", "name=mine", "--write"]) == 2
    assert "the sweep name 'mine' is taken" in capsys.readouterr().err
    assert len(list(Path("outputs/cells").iterdir())) == 2
