"""What tests of planning share: Hydra's loader over `conf/` and a user's directory, and hand-made cells."""

import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from sweeplab import record
from sweeplab.cell import Cell, identify
from sweeplab.plan import Plan, make_plan

# A busy machine is no fault of the code.
settings.register_profile("sweeplab", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sweeplab")

CONF = Path(__file__).resolve().parents[1] / "conf"

# A user's own directory: interpolations of every kind, and experiments with rules.
USER_CONF = {
    "recipe/none.yaml": "# @package _global_\n{}\n",
    "recipe/web.yaml": r"""
# @package _global_
web:
  base: ${lr}
  twice: ${test_sum:${lr},${lr}}
  hop: ${web.twice}
  hop_of_hop: ${web.hop}
  items: ["${lr}", "${web.hop}", fixed, {deep: "${seed}"}]
  whole: ${web.items}
  first: ${web.items[0]}
  second: ${web.items.1}
  relative: ${.base}
  above: ${..seed}
  node: ${early_stopping}
  through: ${web.node.patience}
  optimizer: ${optimizer}
  optimizer_lr: ${web.optimizer.lr}
  environment: ${oc.env:SWEEPLAB_TEST_ABSENT,fallback}
  environment_or_seed: ${oc.env:SWEEPLAB_TEST_ABSENT,${seed}}
  text: run-${seed}-${optimizer.lr}
  selected: ${oc.select:web.absent,${batch_size}}
  by_name: {small: "${lr}", large: 1.0}
  which: small
  named: ${web.by_name.${web.which}}
  decoded: ${oc.decode:"[1, 2]"}
  keys: ${oc.dict.keys:early_stopping}
  remembered: ${test_cached:${lr}}
  made: ${test_pair:${seed}}
  escaped: \${lr}
  nothing: null
  asked_for: ???
  no_items: []
  no_keys: {}
""",
    "experiment/grid.yaml": """
# @package _global_
defaults:
  - override /optimizer: sgdm
max_epochs: 3
hydra:
  sweeper:
    params:
      lr: 1e-1,1e-2
      seed: range(0,2)
""",
    "experiment/listed.yaml": """
# @package _global_
hydra:
  sweeper:
    params:
      lr: [1e-1, 0.01]
      optimizer: [adam, sgdm]
      model.hidden_sizes: [[64], [64, 32]]
      gradient_clip: [null, 1.0]
""",
    "experiment/ruled.yaml": """
# @package _global_
hydra:
  sweeper:
    params:
      optimizer: adam,sgdm
      lr: 1e-3,1e-4
    per:
      optimizer=sgdm: {lr: "0.1,0.2,0.3", optimizer.momentum: "0.5,0.9"}
""",
    "experiment/cased.yaml": """
# @package _global_
hydra:
  sweeper:
    cases:
      - {optimizer: adam, lr: "1e-3,1e-4"}
      - {optimizer: sgdm, lr: 0.1}
""",
}


@pytest.fixture(scope="session")
def user_conf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory such as one gives to `--config-dir`."""
    folder = tmp_path_factory.mktemp("user_conf")
    for name, text in USER_CONF.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.lstrip(), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def loader(user_conf: Path) -> Any:
    """One loader for the whole session: making it costs more than using it."""
    from hydra import version
    from hydra._internal.hydra import Hydra
    from hydra._internal.utils import create_config_search_path
    from hydra.core.config_search_path import SearchPathQuery
    from hydra.core.global_hydra import GlobalHydra

    search_path = create_config_search_path(str(CONF))
    search_path.prepend(provider="user", path=f"file://{user_conf}", anchor=SearchPathQuery(provider="schema"))
    GlobalHydra.instance().clear()
    version.setbase("1.3")
    try:
        return Hydra.create_main_hydra2(task_name="test", config_search_path=search_path).config_loader
    finally:
        GlobalHydra.instance().clear()


@pytest.fixture(scope="session")
def master(loader: Any) -> Callable[[Sequence[str]], Any]:
    """Hydra's configuration of a whole command, from the words after `-m`."""
    from hydra.types import RunMode

    return lambda words: loader.load_configuration("config", list(words), RunMode.MULTIRUN)


@pytest.fixture(scope="session")
def plan(loader: Any, master: Callable[[Sequence[str]], Any]) -> Callable[..., Plan]:
    """The plan of the words after `-m`, made as Hydra's sweeper makes it."""

    @cache  # a plan is frozen: tests only read it
    def make(*words: str) -> Plan:
        config = master(words)
        return make_plan(loader, config, list(config.hydra.overrides.task))

    return make


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory; whatever the command line sets in the environment is taken back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", os.environ.get("HYDRA_FULL_ERROR", "0"))
    monkeypatch.delenv("COLUMNS", raising=False)
    return tmp_path


SMALL = {
    "lr": 0.001,
    "seed": 0,
    "batch_size": 32,
    "max_epochs": 4,
    "model": {"_target_": "torch.nn.Identity"},
    "dataset": {"_target_": "sweeplab.data.digits.Digits", "root": "data"},
    "select": {"data": "held_out", "epoch": "best", "monitor": "val/accuracy", "mode": "max"},
    "provenance": None,
    "known_deviations": [],
    "published": None,
    "runtime": {"output_dir": "outputs"},
    "name": None,
    "circumstance": ["dataset.root"],
}


@pytest.fixture
def make_cell() -> Callable[..., Cell]:
    """A cell of a small hand-written configuration, changed by keyword, with these changes as its axes."""

    def make(**changes: Any) -> Cell:
        config = {**SMALL, **changes}
        return Cell(identify(config), config, changes)

    return make


@pytest.fixture
def finish() -> Callable[..., record.CellFolder]:
    """Write the records of a finished cell by hand."""

    def write(output_dir: Path, cell: Cell, *, state: str = record.COMPLETED, **known: Any) -> record.CellFolder:
        folder = record.cell_folder(output_dir, cell.id)
        record.write_asked(folder, cell)
        record.write_result(folder, {**record.blank_result(cell), "state": state, **known})
        return folder

    return write


@pytest.fixture
def hand_plan(tmp_path: Path, make_cell: Callable[..., Cell]) -> Callable[..., Plan]:
    """A plan of hand-made cells under a temporary output directory, one for each mapping of changes."""

    def make(*changes: dict, name: str = "mine") -> Plan:
        cells = [make_cell(runtime={"output_dir": str(tmp_path)}, **change) for change in changes]
        cells = [type(c)(c.id, c.config, change) for c, change in zip(cells, changes, strict=True)]
        keys = dict.fromkeys(key for change in changes for key in change)
        axes = {key: list({repr(change.get(key)): change.get(key) for change in changes}.values()) for key in keys}
        return Plan(name, cells, axes, [], cells[0].config, len(cells))

    return make


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests first: they wait for processes, and the many fast ones fill the time."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
