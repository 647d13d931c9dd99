"""Weight decay said in words, checked against what the optimizers do to a weight without a gradient."""

from pathlib import Path

import pytest

from sweeplab.build import build
from sweeplab.penalties import penalty_notes

CHOICES = sorted(path.stem for path in (Path(__file__).parents[1] / "conf" / "optimizer").glob("*.yaml"))


def test_nothing_is_said_where_nothing_decays(plan):
    assert penalty_notes(plan("optimizer=adam,sgd").cells) == []


def test_decoupled_and_l2_are_told_apart(plan):
    notes = penalty_notes(plan("optimizer=adam,sgd,adamw", "weight_decay=0.01").cells)
    [note] = notes
    assert "L2, weight_decay * w joins the gradient, with adam, sgd; decoupled" in note
    assert note.endswith("with adamw.")


def test_keras_penalty_is_said_for_all_or_for_groups(plan):
    for line in ("l2=1e-4", "parameter_groups=[{parameters:'*.weight',l2:1e-4}]"):
        [note] = penalty_notes(plan(line).cells)
        assert "whose gradient is 2 * l2 * w" in note


def one_step(config, gradient):
    """A weight of 1 after a step."""
    import torch

    weight = torch.ones(3, requires_grad=True)
    weight.grad = torch.full((3,), gradient)
    optimizer = build(config["optimizer"], trusted=[])([weight])
    optimizer.step()
    return float(weight[0].detach())


@pytest.mark.parametrize("choice", CHOICES)
def test_words_are_true_of_every_shipped_optimizer(choice, plan):
    """Decoupled decay takes lr * weight_decay off a weight whatever the gradient; L2 is part of the gradient."""
    if choice == "lion":
        pytest.importorskip("pytorch_optimizer")
    lr, decay, gradient = 0.1, 0.5, 1.0
    with_decay, without = (
        plan(f"optimizer={choice}", f"lr={lr}", f"weight_decay={value}").cells[0] for value in (decay, 0)
    )
    [note] = penalty_notes([with_decay])
    if choice == "ndadam":  # one dimension: no vector
        assert "L2" in note
    if "decoupled" in note:
        factor = one_step(with_decay.config, gradient) - one_step(without.config, gradient)
        assert factor == pytest.approx(-lr * decay, rel=1e-3)
    else:
        assert "L2" in note
        summed = one_step(without.config, gradient + decay)
        assert one_step(with_decay.config, gradient) == pytest.approx(summed, rel=1e-5)
