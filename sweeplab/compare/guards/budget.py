"""Guards of what each optimizer was given: equal budgets, and the search space said aloud."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from sweeplab.compare.guards.evidence import Evidence, names
from sweeplab.compare.guards.guard import Remark, listed
from sweeplab.compare.settings import is_missing, positions

STEP_TOLERANCE = 0.05  # share by which steps may differ and still count as equal
_MAX_VALUES = 8  # values of a grid that can be written out
_FIXED = ("batch_size", "max_epochs", "weight_decay", "l2", "precision", "scheduler")
_OWN = ("optimizer", "weight_decay")  # axes of what optimizers have besides the rate
_SGD_TYPE = ("sgd", "nesterov", "momentum")
_ADAPTIVE = ("ada", "rms", "lion", "swats", "shampoo", "soap", "sophia")


def equal_budget(evidence: Evidence) -> list[Remark]:
    """Guard G5: settings tried, seeds, epochs and steps should be equal for all that is compared on a workload."""
    arms = evidence.arm_axes
    if not arms:
        return []
    frame = pd.DataFrame(
        {
            "workload": positions(evidence.cells, evidence.workload_axes),
            "arm": names(evidence.cells, arms),
            "setting": evidence.setting,
            "epochs": evidence.value("max_epochs"),
            "steps": evidence.cells["steps"].where(evidence.completed),
        }
    )
    workloads = dict(zip(frame["workload"], names(evidence.cells, evidence.workload_axes), strict=True))
    remarks: list[Remark] = []
    for workload, group in frame.groupby("workload", sort=False):
        given = {arm: _given(cells) for arm, cells in group.groupby("arm", sort=False)}
        remarks += [
            Remark("G5", "warning", "settings", words, subject=workloads[workload])
            for words in _unequal(given, "max_epochs" in arms)
        ]
    return remarks


def search_space(evidence: Evidence) -> list[Remark]:
    """Guard G12: what was tried and what was fixed decides who wins; adaptive methods win or lose by it.

    Source:
        Choi et al. 2019, arXiv:1910.05446: with everything tuned a method does not lose to one that it contains.
    """
    comparison = evidence.comparison
    if len(comparison.settings) < 2:
        return []
    searched = [axis for axis in comparison.varying if axis not in (*evidence.workload_axes, "optimizer")]
    tried = "; ".join(f"{axis}: {_grids(evidence, axis)}" for axis in searched)
    fixed = [f"{name}={value}" for name in _FIXED if name not in searched for value in _constant(evidence, name)]
    words = f"tried {tried or 'one setting of each'}"
    if fixed:
        words += f" · fixed: {', '.join(fixed)}, and whatever else the files of the optimizers say"
    return [Remark("G12", "info", evidence.chosen_in, words), *_only_the_rate(evidence, searched)]


def _only_the_rate(evidence: Evidence, searched: list[str]) -> Iterator[Remark]:
    if "lr" not in searched or any(axis.partition(".")[0] in _OWN for axis in searched):
        return
    found = [str(name) for name in evidence.value("optimizer").dropna().unique()]
    sgd = [name for name in found if any(word in name for word in _SGD_TYPE)]
    adaptive = [name for name in found if name not in sgd and any(word in name for word in _ADAPTIVE)]
    if sgd and adaptive:
        words = (
            f"only lr was tuned, while adaptive ({listed(adaptive)}) and SGD-type ({listed(sgd)}) optimizers are"
            " compared: which wins may turn with eps, betas, momentum or weight_decay"
        )
        yield Remark("G12", "warning", evidence.chosen_in, words)


def _given(cells: pd.DataFrame) -> dict[str, Any]:
    tried = cells["setting"].nunique()
    return {
        "settings tried": tried,
        "cells per setting": len(cells) / tried,
        "max_epochs": tuple(sorted(cells["epochs"].dropna().unique())),
        "steps": cells["steps"].median(),
    }


def _unequal(given: Mapping[Any, Mapping[str, Any]], epochs_vary: bool) -> Iterator[str]:
    """What differs between arms, in words; steps only where they do not differ by the epochs asked for."""
    for what in ("settings tried", "cells per setting"):
        if len({figures[what] for figures in given.values()}) > 1:
            yield f"unequal budget, {what}: {_said(given, what)}; compare at the smallest"
    if epochs_vary:
        return
    if len({figures["max_epochs"] for figures in given.values()} - {()}) > 1:
        yield f"unequal budget, max_epochs: {_said(given, 'max_epochs')}"
        return
    steps = [figures["steps"] for figures in given.values() if math.isfinite(figures["steps"])]
    if steps and max(steps) > (1 + STEP_TOLERANCE) * min(steps):
        yield f"unequal budget, steps of a cell (median): {_said(given, 'steps')}"


def _said(given: Mapping[Any, Mapping[str, Any]], what: str) -> str:
    return listed((f"{arm} {_figure(figures[what])}" for arm, figures in given.items()), _MAX_VALUES)


def _figure(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_figure, value)) or "not known"
    return "not known" if is_missing(value) else f"{value:,.6g}"


def _grids(evidence: Evidence, axis: str) -> str:
    """The values of an axis, with the optimizers that were given them where grids differ."""
    settings = evidence.comparison.settings
    by = settings["optimizer"] if "optimizer" in settings and axis != "optimizer" else pd.Series("", settings.index)
    owners: dict[str, list[str]] = {}
    for owner, grid in settings[axis].groupby(by, sort=False, dropna=False):
        values = [value for value in dict.fromkeys(grid) if not is_missing(value)]
        if values:
            owners.setdefault(_written(values), []).append(str(owner))
    if len(owners) == 1:
        return next(iter(owners))
    return ", ".join(f"{grid} with {listed(who)}" for grid, who in owners.items())


def _written(values: list[Any]) -> str:
    words = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
    if len(words) > _MAX_VALUES:
        return f"{len(words)} values from {words[0]} to {words[-1]}"
    return f"{{{', '.join(words)}}}"


def _constant(evidence: Evidence, name: str) -> list[str]:
    found = evidence.value(name).dropna().unique()
    return [f"{found[0]:g}" if isinstance(found[0], float) else str(found[0])] if len(found) == 1 else []
