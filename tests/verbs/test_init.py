"""`sweeplab init`: a small project of one's own that works as it is written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sweeplab.cli import main
from sweeplab.verbs.init import write_example

ROOT = Path(__file__).parents[2]


def in_folder(folder: Path, *words: str) -> subprocess.CompletedProcess:
    """Run what the README of the example says, where it says so."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    environment["PYTHONPATH"] = str(ROOT)
    return subprocess.run([sys.executable, "-m", *words], cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("init") / "new" / "project"
    write_example(folder)
    return folder


def test_it_writes_the_example_and_says_what_to_do_next(here, capsys):
    assert main(["init", "mine"]) == 0

    written = {path.relative_to("mine").as_posix() for path in Path("mine").rglob("*") if path.is_file()}
    assert written == {
        "README.md",
        "conf/experiment/first.yaml",
        "conf/model/tiny_cnn.yaml",
        "conf/optimizer/sign_sgd.yaml",
        "my_sweeps/__init__.py",
        "my_sweeps/models.py",
        "my_sweeps/optimizers.py",
        "tests/test_my_sweeps.py",
    }
    said = capsys.readouterr().out
    assert said.startswith("wrote a working example to mine; now:")
    assert (Path("mine") / "README.md").read_text() in said


def test_an_empty_folder_will_do(here):
    Path("mine").mkdir()

    assert main(["init", "mine"]) == 0
    assert Path("mine/README.md").is_file()


def test_a_folder_that_holds_something_is_left_as_it_is(here, capsys):
    Path("mine").mkdir()
    Path("mine/README.md").write_text("my own words")

    assert main(["init", "mine"]) == 2
    assert "sweeplab init writes into a new or empty folder, and mine is neither: nothing was written" in (
        capsys.readouterr().err
    )
    assert [path.read_text() for path in Path("mine").rglob("*")] == ["my own words"]


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_place_that_cannot_be_a_folder_is_refused(place, here, capsys):
    Path("file").write_text("text")

    assert main(["init", place]) == 2
    assert capsys.readouterr().err.startswith("sweeplab: ")
    assert [path.name for path in here.rglob("*")] == ["file"]
    assert Path("file").read_text() == "text"


def test_the_experiment_of_the_example_is_eight_cells(project):
    done = in_folder(project, "sweeplab", "plan", "--config-dir", "conf", "experiment=first")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("first-")
    assert done.stdout.splitlines()[0].endswith(": 8 cells")
    assert "  optimizer: sign_sgd, adam\n" in done.stdout
    assert "  lr: 0.01, 0.001\n" in done.stdout
    assert "  seed: 0, 1\n" in done.stdout


def test_the_package_of_the_example_is_trusted_by_one_line(project, tmp_path):
    """Without it, the same configuration is refused: a `_target_` runs code."""
    line = ["--config-dir", str(project / "conf"), "model=tiny_cnn"]
    refused = in_folder(project, "sweeplab", "plan", *line)
    trusted = in_folder(project, "sweeplab", "plan", *line, "trusted_targets=[my_sweeps]")

    assert refused.returncode == 2
    assert "_target_ 'my_sweeps.models.TinyCNN' is not trusted" in refused.stderr
    assert trusted.returncode == 0, trusted.stderr


def test_the_tests_of_the_example_pass(project):
    done = in_folder(project, "pytest", "-q", "tests", "-p", "no:cacheprovider")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
