"""Every file in conf/optimizer keeps the contract of an optimizer."""

import copy
import inspect
import io
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from hydra.utils import get_class, instantiate
from omegaconf import OmegaConf
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, TensorDataset

CONF = Path(__file__).parents[2] / "conf" / "optimizer"
FILES = sorted(CONF.glob("*.yaml"))
NAMES = "sgd sgdm nesterov adagrad adadelta rmsprop adam adamw nadam radam adamax adafactor lion"
NAMES += " swats ndadam keras_adam keras_rmsprop keras_sgd keras_radam uncorrected_adam"

every_optimizer = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def factory(path, lr=0.01, weight_decay=0.0):
    target = OmegaConf.load(path)["_target_"]
    if not target.startswith(("torch.", "sweeplab.")):
        pytest.importorskip(target.partition(".")[0])
    config = OmegaConf.create({"lr": lr, "weight_decay": weight_decay, "optimizer": OmegaConf.load(path)})
    return instantiate(config.optimizer)


def parameters():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator).requires_grad_() for shape in [(4, 3), (4,), ()]]


def train(optimizer, weights, num_steps, first_step=0):
    for step in range(first_step, first_step + num_steps):
        generator = torch.Generator().manual_seed(step)
        for weight in weights:
            weight.grad = torch.randn(weight.shape, generator=generator).to(weight.dtype) + weight.detach()
        optimizer.step()


def minimise(make, lr, num_steps=800):
    """Loss ratio, last to first, of (x - x*)' A (x - x*) / 2 from x = 0 with lr falling on a line to 0."""
    curvature, minimum = torch.tensor([1.0, 3.0, 10.0]), torch.tensor([1.0, -0.5, 0.25])
    x = torch.zeros(3, requires_grad=True)
    optimizer = make([{"params": [x], "lr": lr}])
    schedule = LambdaLR(optimizer, lambda t: 1 - t / num_steps)
    for _ in range(num_steps):
        x.grad = curvature * (x.detach() - minimum)
        optimizer.step()
        schedule.step()
    loss = (curvature * (x.detach() - minimum) ** 2).sum()
    return (loss / (curvature * minimum**2).sum()).nan_to_num(torch.inf).item()


def saved_and_loaded_goes_on(make, weights):
    optimizer = make(weights)
    train(optimizer, weights, 7)
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    resumed_weights = copy.deepcopy(weights)
    resumed = make(resumed_weights)
    with torch.no_grad():  # an optimizer may change initial weights
        for resumed_weight, weight in zip(resumed_weights, weights, strict=True):
            resumed_weight.copy_(weight)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    train(optimizer, weights, 7, first_step=7)
    train(resumed, resumed_weights, 7, first_step=7)
    assert all(torch.equal(one, two) for one, two in zip(weights, resumed_weights, strict=True))


class Logistic(pl.LightningModule):
    """Logistic regression, by Lightning's own optimization."""

    def __init__(self, make):
        super().__init__()
        self.model, self.make, self.losses = torch.nn.Linear(3, 2), make, []

    def training_step(self, batch):
        x, y = batch
        loss = torch.nn.functional.cross_entropy(self.model(x), y)
        self.losses.append(loss.item())
        return loss

    def configure_optimizers(self):
        return self.make(self.model.parameters())


def test_all_promised_optimizers_are_there():
    assert set(NAMES.split()) <= {path.stem for path in FILES}


@every_optimizer
def test_first_line_names_the_source(path):
    assert path.read_text().startswith("# ")


@every_optimizer
def test_node_is_a_factory_that_follows_the_root_keys(path):
    node = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    assert (node["_partial_"], node["_convert_"], node["lr"]) == (True, "all", "${lr}")
    factory(path)  # skips where an extra is not installed
    takes = inspect.signature(get_class(node["_target_"])).parameters
    assert node.get("weight_decay") == ("${weight_decay}" if "weight_decay" in takes else None)


@every_optimizer
def test_other_arguments_are_the_library_s_defaults_or_say_so(path):
    factory(path)
    node = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    takes = inspect.signature(get_class(node["_target_"])).parameters
    lines = {line.partition(":")[0]: line for line in path.read_text().splitlines()}
    for key in set(node) - {"_target_", "_partial_", "_convert_", "lr", "weight_decay"}:
        default = takes[key].default
        if default is inspect.Parameter.empty:  # a class of ours: the file is the only home of its defaults
            assert "#" in lines[key], lines[key]
            continue
        plain = list(default) if isinstance(default, tuple) else default
        assert node[key] == plain or "default" in lines[key], lines[key]


