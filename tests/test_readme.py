"""Every command of the README is run, with the files that it shows, in the order in which a reader meets them."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)

# one worker for all: the commands are run once
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("readme")]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """What each command printed, by command; the README's files are written where it says."""
    folder = tmp_path_factory.mktemp("reader")
    # `python` is the environment's, as after activating it
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {key: value for key, value in os.environ.items() if not key.startswith("WANDB")}
    printed = {}
    for kind, text in BLOCKS:
        named = re.search(r"^# ((?:conf|my_sweeps)/\S+)$", text, flags=re.MULTILINE)
        if kind == "sh":
            for line in text.splitlines():
                if line.startswith("cd "):
                    folder /= shlex.split(line)[1]
                    continue
                run = subprocess.run(
                    line,
                    shell=True,
                    cwd=folder,
                    env={**kept, "PATH": path},
                    capture_output=True,
                    text=True,
                    timeout=300,
                    check=False,
                )
                printed[line] = run
        elif named:
            (folder / named[1]).parent.mkdir(exist_ok=True)
            (folder / named[1]).write_text(text, encoding="utf-8")
    return printed


def test_the_commands_are_run_once(request):
    """Which takes that the groups of tests have an effect."""
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("tests are not sent to several processes by their groups")

    assert request.node.nodeid.endswith("@readme")


def test_every_command_succeeds(done):
    assert len(done) >= 10
    for line, run in done.items():
        assert run.returncode == 0, f"{line}\n{run.stdout}\n{run.stderr}"


def test_the_table_is_the_one_that_is_shown(done):
    """Same settings, and figures that agree up to the rounding of another machine."""
    shown = next(block for kind, block in BLOCKS if kind == "text")
    printed = done["python -m sweeplab -m optimizer=adam,radam,sgdm lr=1e-3,1e-5"].stdout
    row = re.compile(r"^(\w+) +(1e-[35])[ *]+1/1 +(0\.\d+) +(0\.\d+)", flags=re.MULTILINE)
    expected, found = row.findall(shown), row.findall(printed)[:6]

    assert [line[:2] for line in found] == [line[:2] for line in expected]
    for one, other in zip(found, expected, strict=True):
        assert float(one[2]) == pytest.approx(float(other[2]), abs=0.02)


def test_more_seeds_train_only_the_new_cells(done):
    assert (
        "6 finished already"
        in done["python -m sweeplab -m optimizer=adam,radam,sgdm lr=1e-3,1e-5 'seed=range(0,3)'"].stdout
    )


def test_the_example_rule_removes_one_cell(done):
    assert (
        "exclude optimizer=adam, lr=0.1: +0 -1"
        in done["python -m sweeplab plan --config-dir conf experiment=rings"].stdout
    )


@pytest.mark.parametrize("target", ["sweep", "test"])
def test_the_two_commands_are_those_of_the_makefile(target):
    """`make sweep` runs the line that the README says it runs."""
    told = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    line = re.search(rf"make {target} .*", README)[0]

    wanted = line.partition("then runs: ")[2] or "-m pytest"
    assert wanted in told
