"""Guards of where cells come from: what differs that should not, what makes times, penalties and data unlike."""

from typing import Any

import pandas as pd

from sweeplab.compare.clock import counted, shared_cells, with_provenance
from sweeplab.compare.guards.evidence import Evidence
from sweeplab.compare.guards.guard import Level, Remark, TableName, listed
from sweeplab.compare.settings import is_missing

_MUST_AGREE = {
    "git_commit": "code commit",
    "git_dirty": "uncommitted changes",
    "sweeplab": "sweeplab",
    "torch": "torch",
    "lightning": "lightning",
    "device": "device",
    "precision": "precision",
}
_CLOCKS: dict[str, tuple[str, Level]] = {
    "device": ("device", "error"),
    "threads": ("torch threads", "error"),
    "host": ("host", "warning"),
}
_TIMED: tuple[TableName, ...] = ("time", "workloads")
_COMMIT_DIGITS = 7
# of the optimizers in conf/optimizer; every other one adds weight_decay * w to the gradient
_DECOUPLED = ("adamw", "adafactor", "lion")


def same_provenance(evidence: Evidence) -> list[Remark]:
    """Cells of one table share code, libraries, device and precision, or those that differ are named."""
    remarks = []
    for column, words in _MUST_AGREE.items():
        groups = _differing(evidence, column)
        if groups:
            rare = [cell for cells in list(groups.values())[1:] for cell in cells]
            said = f"cells of this table differ in {words}: {_counted(groups)}"
            remarks.append(Remark("provenance", "warning", "settings", f"{said}{_whose(evidence, rare)}", tuple(rare)))
    return remarks


def wall_clock(evidence: Evidence) -> list[Remark]:
    """Guard G16: times compare only on the same device, with the same share of it; steps always do."""
    remarks = []
    for column, (words, level) in _CLOCKS.items():
        groups = _differing(evidence, column)
        if groups:
            said = f"wall-clock times do not compare: cells differ in {words}, {_counted(groups)}; compare steps"
            remarks += [Remark("G16", level, table, said) for table in _TIMED]
    if shared := tuple(shared_cells(evidence.origins)):
        said = f"{counted(len(shared))} shared their device with others: their times are left out; compare steps"
        remarks += [Remark("G16", "warning", table, said, shared) for table in _TIMED]
    return remarks


def regularisation(evidence: Evidence) -> list[Remark]:
    """Guard G14: a penalty in the loss, coupled and decoupled weight decay are three things, whatever their value."""
    decay, l2 = (_is_on(evidence, name) for name in ("weight_decay", "l2"))
    optimizers = evidence.value("optimizer")[decay].dropna().astype(str).unique()
    said = []
    if decay.any() and l2.any():
        said.append("weight_decay and l2 are both used, and are not the same penalty")
    decoupled = [name for name in optimizers if name in _DECOUPLED]
    if decoupled and len(decoupled) < len(optimizers):
        coupled = listed(name for name in optimizers if name not in _DECOUPLED)
        said.append(
            f"weight_decay is decoupled with {listed(decoupled)} and not with {coupled}: equal values are unequal"
        )
    return [Remark("G14", "info", "settings", f"{words} · see the notes on the sweep") for words in said]


def augmented_evaluation(evidence: Evidence) -> list[Remark]:
    """Guard G18: evaluation on randomly changed examples measures another data set than the one named."""
    rows = evidence.value("augmented_evaluation").eq(True)
    if not rows.any():
        return []
    whose = "" if rows.sum() == len(evidence.origins) else f" in {rows.sum()} of {len(rows)} cells"
    words = (
        f"validation and test examples are augmented{whose} (EverySplit): these figures are of randomly changed data"
        " and do not compare with others' on the same data set"
    )
    return [Remark("G18", "warning", "settings", words, evidence.ids(rows))]


def _differing(evidence: Evidence, column: str) -> dict[str, list[str]]:
    """Cells by what they were trained with, commonest first; empty where all agree or it is an axis."""
    if column in evidence.axes or column not in evidence.origins:
        return {}
    groups: dict[str, list[str]] = {}
    told = with_provenance(evidence.origins)
    for cell_id, value in zip(told["cell_id"], told[column], strict=True):
        groups.setdefault(_written(column, value), []).append(str(cell_id))
    return dict(sorted(groups.items(), key=lambda item: -len(item[1]))) if len(groups) > 1 else {}


def _written(column: str, value: Any) -> str:
    if is_missing(value):
        return "not known"
    if column == "git_dirty":
        return "with" if value else "without"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text[:_COMMIT_DIGITS] if column == "git_commit" else text


def _counted(groups: dict[str, list[str]]) -> str:
    return listed(f"{value} ({len(cells)} cell{'s' * (len(cells) > 1)})" for value, cells in groups.items())


def _whose(evidence: Evidence, cells: list[str]) -> str:
    settings = dict(zip(evidence.cells["cell_id"], evidence.setting, strict=True))
    return f"; not as most: {listed(evidence.names[settings[cell]] for cell in cells)}"


def _is_on(evidence: Evidence, name: str) -> "pd.Series[bool]":
    return pd.to_numeric(evidence.value(name), errors="coerce").fillna(0) > 0
