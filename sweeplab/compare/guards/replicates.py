"""Guards of the seeds behind a figure: how many there are, and which of them were lost."""

from typing import Any

from sweeplab.compare.guards.evidence import Evidence
from sweeplab.compare.guards.guard import Remark
from sweeplab.compare.settings import ENDED_WITHOUT_RESULT, NOT_ENDED


def too_few_seeds(evidence: Evidence) -> list[Remark]:
    """Guard G2: a figure of one seed has no uncertainty, one of two no interval."""
    settings = evidence.comparison.settings
    n = settings["n"]
    if (n == 1).all():
        words = (
            "n=1 in every setting: no uncertainty, so that no difference can be told from luck · see seed=range(0,6)"
        )
        return [Remark("G2", "warning", "settings", words)]
    said = {1: "n=1, no uncertainty", 2: "n=2: a standard deviation, but no interval below n=3"}
    return [
        Remark(
            "G2",
            "warning" if count == 1 else "info",
            "settings",
            words,
            evidence.members[setting],
            evidence.names[setting],
        )
        for count, words in said.items()
        for setting in settings.index[n == count]
    ]


def lost_cells(evidence: Evidence) -> list[Remark]:
    """Guard G4: cells that ended without a result stay in the denominator, and so do those still to come."""
    settings = evidence.comparison.settings
    states = [state for state in ENDED_WITHOUT_RESULT if state in settings]
    gone = evidence.cells[evidence.cells["state"].isin(ENDED_WITHOUT_RESULT)]
    ids: dict[Any, tuple[str, ...]] = {
        setting: tuple(lost) for setting, lost in gone["cell_id"].groupby(evidence.setting)
    }
    remarks = []
    for setting, row in settings.loc[list(ids)].to_dict("index").items():
        counts = ", ".join(f"{row[state]} {state.replace('_', ' ')}" for state in states if row[state])
        words = "lost cells; means are over those completed" if row["n"] else "every cell lost; no figure"
        who = f"{evidence.names[setting]} ({counts} of {row['cells']})".strip()
        remarks.append(Remark("G4", "warning", "settings", words, ids[setting], who))
    return [*remarks, *_to_come(evidence)]


def _to_come(evidence: Evidence) -> list[Remark]:
    open_ = evidence.cells["state"].isin(NOT_ENDED)
    if not open_.any():
        return []
    words = f"{open_.sum()} of {len(open_)} cells have not ended yet: these figures will change"
    return [Remark("G4", "info", "settings", words, evidence.ids(open_))]
