import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
import torch

from sweeplab.data.augment import Changes, EverySplit, RandomBlur, RandomCrop, RandomFlip, RandomShift, Twins
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


def shares(shifts, side):
    return torch.tensor(shifts) / torch.tensor(side)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_shift_by_whole_pixels_only_copies(dtype):
    """Bit by bit the image moved, its edge drawn out, as numpy moves it."""
    x = torch.randint(0, 256, (9, 2, 8, 16), generator=torch.Generator().manual_seed(0)).to(dtype)
    shifts = [(0, 0), (1, 0), (-1, 0), (0, 3), (0, -3), (2, -5), (-4, 8), (4, -8), (-3, 1)]
    expected = np.empty(x.shape)
    for i, (down, right) in enumerate(shifts):
        wide = np.pad(x[i].numpy(), ((0, 0), (8, 8), (8, 8)), mode="edge")
        expected[i] = np.roll(wide, (down, right), axis=(1, 2))[:, 8:-8, 8:-8]

    ours = RandomShift(max_shift=0.5).apply(x, shares(shifts, [8, 16]))

    assert ours.dtype == torch.float32
    np.testing.assert_array_equal(ours.numpy(), expected)


@pytest.mark.parametrize("max_shift", [0.1, 0.3, 1.0])
def test_shift_by_any_distance_equals_scipy(max_shift):
    x, shift = images(torch.uint8), RandomShift(max_shift=max_shift)
    params = shift.draw(len(x), torch.Generator().manual_seed(1))
    expected = [
        scipy.ndimage.shift(image.astype(float), (0, *move * [7, 5]), order=1, mode="nearest")
        for image, move in zip(x.numpy(), params.double().numpy(), strict=True)
    ]
    np.testing.assert_allclose(shift.apply(x, params).numpy(), np.stack(expected), atol=2e-3)


def test_shifts_are_uniform_over_the_range_of_both_axes():
    """Kolmogorov-Smirnov against the uniform distribution, and no dependence between the axes."""
    params = RandomShift(max_shift=0.1).draw(5000, torch.Generator().manual_seed(0)).numpy()
    for axis in range(2):
        assert scipy.stats.kstest(params[:, axis], scipy.stats.uniform(-0.1, 0.2).cdf).pvalue > 1e-3
    assert abs(np.corrcoef(params.T)[0, 1]) < 4 / 5000**0.5


@pytest.mark.parametrize("shape", [(40, 3, 12, 9), (40, 1, 3, 2)], ids=["usual", "smaller than the kernel"])
@pytest.mark.parametrize("sigma", [[0.0, 0.5], [1.0, 1.5]])
def test_blur_equals_scipy(shape, sigma):
    x = torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    blur = RandomBlur(probability=1.0, sigma=sigma)
    params = blur.draw(len(x), torch.Generator().manual_seed(1))
    expected = [
        scipy.ndimage.gaussian_filter(image.astype(float), (0, s, s), radius=(0, int(4 * sigma[1]), int(4 * sigma[1])))
        for image, s in zip(x.numpy(), params.double().numpy(), strict=True)
    ]
    np.testing.assert_allclose(blur.apply(x, params).numpy(), np.stack(expected), atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_images_that_are_not_blurred_stay_as_they_are(dtype):
    x, blur = images(dtype), RandomBlur(probability=0.5, sigma=[0.5, 1.0])
    before = x.clone()
    params = blur.draw(len(x), torch.Generator().manual_seed(1))
    ours = blur.apply(x, params)
    same = (ours == x).flatten(1).all(1)
    assert same.tolist() == (params == 0).tolist()
    assert 0 < same.sum() < len(x)
    assert torch.equal(x, before)


def test_blurs_are_as_frequent_and_as_wide_as_asked():
    params = RandomBlur(probability=0.1, sigma=[0.2, 0.5]).draw(20000, torch.Generator().manual_seed(0)).numpy()
    drawn = params[params > 0]
    assert abs(len(drawn) / 20000 - 0.1) < 4 * (0.1 * 0.9 / 20000) ** 0.5
    assert scipy.stats.kstest(drawn, scipy.stats.uniform(0.2, 0.3).cdf).pvalue > 1e-3


@pytest.mark.parametrize("max_shift", [0.0, -0.1, 1.5])
def test_a_shift_out_of_range_is_a_fault(max_shift):
    with pytest.raises(ConfigFault, match=rf"max_shift of RandomShift must be in \(0, 1\].*, got {max_shift}"):
        RandomShift(max_shift=max_shift)


@pytest.mark.parametrize("sigma", [0.5, [0.5], [0.5, 0.1], [-1.0, 1.0], [0.0, 0.0], [0.0, float("inf")]])
def test_a_blur_out_of_range_is_a_fault(sigma):
    with pytest.raises(ConfigFault, match=r"sigma of RandomBlur must be \[smallest, largest\] in pixels.*, got \[?\S"):
        RandomBlur(probability=0.1, sigma=sigma)


def test_a_blur_of_impossible_probability_is_a_fault():
    with pytest.raises(ConfigFault, match=r"probability of RandomBlur must be in \[0, 1\], got -0.1"):
        RandomBlur(probability=-0.1, sigma=[0.0, 0.5])


FLIP, CROP = RandomFlip(probability=0.5), RandomCrop(padding=1)


def test_changes_are_sorted_by_the_examples_they_are_done_to():
    changes = Changes.of([CROP, EverySplit(change=FLIP), Twins(change=[FLIP, CROP])])
    assert [changes.training, changes.evaluation, changes.twins] == [[CROP, FLIP], [FLIP], [FLIP, CROP]]
    none = Changes.of(None)
    assert [none.training, none.evaluation, none.twins] == [[], [], []]
    assert Changes.of(FLIP).training == [FLIP]


@pytest.mark.parametrize("rest", [[CROP], [Twins(change=CROP)], [EverySplit(change=CROP)]])
def test_nothing_may_stand_after_twins(rest):
    with pytest.raises(
        ConfigFault, match=r"Twins must stand once and last in dataset.augment, got RandomFlip, Twins, "
    ):
        Changes.of([FLIP, Twins(change=FLIP), *rest])


@pytest.mark.parametrize("wrapper", [Twins, EverySplit])
@pytest.mark.parametrize("change", [[], None, 3, [FLIP, Twins(change=FLIP)]])
def test_a_wrapper_takes_augmentations_only(wrapper, change):
    with pytest.raises(
        ConfigFault, match=rf"change of {wrapper.__name__} must be augmentations .* got (none|int|.*Twins)"
    ):
        wrapper(change=change)


def test_a_step_that_is_no_augmentation_is_a_fault():
    with pytest.raises(ConfigFault, match=r"dataset.augment must be augmentations .* got Identity"):
        Changes.of([torch.nn.Identity()])
