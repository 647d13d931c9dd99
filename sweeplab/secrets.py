"""Values on their way into files and trackers, without the keys and passwords among them.

Knows secrets by the name they stand under and by the values of the environment; does not guess from the look of a text.
"""

import os
import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

HIDDEN = "***"

_SHORTEST_SECRET = 8  # a shorter value of the environment is a switch or a number, and would be found everywhere
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_WORDS = {"secret", "secrets", "password", "passwd", "passphrase", "passw", "apikey", "apikeys", "apitoken"}
_KINDS_OF_KEY = {"api", "access", "private", "kaggle"}
# Tokens of a text or an image, not of an account: `use_cls_token: mean` is science.
_KINDS_OF_MODEL_TOKEN = {"cls", "class", "pad", "mask", "bos", "eos", "sep", "unk", "reg", "register", "special", "per"}
_URL_LOGIN = re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)|(?<=http://)[^\s/@]+(?=@)|(?<=https://)[^\s/@]+(?=@)")


def scrub(value: Any, environ: Mapping[str, str] | None = None) -> Any:
    """A copy of `value` in which secrets read `***`; dicts, lists, tuples and texts are searched.

    Args:
        environ: names and values of the environment, by default this process's; values of names that say secret
            (`WANDB_API_KEY`, `HF_TOKEN`, `AWS_SECRET_ACCESS_KEY`, ...) are hidden wherever they occur in a text.
    """
    return _scrub(value, known_secrets(os.environ if environ is None else environ))


def known_secrets(environ: Mapping[str, str]) -> list[str]:
    """The values of an environment that its names declare secret, longest first."""
    values = {value for name, value in environ.items() if len(value) >= _SHORTEST_SECRET and is_secret_name(name)}
    return sorted(values, key=len, reverse=True)


def is_secret_name(name: str) -> bool:
    """Whether what this name stands for is secret: `api_key`, `hfToken`; not `use_cls_token`, `max_tokens`."""
    words = [word.lower() for word in _WORD.findall(name)]
    if _SECRET_WORDS.intersection(words):
        return True
    if any(first in _KINDS_OF_KEY and second in {"key", "keys"} for first, second in pairwise(words)):
        return True
    return words[-1:] == ["token"] and not _KINDS_OF_MODEL_TOKEN.intersection(words)


def _scrub(value: Any, secrets: list[str]) -> Any:
    if isinstance(value, Mapping):
        return {
            _scrub(key, secrets): _hide(item) if is_secret_name(str(key)) else _scrub(item, secrets)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        items = [_scrub(item, secrets) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    return _scrub_text(value, secrets) if isinstance(value, str) else value


def _hide(value: Any) -> Any:
    """Texts become `***` at any depth; numbers, switches and nulls stay: no password of ours is a number."""
    if isinstance(value, Mapping):
        return {key: _hide(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_hide(item) for item in value]
    return HIDDEN if isinstance(value, str) and value else value


def _scrub_text(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return _URL_LOGIN.sub(HIDDEN, text)
