"""Secrets stay out of files and trackers, and nothing else is touched."""

import pytest

from sweeplab.secrets import is_secret_name, known_secrets, scrub

CANARY = "canary-0123456789"


@pytest.mark.parametrize(
    "name",
    ["api_key", "apiKey", "WANDB_API_KEY", "hf_token", "HF_TOKEN", "token", "AWS_SECRET_ACCESS_KEY", "githubToken",
     "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID", "client-secret", "db.password", "passwd", "private_key"],
)  # fmt: skip
def test_names_that_say_secret(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["use_cls_token", "cls_token", "num_tokens", "max_tokens", "token_dim", "token_pooling", "tokenizer", "pad_token",
     "key", "num_keys", "key_dim", "lr", "secretary", "passes", "monitor", "AWS_REGION", "bypass", "mask_token", ""],
)  # fmt: skip
def test_names_of_science_are_no_secrets(name: str) -> None:
    assert not is_secret_name(name)


def test_texts_under_secret_names_are_hidden_at_any_depth() -> None:
    config = {"model": {"use_cls_token": "mean", "hub": [{"hf_token": CANARY, "name": "vit"}]}, "lr": 1e-3}

    assert scrub(config, {}) == {
        "model": {"use_cls_token": "mean", "hub": [{"hf_token": "***", "name": "vit"}]},
        "lr": 1e-3,
    }


def test_collections_under_secret_names_are_hidden_whole() -> None:
    assert scrub({"api_keys": ["one", "two"], "secrets": {"a": "b"}}, {}) == {
        "api_keys": ["***", "***"],
        "secrets": {"a": "***"},
    }


def test_values_of_the_environment_are_hidden_inside_any_text() -> None:
    environ = {"HF_TOKEN": CANARY, "HOME": "/home/someone", "WANDB_API_KEY": f"{CANARY}-longer"}
    message = f"401 for {CANARY}-longer and {CANARY} in /home/someone"

    assert scrub((message, [message]), environ) == (
        "401 for *** and *** in /home/someone",
        ["401 for *** and *** in /home/someone"],
    )


def test_short_values_of_the_environment_are_not_looked_for() -> None:
    """`HF_TOKEN=1` must not turn every 1 of a record into stars."""
    assert known_secrets({"HF_TOKEN": "1", "API_KEY": "secret-enough"}) == ["secret-enough"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("git clone https://user:pa55@example.org/x", "git clone https://***@example.org/x"),
        ("https://ghp_abc@example.org/x", "https://***@example.org/x"),
        ("postgresql://me:pw@db:5432/x", "postgresql://***@db:5432/x"),
        ("ssh://git@example.org/x", "ssh://git@example.org/x"),
        ("https://example.org/a@b?c=d", "https://example.org/a@b?c=d"),
        ("mail me@example.org", "mail me@example.org"),
    ],
)
def test_logins_in_addresses_are_hidden(text: str, expected: str) -> None:
    assert scrub(text, {}) == expected


def test_all_else_is_left_as_it_is_and_the_original_untouched() -> None:
    value = {"a": 1, "token": None, "password": 7, "b": (1.5, True, None), "password_text": "x"}

    assert scrub(value, {}) == {"a": 1, "token": None, "password": 7, "b": (1.5, True, None), "password_text": "***"}
    assert value["password_text"] == "x"


def test_reads_this_process_environment_unless_given_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", CANARY)

    assert scrub(f"key {CANARY}") == "key ***"
