"""What each root key of a configuration may be: one table, in the order and in the words of conf/config.yaml."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MISSING = "???"  # what OmegaConf writes for a value that must be given


@dataclass(frozen=True)
class Limit:
    """`key` must pass `check`; `allowed` says the same in words, `hint` what to do."""

    key: str
    check: Callable[[Any], bool]
    allowed: str
    hint: str = ""


def find_limit_faults(config: Mapping[str, Any]) -> Iterator[str]:
    """One line for each root key that is missing or out of its range; values still to be given are not looked at."""
    for limit in LIMITS:
        value: Any = config
        for part in limit.key.split("."):
            value = value.get(part, _ABSENT) if isinstance(value, Mapping) else _ABSENT
        if value is _ABSENT:
            yield f"{limit.key} is missing · allowed: {limit.allowed}"
        elif value != MISSING and not limit.check(value):
            yield f"{limit.key} must be {limit.allowed}, got {value!r}{limit.hint and f' ({limit.hint})'}"


_ABSENT = object()


def _number(is_in_range: Callable[[float], bool]) -> Callable[[Any], bool]:
    return lambda value: type(value) in (int, float) and math.isfinite(value) and is_in_range(value)


def _whole(least: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and value >= least  # a bool is an int to isinstance


def _one_of(*choices: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in choices


def _or_null(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or check(value)


def _auto_or(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value == "auto" or check(value)


def _text(pattern: str) -> Callable[[Any], bool]:
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _list_of(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list | tuple) and all(map(check, value))


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


_POSITIVE = _number(lambda value: value > 0)
_NOT_NEGATIVE = _number(lambda value: value >= 0)
_PRECISIONS = ("32-true", "bf16-mixed", "16-mixed", "bf16-true", "16-true", "64-true")
_VAL_METRICS = ("val/accuracy", "val/loss")
_TRAIN_METRICS = ("train/accuracy", "train/loss")
_PREFIX = r"[^\W\d]\w*(\.[^\W\d]\w*)*\.?"
_WORDS = _list_of(_text(".+"))

LIMITS = (
    Limit("lr", _POSITIVE, "> 0", "set it as lr=1e-3"),
    Limit("weight_decay", _NOT_NEGATIVE, ">= 0", "set it as weight_decay=1e-4"),
    Limit("l2", _NOT_NEGATIVE, ">= 0", "set it as l2=1e-4"),
    Limit("batch_size", _whole(1), "a whole number >= 1"),
    Limit("drop_last", _is_bool, "true or false"),
    Limit("eval_batch_size", _whole(1), "a whole number >= 1"),
    Limit("max_epochs", _whole(1), "a whole number >= 1"),
    Limit("limit_batches", _or_null(_whole(1)), "a whole number >= 1, or null for all"),
    Limit("overfit_batches", _whole(0), "a whole number >= 0, 0 for all data"),
    Limit("seed", _whole(0), "a whole number >= 0"),
    Limit("precision", _one_of(*_PRECISIONS), f"one of {', '.join(_PRECISIONS)}"),
    Limit("deterministic", _is_bool, "true or false"),
    Limit("channels_last", _is_bool, "true or false"),
    Limit("gradient_clip", _or_null(_POSITIVE), "> 0, or null"),
    Limit("select.data", _one_of("held_out", "test"), "held_out or test"),
    Limit("select.epoch", _one_of("best", "last"), "best or last"),
    Limit(
        "select.monitor",
        _one_of(*_VAL_METRICS),
        f"one of {', '.join(_VAL_METRICS)}",
        "choosing an epoch on test data would make the test result no estimate of anything",
    ),
    Limit("select.mode", _one_of("max", "min"), "max or min"),
    Limit("early_stopping.enabled", _is_bool, "true or false"),
    Limit(
        "early_stopping.monitor",
        _one_of(*_VAL_METRICS, *_TRAIN_METRICS),
        f"one of {', '.join([*_VAL_METRICS, *_TRAIN_METRICS])}",
        "stopping on test data would make the test result no estimate of anything",
    ),
    Limit("early_stopping.mode", _one_of("min", "max"), "min or max"),
    Limit("early_stopping.patience", _whole(0), "a whole number of epochs >= 0"),
    Limit("early_stopping.min_delta", _NOT_NEGATIVE, ">= 0"),
    Limit("early_stopping.baseline", _or_null(_number(lambda _: True)), "a finite number, or null"),
    Limit("name", _or_null(_text(r"(?!\.)[^/\\\0]+")), "the name of one folder, or null"),
    Limit("tags", _WORDS, "a list of words"),
    Limit("provenance", _or_null(_text("(?s).+")), "words, or null"),
    Limit("known_deviations", _WORDS, "a list of words"),
    Limit("runtime.output_dir", _text(".+"), "a folder"),
    Limit("runtime.data_dir", _text(".+"), "a folder"),
    Limit("runtime.accelerator", _one_of("auto", "cpu", "gpu", "mps"), "one of auto, cpu, gpu, mps"),
    Limit("runtime.devices", _whole(1), "a whole number >= 1"),
    Limit("runtime.strategy", _one_of("auto", "ddp", "fsdp"), "one of auto, ddp, fsdp"),
    Limit("runtime.workers", _whole(0), "a whole number >= 0"),
    Limit("runtime.cells_at_once", _auto_or(_whole(1)), "auto, or a whole number >= 1"),
    Limit("runtime.cells_per_device", _auto_or(_whole(1)), "auto, or a whole number >= 1"),
    Limit("runtime.min_free_memory", _NOT_NEGATIVE, "GiB >= 0"),
    Limit("runtime.threads_per_cell", _auto_or(_whole(1)), "auto, or a whole number >= 1"),
    Limit("runtime.order", _one_of("breadth", "shuffle", "as_written"), "breadth, shuffle or as_written"),
    Limit("runtime.lease_s", _POSITIVE, "seconds > 0"),
    Limit("runtime.on_finished", _one_of("reuse", "rerun"), "reuse or rerun"),
    Limit("runtime.timeout_s", _or_null(_POSITIVE), "seconds > 0, or null"),
    Limit("runtime.grace_s", _NOT_NEGATIVE, "seconds >= 0"),
    Limit("runtime.keep_checkpoints", _is_bool, "true or false"),
    Limit("trusted_targets", _list_of(_text(_PREFIX)), "a list of dotted prefixes such as mypkg."),
    Limit("circumstance", _WORDS, "a list of dotted keys"),
)
