"""`sweeplab worker`: train cells of a planned sweep, beside others, on any machine that sees its folder."""

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

from sweeplab.cli import make_console
from sweeplab.errors import ConfigFault
from sweeplab.launch.work import Share, work
from sweeplab.limits import LIMITS
from sweeplab.sweep import find_sweep

_NODE = "runtime."
# What the folder says, and what only a whole line can mean.
_FIXED = (f"{_NODE}output_dir", f"{_NODE}on_finished")
_LIMITS = {limit.key: limit for limit in LIMITS if limit.key.startswith(_NODE) and limit.key not in _FIXED}


def run(arguments: list[str]) -> int:
    """Train what nobody else has; 0 when nothing is left to claim, 1 if a cell of its own failed, 130 if stopped."""
    parser = argparse.ArgumentParser(prog="python -m sweeplab worker", description=__doc__)
    parser.add_argument("folder", help="folder or name of the sweep")
    parser.add_argument("changes", nargs="*", metavar="runtime.key=value", help="what differs on this machine")
    parser.add_argument("--stay", action="store_true", help="also wait for cells that others train, lest those die")
    parser.add_argument("--retry", action="store_true", help="train cells that have failed before, too")
    parser.add_argument("--limit", type=_positive, metavar="N", help="train N cells at most")
    parser.add_argument("--output-dir", default="outputs", help="where sweeps are looked for by name")
    asked = parser.parse_intermixed_args(arguments)
    runtime = changes(asked.changes)
    share = Share(stays=asked.stay, retries=asked.retry, limit=asked.limit)
    return work(find_sweep(asked.folder, asked.output_dir), runtime, share, make_console())


def changes(lines: Sequence[str]) -> dict[str, Any]:
    """Values of keys under `runtime`, from override lines.

    Raises:
        ConfigFault: every line that is none, names another key, or gives a value out of range.
    """
    values: dict[str, Any] = {}
    wrong = [line for line in lines if "=" not in line or line.partition("=")[0] not in _LIMITS]
    faults = list(_read([line for line in lines if line not in wrong], values))
    if wrong:
        faults.append(f"a worker cannot change {', '.join(wrong)} · allowed: {', '.join(_LIMITS)}, each as key=value")
    if faults:
        raise ConfigFault(faults)
    return values


def _read(lines: Sequence[str], values: dict[str, Any]) -> Iterator[str]:
    """Fills `values`; yields what is wrong."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    parser = OverridesParser.create()
    for line in lines:
        key = line.partition("=")[0]
        limit = _LIMITS[key]
        try:
            override = parser.parse_override(line)
        except HydraException:
            yield f"cannot read '{line}' · allowed: {key}=value"
            continue
        value = override.value()
        if override.is_sweep_override() or not limit.check(value):
            yield f"{key} must be {limit.allowed}, got {line.partition('=')[2]}"
        values[key.removeprefix(_NODE)] = value


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"must be a whole number >= 1, got '{text}'")
    return int(text)
