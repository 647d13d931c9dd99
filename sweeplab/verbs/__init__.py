"""Verbs: what the command line can do besides training. Each is one module with `run(arguments) -> exit code`."""

import importlib
from collections.abc import Callable

# Name and the line that `--help` shows; nothing is imported before it is asked for.
VERBS = {
    "plan": "what a line would train: cells, rules, what is finished, time (trains nothing; --write for workers)",
    "worker": "train cells of a planned sweep, one of any number of workers on any machine that sees its folder",
    "report": "tables and figures of a sweep, from its records alone",
    "confirm": "the chosen settings again on fresh seeds: tuning score beside confirmed score",
    "serve": "the report of a sweep on this machine's own address, fresh while the sweep runs",
    "status": "how the cells of a sweep stand",
    "explain": "why two cells are two: the keys in which their ids differ",
    "sync": "upload the offline W&B runs of a sweep that are not there yet",
    "doctor": "devices, W&B login, data sets: what this machine has",
    "init": "write a small project of one's own: conf/, a package, its test",
}


def find(name: str) -> Callable[[list[str]], int] | None:
    """The function of a verb, or None when the word is no verb."""
    if name not in VERBS:
        return None
    module = importlib.import_module(f"sweeplab.verbs.{name}")
    run: Callable[[list[str]], int] = module.run
    return run
