"""Which unit of time cells may be compared in; refuses seconds that were not taken alone on one machine."""

import pandas as pd

from sweeplab.errors import ConfigFault

COLUMNS = {"steps": "step", "epochs": "epoch", "seconds": "train_time_s"}  # of the curves
_MACHINE = ("device", "threads")


def fair_unit(
    unit: str, cells: pd.DataFrame, origins: pd.DataFrame | None, *, ran_alone: bool
) -> tuple[str, list[str]]:
    """The unit asked for, or steps where seconds would not be fair (guard G16), and what must be said of it.

    Args:
        unit: `steps`, `epochs` or `seconds`.
        cells: those compared: `cell_id`, `workload`.
        origins: `cell_id`, `device`, `threads`, `batch_size` of cells with a result, as far as known.
        ran_alone: whether no cell shared its device with another.

    Raises:
        ConfigFault: no such unit.
    """
    if unit not in COLUMNS:
        raise ConfigFault(f"no such unit of time · {unit} · {', '.join(COLUMNS)} · see the report's settings")
    known = cells if origins is None else cells.merge(with_provenance(origins), on="cell_id")
    faults = _faults(known, ran_alone=ran_alone) if unit == "seconds" else []
    notes = [f"seconds were asked for, steps are shown: {'; '.join(faults)}"] if faults else []
    unit = "steps" if faults else unit
    if unit == "steps" and "batch_size" in known and (known.groupby("workload")["batch_size"].nunique() > 1).any():
        notes.append("batch sizes differ within a workload: a step is not the same work for all, an epoch is")
    return unit, notes


def with_provenance(origins: pd.DataFrame) -> pd.DataFrame:
    """Without the cells whose process died before it could say what it was: they have no figures either."""
    return origins[origins["torch"].notna()] if "torch" in origins else origins


def _faults(known: pd.DataFrame, *, ran_alone: bool) -> list[str]:
    shared = [] if ran_alone else ["cells may have shared their device with others"]
    if "device" not in known or known["device"].isna().all():
        return [*shared, "nothing is known of their devices"]
    by_workload = known.groupby("workload")
    differing = [name for name in _MACHINE if name in known and (by_workload[name].nunique(dropna=False) > 1).any()]
    return [*shared, f"cells of a workload differ in {', '.join(differing)}"] if differing else shared
