"""The command line: one clear message for each wrong line, exit code 2, and nothing written."""

import pytest

from sweeplab.cli import main, options_first


@pytest.fixture
def refused(capsys, tmp_path, monkeypatch):
    """Runs a line in an empty folder; gives its message, after checking the exit code and that nothing was written."""
    monkeypatch.chdir(tmp_path)

    def _refused(*words):
        code = main(list(words))

        assert code == 2
        assert list(tmp_path.iterdir()) == []
        return capsys.readouterr().err

    return _refused


def test_a_misspelt_verb_is_no_override(refused):
    message = refused("plann", "lr=1")

    assert "unknown verb 'plann' (did you mean 'plan'?)" in message
    assert "report" in message


@pytest.mark.parametrize("words", [("-m", "lr=1e-3,1e-4"), ("lr=1e-3",)], ids=["sweep", "one cell"])
def test_an_output_directory_that_cannot_be_is_refused(refused, words, tmp_path_factory):
    """Before torch is imported, let alone a cell trained."""
    taken = tmp_path_factory.mktemp("taken") / "file"
    taken.write_text("not a folder")
    message = refused(*words, f"runtime.output_dir={taken}/outputs", "tracker=none", "dataset=synthetic")

    assert message.startswith("sweeplab: runtime.output_dir must be a folder that can be written")
    assert str(taken) in message


def test_faults_of_one_cell_come_without_hydras_words(refused):
    message = refused("lr=-1", "batch_size=0")

    assert "lr must be > 0, got -1" in message
    assert "batch_size must be a whole number >= 1, got 0" in message
    assert "Error executing job" not in message


def test_a_sweep_without_m_says_what_is_missing(refused):
    assert "--multirun" in refused("lr=1e-3,1e-4")


def test_more_devices_than_examples_of_a_batch_are_refused(refused):
    words = refused("-m", "runtime.devices=64", "runtime.accelerator=cpu", "lr=1e-3,1e-4")

    assert "batch_size" in words
    assert "runtime.devices" in words
    assert "64" in words


def test_a_recorded_cell_that_is_not_there(capsys, tmp_path):
    from sweeplab.cli import rerun_cell

    assert rerun_cell([str(tmp_path)]) == 2
    assert "cell.json" in capsys.readouterr().err
    assert rerun_cell([]) == 2
    assert "usage: python -m sweeplab.cell FOLDER" in capsys.readouterr().err


def test_hydras_own_options_still_work(capsys):
    assert main(["--cfg", "job", "optimizer=radam", "--package", "optimizer"]) == 0
    assert "torch.optim.RAdam" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["a=1", "-m", "b=2"], ["-m", "a=1", "b=2"]),
        (["a=1", "--config-dir", "x", "b=2"], ["--config-dir", "x", "a=1", "b=2"]),
        (["-cd=x", "a=1"], ["-cd=x", "a=1"]),
        (["a=1", "~b"], ["a=1", "~b"]),
        (["a=1", "--cfg"], ["--cfg", "a=1"]),
    ],
)
def test_options_may_stand_anywhere(words, expected):
    """Hydra's parser refuses overrides on both sides of an option."""
    assert options_first(words) == expected
