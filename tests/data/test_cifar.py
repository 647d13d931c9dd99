import os
import pickle

import numpy as np
import pytest

from sweeplab.data.cifar import CIFAR10, CIFAR100
from sweeplab.errors import DataFault


@pytest.mark.parametrize("python", [2, 3])
@pytest.mark.parametrize("cls", [CIFAR10, CIFAR100])
def test_reads_what_was_written(cls, python, downloaded, write_cifar):
    source = downloaded(cls)
    *train, (test_x, test_y) = write_cifar(source.raw_folder, cls, python=python).values()
    source.prepare()
    arrays = source.open()
    np.testing.assert_array_equal(arrays.train_x, np.concatenate([x for x, _ in train]))
    np.testing.assert_array_equal(arrays.train_y, np.concatenate([y for _, y in train]))
    np.testing.assert_array_equal(arrays.test_x, test_x)
    np.testing.assert_array_equal(arrays.test_y, test_y)


@pytest.mark.parametrize("length", [0, 1, 50, 5000, -1])
def test_file_cut_short_anywhere_is_a_fault(length, downloaded, write_cifar):
    source = downloaded(CIFAR10)
    write_cifar(source.raw_folder)
    path = source.raw_folder / "data_batch_3"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DataFault, match=r"data_batch_3 is corrupt or cut short.*dataset.download=true"):
        source.prepare()


def test_batches_that_are_short_are_not_taken_for_the_whole(downloaded, write_cifar):
    source = downloaded(CIFAR100, num_train=50000, num_test=10000)
    write_cifar(source.raw_folder, CIFAR100)
    with pytest.raises(DataFault, match="holds 60 training and 20 test examples, expected 50000 and 10000"):
        source.prepare()


class Attack:
    def __reduce__(self):
        return os.mkdir, ("attacked",)


def test_code_in_a_pickle_is_not_run(downloaded, write_cifar, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = downloaded(CIFAR10)
    write_cifar(source.raw_folder)
    (source.raw_folder / "data_batch_1").write_bytes(pickle.dumps({b"data": Attack(), b"labels": []}))
    with pytest.raises(DataFault, match=r"data_batch_1 is corrupt.*asks for posix.mkdir"):
        source.prepare()
    assert not (tmp_path / "attacked").exists()


def test_images_of_another_size_are_a_fault(downloaded, write_cifar):
    source = downloaded(CIFAR10, shape=[3, 16, 16])
    write_cifar(source.raw_folder)
    with pytest.raises(DataFault, match=r"images are \[12, 3072\] of uint8, for 12 labels and shape=\[3, 16, 16\]"):
        source.prepare()
