"""Contestants against workloads: what each reached on every model and data set, chosen on validation data.

Refuses to average a metric over workloads, and to take a cell that is still to come for one that failed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from sweeplab.compare.choice import NO_CHOICE, scores
from sweeplab.compare.comparison import Comparison
from sweeplab.compare.settings import NOT_ENDED, STATES, positions, varying
from sweeplab.errors import ConfigFault

WORKLOAD_AXES = ("model", "dataset")  # and their parts, such as model.width
_DIGITS = 12  # significant; beyond them lies the rounding of a mean


@dataclass(frozen=True)
class Contest:
    """Contestants by workloads.

    `contestants`, `workloads`: their axes, one row each, numbered by first appearance. `entries`: one row per row of
    the choice, under its index there: `contestant` and `workload` (numbers), `score`, counts of the chosen setting
    (`cells`, `n`, other states; of its whole grid where nothing could be chosen). `table`: contestants down, workloads
    across, scores of which the highest is best (a metric to be minimised is negated), NaN where every cell was lost;
    only the workloads on which each of its contestants has ended. `metric`: what the scores are of.
    """

    contestants: pd.DataFrame
    workloads: pd.DataFrame
    entries: pd.DataFrame
    table: pd.DataFrame
    metric: str
    mode: str

    @property
    def ranked(self) -> pd.DataFrame:
        """The entries that are in the table."""
        shown = self.entries["contestant"].isin(self.table.index) & self.entries["workload"].isin(self.table.columns)
        return self.entries[shown]


def contest(comparison: Comparison, also: Sequence[str] = ()) -> Contest:
    """The chosen settings as contestants (usually optimizers) against workloads (models on data sets).

    Contestants are the combinations of those other axes that vary within a workload: an axis with one value per
    workload belongs to it. A lost cell counts as it does in the choice: as 0 where the highest is best and nothing lies
    below 0, as infinitely bad otherwise. Where a contestant was not asked for on a workload or has not ended there,
    the table leaves out whichever of the two has the larger share of such gaps, until there is none.

    Args:
        comparison: of settings; its metric on test data is what counts, see `Comparison.tested`.
        also: axes that make a workload besides model and dataset.

    Raises:
        ConfigFault: one of `also` is no axis of the settings, or a tuned one.
    """
    fixed = [axis for axis in comparison.axes if axis not in comparison.over]
    for axis in also:
        if axis not in fixed:
            allowed = ", ".join(fixed) or "none"
            raise ConfigFault(f"no such axis to make workloads of · {axis} · one of {allowed} · see sweep.json")
    choice = comparison.choice
    around = [axis for axis in fixed if axis.partition(".")[0] in WORKLOAD_AXES or axis in also]
    workload = positions(choice, around)
    own = {axis for _, part in choice.groupby(workload) for axis in varying(part, fixed)}
    rivals = [axis for axis in fixed if axis in own and axis not in around]
    entries = _entries(comparison).assign(contestant=positions(choice, rivals), workload=workload)
    return Contest(
        contestants=choice.loc[~entries["contestant"].duplicated(), rivals].reset_index(drop=True),
        workloads=choice.loc[~workload.duplicated(), around].reset_index(drop=True),
        entries=entries.drop(columns="has_ended"),
        table=_table(entries),
        metric=comparison.tested,
        mode=comparison.mode,
    )


def _entries(comparison: Comparison) -> pd.DataFrame:
    choice = comparison.choice
    score = scores(choice, comparison.tested, comparison.mode).mask(choice["note"].str.startswith(NO_CHOICE))
    to_come = choice[[state for state in NOT_ENDED if state in choice]].sum(axis=1)
    counts = choice[[name for name in ("cells", "n", *STATES) if name in choice]]
    settled = [float(f"{value:.{_DIGITS}g}") for value in score]
    return counts.assign(score=settled, has_ended=score.notna() | (to_come == 0))


def _table(entries: pd.DataFrame) -> pd.DataFrame:
    """Scores without gaps; a gap is an entry that is not there or has not ended."""
    by_place = entries.set_index(["contestant", "workload"])
    has_ended = by_place["has_ended"].unstack().eq(True)
    while not has_ended.to_numpy().all():
        down, across = has_ended.mean(axis=1), has_ended.mean(axis=0)
        is_row = down.min() < across.min()
        has_ended = has_ended.drop(index=down.idxmin()) if is_row else has_ended.drop(columns=across.idxmin())
    return by_place["score"].unstack().loc[has_ended.index, has_ended.columns]
