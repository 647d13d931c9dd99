import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from sweeplab.data.digits import Digits
from sweeplab.errors import ConfigFault, DataFault

SETTINGS = {"shape": [1, 8, 8], "num_classes": 10, "mean": [0.3], "std": [0.4], "num_train": 1437, "test_size": 360}
YAML = Path(__file__).parents[2] / "conf" / "dataset" / "digits.yaml"


@pytest.fixture
def arrays(common):
    source = Digits(**common | SETTINGS)
    source.prepare()
    return source.open()


def test_same_examples_as_scikit_learn(arrays):
    from sklearn.datasets import load_digits

    theirs = load_digits()
    ours = [
        np.c_[x.reshape(len(x), -1), y] for x, y in ((arrays.train_x, arrays.train_y), (arrays.test_x, arrays.test_y))
    ]
    ours, theirs = np.concatenate(ours), np.c_[theirs.data, theirs.target]
    assert sorted(map(tuple, ours)) == sorted(map(tuple, theirs))


def test_test_split_is_stratified(arrays):
    """1,797 digits, near 180 of each: 36 of each to a test set of 360, give or take one."""
    assert len(arrays.test_y) == 360
    assert set(np.bincount(arrays.test_y)) <= {35, 36, 37}


def test_yaml_constants_are_those_of_the_training_images(arrays):
    config = OmegaConf.load(YAML)
    pixels = arrays.train_x / 16
    assert [round(float(pixels.mean()), 4)] == list(config.mean)
    assert [round(float(pixels.std()), 4)] == list(config.std)


def test_preparing_imports_neither_scikit_learn_nor_torch(common):
    code = f"""
import sys
from sweeplab.data.digits import Digits
Digits(**{common | SETTINGS!r}).prepare()
print(sorted({{"sklearn", "torch", "torchvision"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert done.stderr.splitlines() == [f"preparing Digits in {common['root']}/cache"]


def test_without_scikit_learn_says_so(common, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DataFault, match=r"scikit-learn is not installed.*install scikit-learn"):
        Digits(**common | SETTINGS).prepare()


def test_corrupt_table_is_a_fault(common, monkeypatch, tmp_path):
    path = tmp_path / "digits.csv.gz"
    path.write_bytes(b"1,2,3")
    monkeypatch.setattr(Digits, "files", lambda self: [path])
    with pytest.raises(DataFault, match=r"cannot read .*digits.csv.gz.*reinstall scikit-learn"):
        Digits(**common | SETTINGS).prepare()


def test_other_number_than_expected_is_a_fault(common):
    with pytest.raises(DataFault, match=r"digits.csv.gz holds 1797 examples, expected dataset.num_train=1400 and "):
        Digits(**common | SETTINGS | {"num_train": 1400}).prepare()


def test_too_large_test_set_is_a_fault(common):
    with pytest.raises(ConfigFault, match=r"dataset.test_size must be in \[1, 1796\], got 1797"):
        Digits(**common | SETTINGS | {"test_size": 1797}).prepare()
