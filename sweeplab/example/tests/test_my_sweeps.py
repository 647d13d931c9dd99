"""The model has the right shape; the optimizer goes where it should."""

import torch
from my_sweeps.models import TinyCNN
from my_sweeps.optimizers import SignSGD


def test_model_gives_one_logit_per_class():
    model = TinyCNN(shape=[3, 8, 8], num_classes=7, channels=4)

    assert model(torch.zeros(2, 3, 8, 8)).shape == (2, 7)


def test_every_step_has_the_length_of_lr_in_each_coordinate():
    """The minimum of |x - 1|^2 lies at 1: ten steps of 0.1 from 0 reach it exactly."""
    x = torch.zeros(3, requires_grad=True)
    optimizer = SignSGD([x], lr=0.1)
    for _ in range(10):
        optimizer.zero_grad()
        ((x - 1) ** 2).sum().backward()
        optimizer.step()

    torch.testing.assert_close(x.detach(), torch.ones(3), atol=1e-5, rtol=0)
