import numpy as np
import pytest

from sweeplab.data.mnist import MNIST, FashionMNIST
from sweeplab.errors import DataFault


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("cls", [MNIST, FashionMNIST])
def test_reads_what_was_written(cls, zipped, downloaded, write_idx):
    source = downloaded(cls)
    written = write_idx(source.raw_folder, zipped=zipped)
    source.prepare()
    arrays = source.open()
    np.testing.assert_array_equal(arrays.train_x[:, 0], written["train-images-idx3-ubyte"])
    np.testing.assert_array_equal(arrays.train_y, written["train-labels-idx1-ubyte"])
    np.testing.assert_array_equal(arrays.test_x[:, 0], written["t10k-images-idx3-ubyte"])
    np.testing.assert_array_equal(arrays.test_y, written["t10k-labels-idx1-ubyte"])


def test_missing_files_are_named_with_folder_and_ways_out(downloaded, write_idx):
    source = downloaded(FashionMNIST)
    write_idx(source.raw_folder)
    for name in ("train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"):
        (source.raw_folder / name).unlink()
    with pytest.raises(DataFault) as fault:
        source.prepare()
    message = str(fault.value)
    assert f"no train-labels-idx1-ubyte, t10k-images-idx3-ubyte in {source.raw_folder} " in message
    for way_out in ("dataset.download=true", "copy", "dataset-fashion-mnist", "dataset=digits"):
        assert way_out in message


@pytest.mark.parametrize("length", [0, 3, 7, 15, 16, 1000, -1])
@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gz"])
def test_file_cut_short_anywhere_is_a_fault(length, zipped, downloaded, write_idx):
    source = downloaded(MNIST)
    write_idx(source.raw_folder, zipped=zipped)
    path = source.files()[0]
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DataFault, match=rf"{path.name} is corrupt or cut short.*dataset.download=true"):
        source.prepare()
    assert not source.is_prepared()


def test_bytes_changed_inside_a_gz_are_a_fault(downloaded, write_idx):
    source = downloaded(MNIST)
    write_idx(source.raw_folder, zipped=True)
    path = source.files()[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataFault, match="is corrupt or cut short"):
        source.prepare()


def test_fewer_examples_than_the_set_has_are_a_fault(downloaded, write_idx):
    source = downloaded(MNIST, num_train=60000)
    write_idx(source.raw_folder)
    with pytest.raises(DataFault, match="holds 60 training and 20 test examples, expected 60000 and 20"):
        source.prepare()


def test_label_that_is_no_class_is_a_fault(downloaded, write_idx):
    source = downloaded(MNIST, num_classes=9)
    write_idx(source.raw_folder)
    with pytest.raises(DataFault, match=r"MNIST: train labels lie in \[0, 9\], expected \[0, 8\]"):
        source.prepare()


def test_images_of_another_size_are_a_fault(downloaded, write_idx):
    source = downloaded(MNIST, shape=[1, 32, 32])
    write_idx(source.raw_folder)
    with pytest.raises(DataFault, match=r"examples have shape \[1, 28, 28\], expected shape=\[1, 32, 32\]"):
        source.prepare()
