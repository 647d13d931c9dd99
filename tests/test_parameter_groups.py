"""Penalties, rates, decays and gradients by parameter: against the update written out by hand."""

import pytest
import torch
from torch import nn

from sweeplab.errors import ConfigFault
from sweeplab.parameter_groups import TreatedParameters, find_group_faults


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).double()


def learn(model, treated, make, x, y):
    """One step; gives the gradients of the loss alone and the weights before it, by name."""
    optimizer = treated.optimizer(make)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    loss = nn.functional.cross_entropy(model(x), y)
    grads = dict(zip(before, torch.autograd.grad(loss, list(model.parameters()), retain_graph=True), strict=True))
    penalty = treated.penalty()
    (loss if penalty is None else loss + penalty).backward()
    treated.scale_gradients()
    optimizer.step()
    return before, grads


def batch():
    return torch.randn(8, 3, dtype=torch.float64), torch.arange(8) % 2


def test_l2_is_keras_penalty_of_kernels(model):
    """l2 * sum(w ** 2) has the gradient 2 * l2 * w; biases and normalisation have none."""
    treated = TreatedParameters(model, l2=0.1, entries=[])
    before, grads = learn(model, treated, lambda groups: torch.optim.SGD(groups, lr=0.5), *batch())
    for name, after in model.named_parameters():
        pull = 2 * 0.1 * before[name] if name in ("0.weight", "2.weight") else 0
        torch.testing.assert_close(after.detach(), before[name] - 0.5 * (grads[name] + pull))


def test_penalty_is_l2_times_the_sum_of_squares(model):
    treated = TreatedParameters(model, l2=0.1, entries=[{"parameters": "2.*", "l2": 0.3}])
    first, last = model[0].weight, model[2]
    expected = 0.1 * (first**2).sum() + 0.3 * ((last.weight**2).sum() + (last.bias**2).sum())
    torch.testing.assert_close(treated.penalty(), expected)
    assert treated.is_penalised


def test_nothing_penalised_is_no_penalty(model):
    treated = TreatedParameters(model, l2=0.0, entries=[{"parameters": "0.*", "lr_factor": 2}])
    assert treated.penalty() is None
    assert not treated.is_penalised


def test_rate_decay_and_gradient_of_a_group(model):
    entries = [
        {"parameters": "0.weight", "lr_factor": 3},
        {"parameters": ["1.*", "2.bias"], "weight_decay": 0.2},
        {"parameters": "2.weight", "gradient_factor": 10},
    ]
    treated = TreatedParameters(model, l2=0.0, entries=entries)
    before, grads = learn(model, treated, lambda groups: torch.optim.SGD(groups, lr=0.5, weight_decay=0.01), *batch())
    for name, after in model.named_parameters():
        lr = 1.5 if name == "0.weight" else 0.5
        decay = 0.2 if name in ("1.weight", "1.bias", "2.bias") else 0.01
        factor = 10 if name == "2.weight" else 1
        expected = before[name] - lr * (factor * grads[name] + decay * before[name])
        torch.testing.assert_close(after.detach(), expected)


def test_first_entry_that_fits_counts(model):
    entries = [{"parameters": "0.weight", "lr_factor": 2}, {"parameters": "*", "lr_factor": 5}]
    treated = TreatedParameters(model, l2=0.0, entries=entries)
    optimizer = treated.optimizer(lambda groups: torch.optim.SGD(groups, lr=1.0))
    by_lr = {group["lr"]: len(group["params"]) for group in optimizer.param_groups}
    assert by_lr == {2.0: 1, 5.0: 5}
    assert treated.base_lr_factor == 2


def test_schedule_keeps_the_factor_of_a_group(model):
    """SWATS notes the rate that it is made with, and torch's schedules start from that note."""
    from sweeplab.optim.swats import SWATS

    def make(groups):
        rest = {"eps": 1e-9, "tolerance": 1e-9, "granularity": "tensor", "weight_decay": 0.0}
        return SWATS(groups, lr=0.1, betas=(0.9, 0.999), **rest)

    optimizer = TreatedParameters(model, l2=0.0, entries=[{"parameters": "0.*", "lr_factor": 4}]).optimizer(make)
    torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 0.5)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.2, 0.05])


def test_without_entries_the_optimizer_sees_all_parameters_in_order(model):
    optimizer = TreatedParameters(model, l2=0.0, entries=[]).optimizer(lambda groups: torch.optim.SGD(groups, lr=1.0))
    [group] = optimizer.param_groups
    assert [id(p) for p in group["params"]] == [id(p) for p in model.parameters()]


def test_frozen_parameters_are_left_alone(model):
    model[0].weight.requires_grad_(False)
    treated = TreatedParameters(model, l2=0.1, entries=[])
    torch.testing.assert_close(treated.penalty(), 0.1 * (model[2].weight ** 2).sum())


def test_pattern_that_fits_nothing_is_a_fault(model):
    with pytest.raises(ConfigFault, match=r"parameter_groups\[0\].parameters: 'stem.\*' fits no parameter.*0.weight"):
        TreatedParameters(model, l2=0.0, entries=[{"parameters": ["0.*", "stem.*"], "l2": 1.0}])


def test_decay_for_an_optimizer_without_is_a_fault(model):
    treated = TreatedParameters(model, l2=0.0, entries=[{"parameters": "0.*", "weight_decay": 0.1}])
    with pytest.raises(ConfigFault, match="Rprop has no weight_decay"):
        treated.optimizer(lambda groups: torch.optim.Rprop(groups, lr=0.1))


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"parameters": "a"}, "parameter_groups must be a list such as"),
        (["a"], r"parameter_groups\[0\] must be a mapping such as"),
        ([{"l2": 1}], r"parameter_groups\[0\].parameters must be a pattern over parameter names.*got None"),
        ([{"parameters": "a", "l2": -1}], r"parameter_groups\[0\].l2 must be >= 0, got -1"),
        ([{"parameters": "a", "lr_factor": 0}], r"parameter_groups\[0\].lr_factor must be > 0, got 0"),
        ([{"parameters": "a", "gradient_factor": "x"}], r"gradient_factor must be > 0, got 'x'"),
        ([{"parameters": "a", "lr": 1}], r"parameter_groups\[0\] has no key lr · allowed: parameters, l2"),
    ],
)
def test_faults_are_found_before_anything_is_built(entries, words):
    [fault] = find_group_faults(entries)
    with pytest.raises(ConfigFault, match=words):
        raise ConfigFault(fault)


def test_sound_entries_have_no_fault():
    assert list(find_group_faults([{"parameters": ["a.*"], "l2": 0, "lr_factor": 0.1, "weight_decay": 0}])) == []
