import numpy as np
import pytest
import torch

from sweeplab.data.arrays import Arrays
from sweeplab.data.source import Source
from sweeplab.errors import ConfigFault
from sweeplab.preprocess.zca import MOST_FEATURES, ZCA

BATCHING = {"batch_size": 32, "eval_batch_size": 100, "seed": 0, "device": "cpu", "workers": 0, "steps_per_call": 1}
BATCHING |= {"limit_batches": None, "overfit_batches": 0, "drop_last": False, "select_data": "held_out"}
COMMON = {"num_classes": 4, "val_size": 400, "augment": None, "in_memory": True}


class Correlated(Source):
    """Features or pixels with strong dependence between neighbours."""

    images = False

    def read(self):
        rng = np.random.default_rng(0)
        size = int(np.prod(self.shape))
        x = (rng.normal(size=(1700, size)) @ np.tril(np.ones((size, size))) + 3).reshape(-1, *self.shape)
        if self.images:
            x = np.clip(x * 10 + 128, 0, 255).astype(np.uint8)
        y = np.arange(1700) % 4
        return Arrays(train_x=x[:1600], train_y=y[:1600], test_x=x[1600:], test_y=y[1600:])


class CorrelatedImages(Correlated):
    """The same as uint8 pixels."""

    images = True


@pytest.fixture
def features(tmp_path):
    return Correlated(root=str(tmp_path), shape=[6], mean=None, std=None, **COMMON)


@pytest.fixture
def pictures(tmp_path):
    constants = {"shape": [2, 3, 4], "mean": [0.5, 0.4], "std": [0.2, 0.3]}
    return CorrelatedImages(root=str(tmp_path), **constants, **COMMON)


def fitted(source, *, eps=1e-2, **changes):
    loaders = source.loaders(**BATCHING | changes)
    zca = ZCA(eps=eps)
    zca.fit(loaders.examples, source.array_folder)
    return zca, loaders


def whole(batches):
    return torch.cat([x for x, _ in batches])


def kept(source):
    return {path: path.stat().st_mtime_ns for path in source.array_folder.glob("zca-*.npy")}


@pytest.mark.parametrize("name", ["features", "pictures"])
def test_equals_the_formula(name, request):
    """By an independent way: the inverse square root as the limit of Newton's (Denman-Beavers) iteration."""
    zca, loaders = fitted(request.getfixturevalue(name))
    train, test = whole(loaders.examples).double().numpy(), whole(loaders.test)
    flat = train.reshape(len(train), -1)
    root = np.cov(flat.T, bias=True) + 1e-2 * np.eye(flat.shape[1])
    inverse = np.eye(flat.shape[1])
    for _ in range(60):
        root, inverse = (root + np.linalg.inv(inverse)) / 2, (inverse + np.linalg.inv(root)) / 2
    expected = (test.double().numpy().reshape(len(test), -1) - flat.mean(0)) @ inverse

    np.testing.assert_allclose(zca.matrix.numpy(), inverse, atol=1e-5)
    np.testing.assert_allclose(zca(test).numpy(), expected.reshape(test.shape), atol=1e-4)


