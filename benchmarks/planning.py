"""Planning: what a cell costs before it trains, against Hydra's basic sweeper."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from hydra import version
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra
from hydra.core.singleton import Singleton
from hydra.core.utils import setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig

from benchmarks.bench import Bench
from benchmarks.table import Table, at_least
from sweeplab.cli import CONFIG_NAME, config_dir
from sweeplab.plan import make_plan

OPTIMIZERS = "optimizer=adam,radam,sgdm,rmsprop"
FEW = [OPTIMIZERS, "lr=1e-2,1e-3,1e-4,1e-5", "seed=range(0,3)"]
MANY = [OPTIMIZERS, "lr=1e-1,3e-2,1e-2,3e-3,1e-3,3e-4,1e-4,3e-5,1e-5,3e-6", "seed=range(0,150)"]
QUICK = ["optimizer=adam,sgdm", "lr=1e-2,1e-3", "seed=range(0,2)"]


class ComposingLauncher(Launcher):
    """Composes each cell as Hydra's basic launcher does, and does not run it."""

    def setup(self, *, hydra_context: HydraContext, task_function: Any, config: DictConfig) -> None:
        del task_function
        self._context, self._config = hydra_context, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[Any]:
        del initial_job_idx
        for overrides in job_overrides:
            self._context.config_loader.load_sweep_config(self._config, list(overrides))
        return []


def planning(bench: Bench) -> list[Table]:
    """Milliseconds per cell on the same cells, and on many more for sweeplab."""
    few, many = (QUICK, FEW) if bench.quick else (FEW, MANY)
    repeats = 1 if bench.quick else 3
    hydra_ms = _hydra_ms(few, bench.scratch)
    rows = [["Hydra's basic sweeper", _number(few), "1", f"{hydra_ms:.2f}", "1", ""]]
    for words in (few, many):
        ours_ms = median(_our_ms(words) for _ in range(repeats))
        goal = at_least(hydra_ms / ours_ms, 100) if words is many else ""
        rows.append(["sweeplab", _number(words), str(repeats), f"{ours_ms:.2f}", f"{hydra_ms / ours_ms:.0f}", goal])
    header = ["", "cells", "n", "ms per cell", "times faster", "goal"]
    note = (
        "The same configuration on both sides. Hydra: parse, split, compose each cell to check the batch, compose it "
        "again at launch. sweeplab: expand, compose, resolve, identify, check every constructor argument, name; it "
        "composes each choice of groups once, so that its cost per cell falls with the number of cells."
    )
    lines = [f"python -m sweeplab plan {' '.join(words)}" for words in (few, many)]
    return [Table("Planning", header, rows, lines, [note])]


def _number(words: Sequence[str]) -> str:
    with _loaded([]) as (loader, master):
        return f"{len(make_plan(loader, master, list(words)).cells):,}"


def _our_ms(words: Sequence[str]) -> float:
    with _loaded([]) as (loader, master):
        started_s = time.perf_counter()
        plan = make_plan(loader, master, list(words))
        return (time.perf_counter() - started_s) * 1e3 / len(plan.cells)


def _hydra_ms(words: Sequence[str], scratch: Path) -> float:
    choice = ["hydra/sweeper=basic", "hydra/launcher=basic", f"hydra.sweep.dir={scratch / 'sweep'}"]
    with _loaded(choice) as (loader, master):
        # Hydra's search for plugins loads the module anew
        from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

        sweeper, launcher = BasicSweeper(max_batch_size=None), ComposingLauncher()
        context = HydraContext(config_loader=loader, callbacks=None)
        launcher.setup(hydra_context=context, task_function=None, config=master)
        sweeper.hydra_context, sweeper.config, sweeper.launcher = context, master, launcher
        started_s = time.perf_counter()
        sweeper.sweep(list(words))
        seconds = time.perf_counter() - started_s
        return seconds * 1e3 / sum(map(len, sweeper.overrides or []))


@contextmanager
def _loaded(hydra_words: list[str]) -> Iterator[tuple[Any, DictConfig]]:
    """Hydra's loader over sweeplab's configuration, and the configuration of the command."""
    state = Singleton.get_state()
    GlobalHydra.instance().clear()
    version.setbase("1.3")
    setup_globals()
    search_path = create_config_search_path(str(config_dir()))
    try:
        loader = Hydra.create_main_hydra2("sweeplab", search_path).config_loader
        yield loader, loader.load_configuration(CONFIG_NAME, hydra_words, RunMode.MULTIRUN)
    finally:
        GlobalHydra.instance().clear()
        Singleton.set_state(state)
