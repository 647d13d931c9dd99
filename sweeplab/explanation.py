"""What Hydra and OmegaConf have to say, in one line of our words."""

import re
from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sweeplab.cell import flatten
from sweeplab.errors import ConfigFault
from sweeplab.suggestion import suggest


def unknown_key(config: DictConfig, key: str, value: Any) -> str:
    """What to say of a key that a configuration lacks."""
    leaves = flatten(OmegaConf.to_container(config))  # type: ignore[arg-type]
    groups = [str(group) for group in config.hydra.runtime.choices]
    known = [name for name in [*groups, *leaves] if not name.startswith("hydra")]
    return (
        f"unknown key '{key}' in {key}={value}{suggest(key, known)} · all keys: python -m sweeplab --cfg job"
        f" · a new key is added with +{key}={value}"
    )


def explain(error: BaseException) -> str:
    """An exception of Hydra or OmegaConf in one line, without their internals."""
    if isinstance(error, ConfigFault):
        return str(error)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    cause = error.__cause__
    if cause is not None and (not lines or isinstance(cause, OmegaConfBaseException)):
        lines.append(explain(cause))
    noise = (
        "full_key:",
        "object_type=",
        "reference_type=",
        "Set the environment",
        "Config search path",
        "provider=",
        "See http",
    )
    kept = [line for line in lines if not line.startswith(noise)]
    text = " · ".join(dict.fromkeys(kept)).replace(": · ", ": ") or type(error).__name__
    found = _UNKNOWN_CHOICE.search(text)
    return _unknown_choice(found[1], found[2], found[3].split(" · ")) if found else text


_UNKNOWN_CHOICE = re.compile(r"Could not find '([\w/]+)/([^'/]+)' · Available options in '[^']*': (.*)")


def _unknown_choice(group: str, choice: str, options: Sequence[str]) -> str:
    return (
        f"unknown choice {group}={choice}{suggest(choice, options)} · allowed: {', '.join(options)}"
        f" · in conf/{group}/ (yours: --config-dir)"
    )
