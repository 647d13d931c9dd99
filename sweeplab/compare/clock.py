"""Which unit of time cells may be compared in; refuses seconds that were not taken alone on one machine."""

import pandas as pd

from sweeplab.errors import ConfigFault

COLUMNS = {"steps": "step", "epochs": "epoch", "seconds": "train_time_s"}  # of the curves
_MACHINE = ("device", "threads")
_TIMES = ("train_time_s", "wall_time_s")


def fair_unit(
    unit: str, cells: pd.DataFrame, origins: pd.DataFrame | None, *, ran_alone: bool
) -> tuple[str, list[str]]:
    """The unit asked for, or steps where seconds would not be fair (guard G16), and what must be said of it.

    Args:
        unit: `steps`, `epochs` or `seconds`.
        cells: those compared: `cell_id`, `workload`.
        origins: `cell_id`, `device`, `device_share`, `threads`, `batch_size` of cells with a result, as far as known.
        ran_alone: whether no cell shared its device with another, where `origins` has no `device_share`.

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
    shared = _sharing(known, ran_alone=ran_alone)
    if "device" not in known or known["device"].isna().all():
        return [*shared, "nothing is known of their devices"]
    by_workload = known.groupby("workload")
    differing = [name for name in _MACHINE if name in known and (by_workload[name].nunique(dropna=False) > 1).any()]
    return [*shared, f"cells of a workload differ in {', '.join(differing)}"] if differing else shared


def _sharing(known: pd.DataFrame, *, ran_alone: bool) -> list[str]:
    if "device_share" not in known:
        return [] if ran_alone else ["cells may have shared their device with others"]
    number = len(shared_cells(known))
    return [f"{counted(number)} shared their device with others"] if number else []


def shared_cells(origins: pd.DataFrame) -> list[str]:
    """Ids of the cells that had only a share of their device: their times tell of their neighbours, too.

    Args:
        origins: `cell_id` and `device_share`, missing for cells that had their device for themselves.
    """
    if "device_share" not in origins:
        return []
    return [str(cell_id) for cell_id in origins.loc[origins["device_share"].astype(float) < 1, "cell_id"]]


def without_shared_times(table: pd.DataFrame, origins: pd.DataFrame | None) -> pd.DataFrame:
    """Cells or curves, the times of cells that shared their device taken out.

    Args:
        table: `cell_id`, and times in seconds.
        origins: as for `shared_cells`; None where nothing is known of sharing.
    """
    is_shared = table["cell_id"].isin([] if origins is None else shared_cells(origins))
    return table.assign(**{name: table[name].mask(is_shared) for name in _TIMES if name in table})


def sharing_notes(origins: pd.DataFrame | None) -> list[str]:
    """What must be said below times of which some were taken out."""
    number = 0 if origins is None else len(shared_cells(origins))
    return [f"{counted(number)} shared their device with others: their times are left out."] if number else []


def counted(number: int) -> str:
    """So many cells, in words."""
    return f"{number} cell{'s' * (number != 1)}"
