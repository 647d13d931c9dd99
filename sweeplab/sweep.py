"""A sweep's folder: the plan written down, and the records of its cells read back as one table."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sweeplab import record
from sweeplab.cell import Cell, identify, is_circumstance
from sweeplab.errors import ConfigFault, RecordFault, refuse
from sweeplab.penalties import penalty_notes
from sweeplab.plan import Plan, all_faults
from sweeplab.published import matched
from sweeplab.record import CellFolder, SweepFolder
from sweeplab.tables import declared, find_layout_faults


@dataclass(frozen=True)
class Sweep:
    """What a sweep's folder says: its cells in order, what chooses, and what its source reports.

    `command` is the line that asked for it; `choices` are the files chosen in each group, by cell id; `select` is the
    configuration's node of that name; `published` is as `sweeplab.published.matched` gives it, `tables` as
    `sweeplab.tables.declared` does; `notes` say where the experiment comes from, where it is known to differ, and which
    kind of weight decay is which.
    """

    folder: SweepFolder
    name: str
    command: str
    axes: dict[str, list[Any]]
    cells: list[tuple[str, dict[str, Any]]]
    choices: dict[str, dict[str, str]]
    select: dict[str, str]
    published: dict[str, Any] | None
    tables: list[dict[str, Any]]
    notes: list[str]

    def cell_folder(self, cell_id: str) -> CellFolder:
        """Folder of one of the sweep's cells."""
        return record.cell_folder(self.folder.outputs, cell_id)


def write_sweep(plan: Plan, *, command: Sequence[str], code: Mapping[str, Any]) -> Sweep:
    """Write down the plan and what each cell was asked, before the first one trains.

    Raises:
        ConfigFault: the name is taken by a sweep of other cells, or a declared table does not fit these.
    """
    check_name(plan)
    tables = declared(plan.config.get("tables"), plan.cells)
    if faults := list(find_layout_faults(tables, plan.cells)):
        raise ConfigFault(faults)
    output_dir = plan.config["runtime"]["output_dir"]
    folder = record.sweep_folder(output_dir, plan.name)
    for cell in plan.cells:
        record.write_asked(record.cell_folder(output_dir, cell.id), cell)
    written = {
        "schema_version": record.SCHEMA_VERSION,
        "name": plan.name,
        "command": shlex.join(command),
        "code": code,
        "axes": plan.axes,
        "select": plan.config["select"],
        "published": matched(plan.config["published"], plan.cells),
        "tables": tables,
        "notes": _notes(plan, command),
        "rules": [vars(report) for report in plan.rules],
        "cells": [
            {"cell_id": cell.id, "axes": cell.axes, "choices": cell.choices, "overrides": cell.overrides}
            for cell in plan.cells
        ],
    }
    record.write_text(folder.plan, record.to_json(written) + "\n")
    return read_sweep(folder.path)


def _notes(plan: Plan, command: Sequence[str]) -> list[str]:
    notes = [*plan.config["known_deviations"], *penalty_notes(plan.cells)]
    if not plan.config["provenance"]:
        return notes
    changes = [word for word in command if "=" in word and not _keeps_experiment(word.partition("=")[0])]
    changed = [f"Changed on the command line: {' '.join(changes)}."] if changes else []
    return [f"From {plan.config['provenance']}.", *changed, *notes]


def _keeps_experiment(key: str) -> bool:
    return key == "experiment" or key.startswith(("-", "hydra/")) or is_circumstance(key.lstrip("+~"))


def check_name(plan: Plan) -> None:
    """A name may be used again for the same cells or for more; other cells need another name.

    Raises:
        ConfigFault: the name is taken by a sweep with cells that this plan lacks.
    """
    folder = record.sweep_folder(plan.config["runtime"]["output_dir"], plan.name)
    if not folder.plan.exists():
        return
    there = {cell_id for cell_id, _ in read_sweep(folder.path).cells}
    lost = there - {cell.id for cell in plan.cells}
    if lost:
        raise ConfigFault(
            f"the sweep name '{plan.name}' is taken: this line lacks {len(lost)} of its {len(there)} cells"
            f" · allowed: another name, or a line that includes them · see {folder.plan}"
        )


