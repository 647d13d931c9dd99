"""ND-Adam by the invariants of its paper: length one, steps along the sphere, no effect of the gradient's size."""

import math

import pytest
import torch

from sweeplab.optim.ndadam import NDAdam

SETTINGS = {
    "lr": 0.001,
    "vector_lr_factor": 50.0,
    "betas": (0.9, 0.999),
    "eps": 1e-8,
    "vectors": "unit",
    "normalize_init": True,
    "weight_decay": 0.0,
}
SHAPES = [(5, 3), (4, 3, 3, 3), (6, 2, 4)]

every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


def random(shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def make(shape, dtype=torch.float64, **settings):
    weight = random(shape, dtype=dtype).requires_grad_()
    return weight, NDAdam([weight], **SETTINGS | settings)


def run(weight, optimizer, num_steps=30, scale=1.0):
    for step in range(num_steps):
        weight.grad = scale * random(weight.shape, seed=step + 1, dtype=weight.dtype)
        optimizer.step()
        yield weight.detach().clone()


def lengths(weight):
    return weight.detach().flatten(1).norm(dim=1)


@every_shape
def test_every_unit_s_vector_has_length_one_from_the_start_and_always(shape):
    weight, optimizer = make(shape)
    ones = torch.ones(shape[0], dtype=torch.float64)
    torch.testing.assert_close(lengths(weight), ones)
    for moved in run(weight, optimizer):
        torch.testing.assert_close(lengths(moved), ones)


def test_directions_are_kept_at_the_start():
    weight, _ = make((5, 3))
    torch.testing.assert_close(weight.detach(), random((5, 3)) / lengths(random((5, 3)))[:, None])


def test_memory_layout_does_not_matter():
    weight, optimizer = make((4, 3, 3, 3))
    other = random((4, 3, 3, 3)).contiguous(memory_format=torch.channels_last).requires_grad_()
    again = NDAdam([other], **SETTINGS)
    for one, two in zip(run(weight, optimizer), run(other, again), strict=True):
        torch.testing.assert_close(one, two)
    assert other.is_contiguous(memory_format=torch.channels_last)


@every_shape
def test_what_is_gathered_is_orthogonal_to_the_vector(shape):
    """Of the first gradient, nothing along the vector is left."""
    weight, optimizer = make(shape)
    start = weight.detach().clone()
    next(run(weight, optimizer))
    along = (optimizer.state[weight]["exp_avg"] * start).flatten(1).sum(dim=1)
    torch.testing.assert_close(along, torch.zeros_like(along))


@every_shape
@pytest.mark.parametrize("vectors", ["unit", "tensor"])
def test_a_gradient_along_the_vector_moves_nothing(shape, vectors):
    weight, optimizer = make(shape, vectors=vectors)
    start = weight.detach().clone()
    weight.grad = 3 * start
    optimizer.step()
    torch.testing.assert_close(weight.detach(), start)


@every_shape
@pytest.mark.parametrize("scale", [1e-3, 1e4])
def test_the_size_of_the_gradient_does_not_matter(shape, scale):
    weight, optimizer = make(shape, eps=0.0)
    other, again = make(shape, eps=0.0)
    for one, two in zip(run(weight, optimizer), run(other, again, scale=scale), strict=True):
        torch.testing.assert_close(one, two)


@every_shape
def test_the_first_step_turns_every_vector_by_its_rate(shape):
    """One second moment for a whole vector: its corrected first step is its tangent gradient, of length 1, times lr."""
    weight, optimizer = make(shape, eps=0.0)
    start = weight.detach().clone()
    moved = next(run(weight, optimizer))
    cosines = (start * moved).flatten(1).sum(dim=1)
    torch.testing.assert_close(cosines, torch.full_like(cosines, math.cos(math.atan(0.001 * 50))))


def test_units_do_not_touch_each_other():
    weight, optimizer = make((4, 6))
    other, again = make((4, 6))
    for step in range(20):
        weight.grad = random((4, 6), seed=step + 1)
        other.grad = weight.grad.clone()
        other.grad[0] = 100 * random((6,), seed=step + 50)
        optimizer.step()
        again.step()
    assert torch.equal(weight[1:], other[1:])
    assert not torch.equal(weight[0], other[0])


def test_a_whole_tensor_may_be_one_vector():
    """As in published code that meant units: then units of one layer do touch each other."""
    weight, optimizer = make((4, 3, 3, 3), vectors="tensor")
    other, again = make((4, 3, 3, 3), vectors="tensor")
    for step in range(10):
        weight.grad = random(weight.shape, seed=step + 1)
        other.grad = weight.grad.clone()
        other.grad[0] *= 100
        optimizer.step()
        again.step()
        assert weight.norm().item() == pytest.approx(1)
    assert optimizer.state[weight]["exp_avg_sq"].shape == (1, 1, 1, 1)
    assert not torch.allclose(weight[1:], other[1:])
    assert lengths(weight).max() < 1


def test_what_is_no_vector_is_adam_s():
    weight, other = random((7,)).requires_grad_(), random((7,)).requires_grad_()
    optimizer = NDAdam([weight], **SETTINGS | {"weight_decay": 0.1})
    adam = torch.optim.Adam([other], lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.1)
    for one, two in zip(run(weight, optimizer), run(other, adam), strict=True):
        torch.testing.assert_close(one, two)


def test_weight_decay_leaves_vectors_alone():
    weight, optimizer = make((5, 3))
    other, again = make((5, 3), weight_decay=0.5)
    for one, two in zip(run(weight, optimizer), run(other, again), strict=True):
        assert torch.equal(one, two)


def test_vectors_may_keep_their_lengths_until_the_first_step():
    """As in the authors' programs, which project on the tangent of the vector as it is."""
    weight, optimizer = make((5, 3), normalize_init=False)
    start = random((5, 3))
    assert torch.equal(weight.detach(), start)
    moved = next(run(weight, optimizer))
    g = random((5, 3), seed=1)
    tangent = g - (g * start).sum(dim=1, keepdim=True) * start
    step = start - 0.05 * tangent / tangent.norm(dim=1, keepdim=True)
    torch.testing.assert_close(moved, step / step.norm(dim=1, keepdim=True), rtol=1e-6, atol=1e-6)


def test_reaches_the_minimum_of_a_linear_function_on_the_sphere():
    """-c'w has one minimum among vectors of length one: c / |c|."""
    c = random((5, 3), seed=9)
    weight, optimizer = make((5, 3))
    for step in range(500):
        optimizer.param_groups[0]["lr"] = 0.002 * (1 - step / 500)
        weight.grad = -c
        optimizer.step()
    torch.testing.assert_close(weight.detach(), c / c.norm(dim=1, keepdim=True), rtol=0, atol=1e-3)


def test_a_vector_of_zeros_takes_its_first_step_s_direction():
    weight = torch.zeros(2, 3, requires_grad=True)
    optimizer = NDAdam([weight], **SETTINGS)
    assert torch.equal(weight, torch.zeros(2, 3))
    weight.grad = torch.tensor([[0.0, -2.0, 0.0], [3.0, 0.0, 0.0]])
    optimizer.step()
    torch.testing.assert_close(weight.detach(), torch.tensor([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]))


def test_frozen_parameters_keep_their_lengths():
    weight = torch.full((2, 3), 5.0)
    NDAdam([weight, torch.zeros(1, requires_grad=True)], **SETTINGS)
    assert torch.equal(weight, torch.full((2, 3), 5.0))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"eps": -1.0}, r"lr, eps and weight_decay must be >= 0, got 0.001, -1.0 and 0.0 \(optimizer\)"),
        ({"betas": (1.0, 0.9)}, r"betas must be in \[0, 1\), got \[1.0, 0.9\] \(optimizer.betas\)"),
        ({"vector_lr_factor": -1.0}, r"vector_lr_factor must be >= 0, got -1.0 \(optimizer.vector_lr_factor\)"),
        ({"vectors": "row"}, r"vectors must be unit or tensor, got row \(optimizer.vectors\)"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_settings_out_of_range_are_named(setting, message):
    with pytest.raises(ValueError, match=message):
        make((2, 2), **setting)
