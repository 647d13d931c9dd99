"""Every file in conf/scheduler keeps the contract of a schedule, under every optimizer of torch and of ours."""

import inspect
from pathlib import Path

import pytest
import torch
from hydra.utils import get_method, instantiate
from omegaconf import OmegaConf
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

CONF = Path(__file__).parents[2] / "conf"
FILES = sorted((CONF / "scheduler").glob("*.yaml"))
OPTIMIZERS = [path for path in sorted((CONF / "optimizer").glob("*.yaml")) if "pytorch_" not in path.read_text()]
NAMES = "constant cosine one_cycle linear_warmup inverse_sqrt time_decay step reduce_on_plateau keras_warmup"

every_scheduler = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def build(path, optimizer, steps_per_epoch, max_epochs):
    node = OmegaConf.create({"max_epochs": max_epochs, "scheduler": OmegaConf.load(path)}).scheduler
    return instantiate(node)(optimizer, steps_per_epoch=steps_per_epoch, max_epochs=max_epochs)


def make_optimizer(path):
    config = OmegaConf.create({"lr": 0.1, "weight_decay": 0.0, "optimizer": OmegaConf.load(path)})
    return instantiate(config.optimizer)([torch.ones(3, requires_grad=True)])


def test_all_promised_schedules_are_there():
    assert set(NAMES.split()) <= {path.stem for path in FILES}


@every_scheduler
def test_first_line_names_the_source(path):
    assert path.read_text().startswith("# ")


@every_scheduler
def test_file_names_every_argument_and_the_function_no_default(path):
    node = OmegaConf.load(path)
    assert (node["_partial_"], node["_convert_"]) == (True, "all")
    takes = inspect.signature(get_method(node["_target_"])).parameters
    assert all(parameter.default is parameter.empty for parameter in takes.values())
    given = {str(key) for key in node if not str(key).startswith("_")}
    assert given == set(takes) - {"optimizer", "steps_per_epoch", "max_epochs"}


@every_scheduler
@pytest.mark.parametrize("length", [(1, 1), (1, 3), (7, 1), (10, 20)], ids=str)
def test_every_learning_rate_of_a_training_lies_in_0_to_lr(path, length):
    optimizer = torch.optim.SGD([torch.ones(3, requires_grad=True)], lr=0.1)
    scheduler = build(path, optimizer, *length)
    used = []
    for _ in range(length[0] * length[1]):
        used.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if isinstance(scheduler, LRScheduler) and not isinstance(scheduler, ReduceLROnPlateau):
            scheduler.step()
    assert all(0 < lr <= 0.1 for lr in used)
    if len(used) == 200:
        assert max(used) == pytest.approx(0.1)


@every_scheduler
@pytest.mark.parametrize("optimizer_path", OPTIMIZERS, ids=lambda path: path.stem)
def test_goes_with_every_optimizer(path, optimizer_path):
    """Only the learning rate is scheduled: no momentum, which not every optimizer has."""
    optimizer = make_optimizer(optimizer_path)
    others = {key: value for key, value in optimizer.param_groups[0].items() if key not in ("params", "lr")}
    scheduler = build(path, optimizer, 4, 2)
    for _ in range(8):
        optimizer.param_groups[0]["params"][0].grad = torch.ones(3)
        optimizer.step()
        if scheduler is not None and not isinstance(scheduler, ReduceLROnPlateau):
            scheduler.step()
    group = optimizer.param_groups[0]
    assert group["params"][0].isfinite().all()
    assert {key: group[key] for key in others} == others


@every_scheduler
def test_a_plateau_says_what_it_watches(path):
    scheduler = build(path, torch.optim.SGD([torch.ones(3, requires_grad=True)], lr=0.1), 4, 2)
    assert isinstance(scheduler, LRScheduler | None)
    assert isinstance(scheduler, ReduceLROnPlateau) == hasattr(scheduler, "monitor")


def test_a_scheduler_of_torch_s_needs_one_yaml_file(tmp_path):
    path = tmp_path / "exponential.yaml"
    path.write_text(
        "_target_: sweeplab.optim.schedulers.from_torch\n_partial_: true\n_convert_: all\ninterval: epoch\n"
        "scheduler:\n  _target_: torch.optim.lr_scheduler.CosineAnnealingLR\n  _partial_: true\n"
        "  T_max: ${max_epochs}\n"
    )
    optimizer = torch.optim.SGD([torch.ones(3, requires_grad=True)], lr=0.1)
    scheduler = build(path, optimizer, 5, 2)
    used = []
    for _ in range(10):
        used.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert used == pytest.approx([0.1] * 5 + [0.05] * 5)