def read_sweep(path: str | Path) -> Sweep:
    """Read a sweep's folder.

    Raises:
        RecordFault: the folder holds no readable plan.
    """
    folder = SweepFolder(_near(Path(path).resolve()))
    plan = record.read_json(folder.plan)
    try:
        cells = [(cell["cell_id"], cell["axes"]) for cell in plan["cells"]]
        return Sweep(
            folder=folder,
            name=plan["name"],
            command=plan.get("command", ""),
            axes=plan["axes"],
            cells=cells,
            choices={cell["cell_id"]: cell.get("choices", {}) for cell in plan["cells"]},
            select=plan["select"],
            published=plan.get("published"),
            tables=plan.get("tables", []),
            notes=plan.get("notes", []),
        )
    except (KeyError, TypeError) as error:
        raise RecordFault(f"{folder.plan} is not a sweep.json of sweeplab (missing or wrong: {error})") from error


def read_plan(sweep: Sweep, runtime: Mapping[str, Any]) -> Plan:
    """The plan as it was written down, without its rules, with other values for keys of `runtime`.

    Raises:
        RecordFault: a cell is missing, or was changed since it was written.
        ConfigFault: what is recorded cannot be built here.
    """
    cells = [_recorded(sweep, cell_id, axes, runtime) for cell_id, axes in sweep.cells]
    refuse(all_faults(cells))
    return Plan(sweep.name, cells, sweep.axes, [], cells[0].config, len(cells))


def _recorded(sweep: Sweep, cell_id: str, axes: dict[str, Any], runtime: Mapping[str, Any]) -> Cell:
    cell = read_cell(sweep.cell_folder(cell_id))
    config, recorded = cell.config, cell.config["runtime"]
    here = {**recorded, **runtime, "output_dir": str(sweep.folder.outputs)}
    dataset = config["dataset"]
    # where data sets are kept was written out when the cell was composed
    if dataset.get("root") == recorded["data_dir"]:
        dataset = {**dataset, "root": here["data_dir"]}
    moved = replace(cell, axes=axes, config={**config, "runtime": here, "dataset": dataset})
    if identify(moved.config) != cell_id:
        raise ConfigFault(f"runtime.data_dir is a part of the identity of cell {cell_id}: it cannot be changed")
    return moved


def read_cell(folder: CellFolder) -> Cell:
    """Read a recorded cell that is to be trained.

    Raises:
        RecordFault: no cell there, or its `cell.json` was changed since it was written.
    """
    cell = record.read_asked(folder)
    if cell.id != identify(cell.config) or cell.id != folder.path.name:
        raise RecordFault(f"{folder.asked} does not hold what its folder's name says: it was changed or moved")
    return cell


def _near(path: Path) -> Path:
    """The sweep's folder as people would type it here, if that still leads up to the output directory."""
    here = Path.cwd()
    return path.relative_to(here) if path.parent.parent.is_relative_to(here) else path


def find_sweep(place: str | None, output_dir: str = "outputs") -> Sweep:
    """A sweep by its folder, by its name under the output directory, or the latest one.

    Raises:
        RecordFault: there is none.
    """
    root = Path(output_dir) / "sweeps"
    if place is not None:
        candidates = [path for path in (Path(place), root / place) if (path / "sweep.json").is_file()]
        if not candidates:
            known = ", ".join(sorted(path.parent.name for path in root.glob("*/sweep.json"))) or "none yet"
            raise RecordFault(f"no sweep at {place} (expected a folder with sweep.json) · sweeps in {root}: {known}")
        return read_sweep(candidates[0])
    plans = sorted(root.glob("*/sweep.json"), key=lambda path: path.stat().st_mtime)
    if not plans:
        raise RecordFault(f"no sweep in {root} yet (give a folder, or run one)")
    return read_sweep(plans[-1].parent)


def read_results(output_dir: str, cells: Iterable[Cell]) -> dict[str, dict[str, Any]]:
    """Verified results by cell id, failures among them, of the cells that have one."""
    results = {cell.id: record.read_result(record.cell_folder(output_dir, cell.id)) for cell in cells}
    return {cell_id: result for cell_id, result in results.items() if result is not None}


def finished(results: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Of which cells the results say that they need not train again."""
    return {cell_id for cell_id, result in results.items() if result["state"] in record.FINAL_STATES}
