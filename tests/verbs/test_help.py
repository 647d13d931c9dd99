"""`--help`: every verb, every choice, every key, read from the files themselves."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from sweeplab.cli import main
from sweeplab.verbs import VERBS, find

CONF = Path(__file__).parents[2] / "conf"


@pytest.mark.parametrize("word", ["--help", "-h", "help"])
def test_it_shows_every_verb_every_choice_and_every_key(word, here, capsys):
    assert main([word]) == 0
    text = capsys.readouterr().out

    for verb, words in VERBS.items():
        assert f"  {verb:<8} {words}\n" in text
    words = " ".join(text.split())
    for group in ("dataset", "dataset/augment", "preprocess", "model", "init", "optimizer", "scheduler", "experiment"):
        names = sorted(path.stem for path in (CONF / group).glob("*.yaml"))
        assert f"{group}: {', '.join(names)} " in words
    for key in OmegaConf.load(CONF / "config.yaml"):
        assert (f"\n  {key}:" in text) == (key not in ("defaults", "hydra", "override"))


def test_it_tells_what_each_key_means(here, capsys):
    main(["--help"])

    assert "learning rate, > 0" in capsys.readouterr().out


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_there_and_explains_itself(verb, here, capsys):
    run = find(verb)
    assert run is not None
    try:
        code = run(["--help"])
    except SystemExit as ended:
        code = ended.code

    assert not code
    assert f"usage: python -m sweeplab {verb}" in capsys.readouterr().out
    assert list(here.iterdir()) == []


def test_other_words_are_no_verbs():
    assert find("lr=1") is None
    assert find("train") is None
