import numpy as np
import pytest
from scipy.io import savemat

from sweeplab.data.svhn import SVHN
from sweeplab.errors import DataFault

SIZES = {"train_32x32.mat": 60, "test_32x32.mat": 20}


@pytest.fixture
def write_mat():
    """Write both files of random images; returns (images as (N, C, H, W), labels as written) by name."""

    def write(folder, *, compressed=True):
        rng = np.random.default_rng(0)
        folder.mkdir(parents=True, exist_ok=True)
        written = {}
        for name, num in SIZES.items():
            x, y = rng.integers(0, 256, (32, 32, 3, num), dtype=np.uint8), np.arange(num, dtype=np.uint8) % 10 + 1
            savemat(folder / name, {"X": x, "y": y[:, None]}, do_compression=compressed)
            written[name] = np.stack([x[..., i].transpose(2, 0, 1) for i in range(num)]), y
        return written

    return write


def test_reads_what_was_written_and_ten_means_zero(downloaded, write_mat):
    source = downloaded(SVHN)
    (train_x, train_y), (test_x, test_y) = write_mat(source.raw_folder).values()
    source.prepare()
    arrays = source.open()
    np.testing.assert_array_equal(arrays.train_x, train_x)
    np.testing.assert_array_equal(arrays.test_x, test_x)
    assert arrays.train_y.tolist() == [0 if y == 10 else y for y in train_y]
    assert arrays.test_y.tolist() == [0 if y == 10 else y for y in test_y]
    assert set(arrays.train_y) == set(range(10))


def test_same_as_torchvision_from_the_same_folder(downloaded, write_mat, monkeypatch):
    from torchvision import datasets

    source = downloaded(SVHN)
    write_mat(source.raw_folder)
    source.prepare()
    monkeypatch.setattr(datasets.SVHN, "_check_integrity", lambda self: True)
    theirs = datasets.SVHN(source.root, split="test")
    np.testing.assert_array_equal(source.open().test_x, theirs.data)
    np.testing.assert_array_equal(source.open().test_y, theirs.labels)


def test_both_files_are_fetched(downloaded, write_mat, monkeypatch):
    from torchvision import datasets

    source, asked = downloaded(SVHN, download=True), []

    def fetch(root, *, split, download):
        asked.append((str(root), split, download))
        write_mat(source.raw_folder)

    monkeypatch.setattr(datasets, "SVHN", fetch)
    source.prepare()
    assert asked == [(source.root, "train", True), (source.root, "test", True)]


def test_missing_file_is_named_with_folder_and_ways_out(downloaded, write_mat):
    source = downloaded(SVHN)
    write_mat(source.raw_folder)
    (source.raw_folder / "test_32x32.mat").unlink()
    with pytest.raises(DataFault) as fault:
        source.prepare()
    assert f"SVHN: no test_32x32.mat in {source.raw_folder} · set dataset.download=true" in str(fault.value)
    assert "dataset=digits works at once" in str(fault.value)


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("length", [0, 3, 100, 200, 5000, -20])
def test_file_cut_short_anywhere_is_a_fault(length, compressed, downloaded, write_mat):
    source = downloaded(SVHN)
    write_mat(source.raw_folder, compressed=compressed)
    path = source.files()[0]
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DataFault, match=r"train_32x32.mat is corrupt or cut short.*dataset.download=true"):
        source.prepare()


def test_images_that_are_no_bytes_are_a_fault(downloaded, write_mat):
    source = downloaded(SVHN)
    write_mat(source.raw_folder)
    savemat(source.files()[0], {"X": np.zeros((32, 32, 3, 60)), "y": np.ones((60, 1), np.uint8)})
    with pytest.raises(DataFault, match="is corrupt or cut short: ValueError: images are of type float64"):
        source.prepare()


def test_fewer_examples_than_the_set_has_are_a_fault(downloaded, write_mat):
    source = downloaded(SVHN, num_train=73257, num_test=26032)
    write_mat(source.raw_folder)
    with pytest.raises(DataFault, match="holds 60 training and 20 test examples, expected 73257 and 26032"):
        source.prepare()
