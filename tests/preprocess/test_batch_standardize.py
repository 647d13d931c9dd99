import numpy as np
import pytest
import torch

from sweeplab.errors import ConfigFault
from sweeplab.preprocess.batch_standardize import BatchStandardize


@pytest.mark.parametrize("shape", [(50, 3, 4, 5), (7, 9)])
def test_every_place_is_standardised_over_the_batch(shape):
    """(x - mean) / (std + eps) with numpy's population standard deviation, place by place."""
    x = np.random.default_rng(0).normal(3, 2, shape)
    expected = (x - np.mean(x, axis=0)) / (np.std(x, axis=0) + 1e-5)
    ours = BatchStandardize(eps=1e-5)(torch.from_numpy(x))
    np.testing.assert_allclose(ours.numpy(), expected, atol=1e-12)


def test_two_examples_become_plus_and_minus_one():
    x = torch.tensor([[0.0, 5.0], [4.0, 1.0]])
    assert torch.allclose(BatchStandardize(eps=1e-9)(x), torch.tensor([[-1.0, 1.0], [1.0, -1.0]]))


def test_constant_pixels_and_single_examples_become_nothing():
    """Rounding must not become noise of unit size."""
    x = torch.full((50, 1, 2, 2), -0.4242)
    assert BatchStandardize(eps=1e-5)(x).abs().max() < 0.01
    assert torch.equal(BatchStandardize(eps=1e-5)(torch.randn(1, 3)), torch.zeros(1, 3))


def test_it_remembers_nothing_and_is_the_same_in_evaluation():
    module, x = BatchStandardize(eps=1e-5), torch.randn(8, 3)
    first = module(x)
    module(torch.randn(8, 3) * 100)
    assert torch.equal(module.eval()(x), first)
    assert not list(module.parameters())
    assert not module.state_dict()


def test_eps_out_of_range_is_a_fault():
    with pytest.raises(ConfigFault, match=r"eps of preprocess=batch_standardize must be > 0, got 0"):
        BatchStandardize(eps=0)