def test_whitened_examples_have_the_identity_as_covariance(features):
    """Up to s / (s + eps) in each direction, and around 0."""
    zca, loaders = fitted(features, eps=1e-6)
    white = zca(whole(loaders.examples)).double().numpy()
    np.testing.assert_allclose(white.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(np.cov(white.T, bias=True), np.eye(6), atol=1e-4)


def test_matrix_is_symmetric_and_keeps_examples_like_themselves(features):
    """That is what sets it apart from other whitenings: each value still goes with its original."""
    zca, loaders = fitted(features)
    x = whole(loaders.test)
    torch.testing.assert_close(zca.matrix, zca.matrix.T)
    assert all(np.corrcoef(a, b)[0, 1] > 0.3 for a, b in zip(x.T.numpy(), zca(x).T.numpy(), strict=True))


def test_validation_and_test_examples_have_no_part_in_it(features, tmp_path):
    """Their values replaced by others, mean and matrix stay."""
    zca, loaders = fitted(features)
    held_out = loaders.val.ids.numpy()

    class Elsewhere(Correlated):
        def read(self):
            arrays = super().read()
            arrays.train_x[held_out] *= -50
            return Arrays(**{**vars(arrays), "test_x": arrays.test_x * 7})

    other = Elsewhere(root=str(tmp_path / "other"), shape=[6], mean=None, std=None, **COMMON)
    again, other_loaders = fitted(other)
    assert not torch.equal(whole(other_loaders.val), whole(loaders.val))
    assert torch.equal(again.mean, zca.mean)
    assert torch.equal(again.matrix, zca.matrix)


def test_fitted_once_and_found_by_other_cells(features):
    first, _ = fitted(features)
    before = kept(features)
    features.in_memory = False
    second, _ = fitted(features, seed=3, batch_size=7, eval_batch_size=9)
    assert len(before) == 1
    assert kept(features) == before
    assert torch.equal(second.matrix, first.matrix)
    assert sorted(path.suffix for path in features.array_folder.glob("zca-*")) == [".lock", ".npy"]


def test_fitted_anew_for_other_settings_examples_or_data(features, pictures):
    for settings in ({}, {"eps": 1e-3}, {"select_data": "test"}):
        fitted(features, **settings)
    assert len(kept(features)) == 3
    fitted(pictures)
    pictures.mean = [0.0, 0.0]
    moved, _ = fitted(pictures)
    assert len(kept(pictures)) == 2
    assert moved.mean.min() > 1.0
    [path, *_] = kept(features)
    (features.array_folder / "cache.json").unlink()  # prepared again
    fitted(features)
    assert not path.exists()


@pytest.mark.parametrize("eval_batch_size", [1, 37, 1000])
def test_batches_do_not_matter(pictures, eval_batch_size):
    """Neither how examples are read for it nor how they come to it."""
    zca, loaders = fitted(pictures, eval_batch_size=eval_batch_size)
    for path in pictures.array_folder.glob("zca-*"):
        path.unlink()
    again, others = fitted(pictures)
    assert torch.equal(zca.matrix, again.matrix)
    torch.testing.assert_close(torch.cat([zca(x) for x, _ in loaders.test]), zca(whole(others.test)))


def test_a_file_cut_short_by_a_crash_is_never_believed(features, monkeypatch):
    def crash(file, _):
        file.write(b"\x93NUMPY")
        raise KeyboardInterrupt

    train = features.loaders(**BATCHING).examples
    with monkeypatch.context() as patched:
        patched.setattr(np, "save", crash)
        with pytest.raises(KeyboardInterrupt):
            ZCA(eps=1e-2).fit(train, features.array_folder)
    assert not kept(features)
    zca, _ = fitted(features)
    assert zca.matrix.shape == (6, 6)


def test_neither_parameters_nor_part_of_a_checkpoint(features):
    zca, _ = fitted(features)
    assert not list(zca.parameters())
    assert not zca.state_dict()
    assert {name for name, _ in zca.named_buffers()} == {"mean", "matrix"}


def test_whitens_in_single_precision_under_mixed_precision(features):
    zca, loaders = fitted(features)
    x = whole(loaders.test)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = zca(x)
    assert mixed.dtype == torch.float32
    assert torch.equal(mixed, zca(x))


def test_too_many_values_are_a_fault(tmp_path):
    source = Correlated(root=str(tmp_path), shape=[6], mean=None, std=None, **COMMON)
    train = source.loaders(**BATCHING).examples
    object.__setattr__(train.normalise, "shape", (3, 224, 224))
    with pytest.raises(ConfigFault, match=rf"at most {MOST_FEATURES} values per example, got 150528 .*\[3, 224, 224\]"):
        ZCA(eps=1e-2).fit(train, source.array_folder)


@pytest.mark.parametrize("eps", [0.0, -1.0])
def test_eps_out_of_range_is_a_fault(eps):
    with pytest.raises(ConfigFault, match=rf"eps of preprocess=zca must be > 0, got {eps}"):
        ZCA(eps=eps)
