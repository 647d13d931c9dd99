import numpy as np
import pytest
import torch

from sweeplab.data.augment import RandomCrop, RandomFlip
from sweeplab.errors import ConfigFault


def images(dtype):
    x = torch.randint(0, 256, (40, 3, 7, 5), generator=torch.Generator().manual_seed(0))
    return x.to(dtype)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("padding", [1, 2, 4])
def test_crop_equals_padding_and_cutting_one_image_at_a_time(dtype, padding):
    x, crop = images(dtype), RandomCrop(padding=padding)
    corners = crop.draw(len(x), torch.Generator().manual_seed(1))
    expected = np.zeros(x.shape)
    for i, (top, left) in enumerate(corners.tolist()):
        canvas = np.zeros((3, 7 + 2 * padding, 5 + 2 * padding))
        canvas[:, padding : padding + 7, padding : padding + 5] = x[i].numpy()
        expected[i] = canvas[:, top : top + 7, left : left + 5]
    ours = crop.apply(x, corners)
    assert ours.dtype == dtype
    np.testing.assert_array_equal(ours.numpy(), expected)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_flip_equals_mirroring_one_image_at_a_time(dtype):
    x, flip = images(dtype), RandomFlip(probability=0.5)
    params = flip.draw(len(x), torch.Generator().manual_seed(1))
    expected = [
        np.fliplr(i.transpose(1, 2, 0)).transpose(2, 0, 1) if f else i for i, f in zip(x.numpy(), params, strict=True)
    ]
    ours = flip.apply(x, params)
    assert ours.dtype == dtype
    np.testing.assert_array_equal(ours.numpy(), np.stack(expected))


def test_corners_are_uniform_over_all_shifts():
    """Chi-square of 9 equally likely values, 8 degrees of freedom: above 26.1 once in a thousand seeds."""
    corners = RandomCrop(padding=4).draw(9000, torch.Generator().manual_seed(0))
    for axis in range(2):
        counts = np.bincount(corners[:, axis].numpy())
        assert len(counts) == 9
        assert np.sum((counts - 1000) ** 2 / 1000) < 26.1


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_flips_are_as_frequent_as_asked(probability):
    share = RandomFlip(probability=probability).draw(10000, torch.Generator().manual_seed(0)).float().mean()
    assert abs(share - probability) <= 4 * (probability * (1 - probability) / 10000) ** 0.5


def test_arguments_out_of_range_are_faults():
    with pytest.raises(ConfigFault, match=r"padding of RandomCrop must be >= 1, got 0 .*dataset.augment=null"):
        RandomCrop(padding=0)
    with pytest.raises(ConfigFault, match=r"probability of RandomFlip must be in \[0, 1\], got 1.5"):
        RandomFlip(probability=1.5)