@every_optimizer
def test_every_step_moves_every_parameter(path):
    weights = parameters()
    before = [weight.detach().clone() for weight in weights]
    optimizer = factory(path)(weights)
    train(optimizer, weights, 3)
    assert isinstance(optimizer, torch.optim.Optimizer)
    assert all((weight != old).all() and weight.isfinite().all() for weight, old in zip(weights, before, strict=True))


@every_optimizer
def test_root_keys_reach_the_optimizer(path):
    group = factory(path, lr=0.125, weight_decay=0.25)(parameters()).param_groups[0]
    assert (group["lr"], group["weight_decay"]) == (0.125, 0.25)


@every_optimizer
def test_no_omegaconf_object_reaches_the_state(path):
    optimizer = factory(path)(parameters())
    kinds = {type(value) for group in optimizer.param_groups for key, value in group.items() if key != "params"}
    assert kinds <= {bool, float, int, str, list, tuple, type(None)}


@every_optimizer
def test_reaches_the_minimum_of_a_quadratic(path):
    """Of five learning rates, four decades apart, the best one ends at the known minimum."""
    make = factory(path)
    assert min(minimise(make, lr) for lr in (1e-3, 1e-2, 1e-1, 1.0, 10.0)) < 1e-3


@every_optimizer
def test_weight_decay_shrinks_weights(path):
    """Without any gradient of the loss, the norm falls."""
    weight = torch.full((8,), 2.0, requires_grad=True)
    optimizer = factory(path, weight_decay=0.1)([weight])
    for _ in range(10):
        weight.grad = torch.zeros(8)
        optimizer.step()
    assert (weight.abs() < 2.0).all()


@every_optimizer
def test_parameter_groups_keep_their_own_settings(path):
    first, second = torch.ones(5, requires_grad=True), torch.ones(5, requires_grad=True)
    optimizer = factory(path)([{"params": [first]}, {"params": [second], "lr": 0.0}])
    train(optimizer, [first, second], 3)
    assert (first != 1).all()
    assert (second == 1).all()


@every_optimizer
def test_a_parameter_group_goes_where_it_would_go_alone(path):
    """Groups of their own learning rate, one of which gets its first gradient late, do not touch each other."""
    make, beside, alone = factory(path), parameters(), parameters()
    together = make([{"params": beside[:1], "lr": 0.02}, {"params": beside[1:]}])
    apart = [make([{"params": alone[:1], "lr": 0.02}]), make([{"params": alone[1:]}])]
    train(together, beside[1:], 3)
    train(apart[1], alone[1:], 3)
    for weights in (beside, alone):
        for weight in weights:
            weight.grad = torch.ones_like(weight)
    for _ in range(4):
        together.step()
        apart[0].step()
        apart[1].step()
    assert all(torch.equal(one, two) for one, two in zip(beside, alone, strict=True))


@every_optimizer
def test_bf16_parameters_stay_bf16_and_learn(path):
    def distance(lr):
        weights = [weight.detach().bfloat16().requires_grad_() for weight in parameters()]
        optimizer = factory(path, lr=lr)(weights)
        start = sum(float((weight.detach().float() - 3).square().sum()) for weight in weights)
        for _ in range(30):
            for weight in weights:
                weight.grad = weight.detach() - 3
            optimizer.step()
        assert all(weight.dtype == torch.bfloat16 and weight.isfinite().all() for weight in weights)
        return sum(float((weight.detach().float() - 3).square().sum()) for weight in weights) / start

    assert min(distance(lr) for lr in (0.01, 0.1, 1.0, 10.0)) < 0.9


@every_optimizer
def test_saved_bf16_state_goes_on_as_if_never_stopped(path):
    make, weights = factory(path), [weight.detach().bfloat16().requires_grad_() for weight in parameters()]
    saved_and_loaded_goes_on(make, weights)


@every_optimizer
def test_learns_under_lightning(path):
    """Lightning hands the step a closure that computes the gradients."""
    torch.manual_seed(0)
    x = torch.randn(64, 3)
    y = (x[:, 0] > x[:, 1]).long()
    task = Logistic(factory(path, lr=0.05))
    trainer = pl.Trainer(
        max_epochs=8,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(task, DataLoader(TensorDataset(x, y), batch_size=64))
    assert task.losses[-1] < task.losses[0]
    assert trainer.global_step == 8


@every_optimizer
def test_saved_state_goes_on_as_if_never_stopped(path):
    saved_and_loaded_goes_on(factory(path), parameters())


@every_optimizer
def test_takes_the_parameters_of_a_module(path):
    model = torch.nn.Linear(3, 2)
    optimizer = factory(path)(model.parameters())
    model(torch.ones(4, 3)).square().sum().backward()
    optimizer.step()
    assert optimizer.param_groups[0]["params"] == list(model.parameters())
