"""Guards of comparing two settings: are the cells paired, what do the verdicts allow to say, how many were compared."""

import pandas as pd

from sweeplab.compare.guards.evidence import Evidence, names
from sweeplab.compare.guards.guard import Remark
from sweeplab.compare.pairs import INDISTINGUISHABLE, NOT_ENOUGH
from sweeplab.compare.settings import positions, varying

# what may differ between cells that start from the same weights and see the same batches
_MAY_DIFFER = ("optimizer", "scheduler", "lr", "weight_decay", "l2", "parameter_groups", "gradient_clip", "max_epochs")
_HASHES = {
    "initial_weights_hash": (
        "the initial weights differ; they are hashed before any optimizer exists, so code, library or"
        " device must differ"
    ),
    "data_order_hash": "the batches of the first epoch differ, in their examples, their order or their augmentation",
}


def paired_seeds(evidence: Evidence) -> list[Remark]:
    """Guard G6: one seed must give the same initial weights and the same batches whatever the optimizer."""
    present = [axis for axis in evidence.axes if axis in evidence.cells]
    shared = [axis for axis in present if axis.partition(".")[0] not in _MAY_DIFFER]
    group = positions(evidence.cells, shared)
    subjects = dict(zip(group, names(evidence.cells, varying(evidence.cells, shared)), strict=True))
    remarks = []
    for column, words in _HASHES.items():
        known = evidence.value(column)
        distinct = known.groupby(group).nunique()
        for number in distinct.index[distinct > 1]:
            rows = (group == number) & known.notna()
            said = f"NOT PAIRED: with the same seed, model and data set {words}"
            remarks.append(Remark("G6", "error", "pairs", said, evidence.ids(rows), subjects[number]))
    return [*remarks, *_not_recorded(evidence, group)]


def within_noise(evidence: Evidence) -> list[Remark]:
    """Guard G7: a difference of means is no result unless the verdict of the two says so."""
    if evidence.pairs is None or evidence.pairs.empty:
        return []
    verdicts = evidence.pairs["verdict"]
    alike, unknown = verdicts == INDISTINGUISHABLE, verdicts == NOT_ENOUGH
    total = len(verdicts)
    said = []
    if alike.any():
        said.append(f"{alike.sum()} of {total} pairs are indistinguishable: their differences are within noise")
    if unknown.any():
        said.append(f"{unknown.sum()} of {total} pairs have too few seeds: fewer than 6 can never be significant")
    if (alike | unknown).all():
        said.append("no setting is shown to be better than another")
    return [Remark("G7", "warning", "settings", words) for words in said]


def many_comparisons(evidence: Evidence) -> list[Remark]:
    """Guard G17: of many comparisons some look significant by luck; their number is said."""
    total = 0 if evidence.pairs is None else len(evidence.pairs)
    if total < 2:
        return []
    return [
        Remark("G17", "info", "pairs", f"{total} pairwise comparisons: p-values are adjusted for all of them (Holm)")
    ]


def _not_recorded(evidence: Evidence, group: "pd.Series[int]") -> list[Remark]:
    lacking = evidence.completed & evidence.value("initial_weights_hash").isna()
    lacking &= group.map(group.value_counts()) > 1
    if not lacking.any():
        return []
    words = f"{lacking.sum()} completed cells recorded no hash of their weights: whether they are paired is not known"
    return [Remark("G6", "info", "pairs", words, evidence.ids(lacking))]
