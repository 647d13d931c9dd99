import os
import re
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

import sweeplab.data
from sweeplab.data import Arrays, Source
from sweeplab.errors import ConfigFault, DataFault

FEATURES = {"shape": [2], "num_classes": 2, "mean": None, "std": None, "val_size": 2}

# a source that counts its reads and takes its time, as a module of its own
SLOW = """
import time
from dataclasses import dataclass
from pathlib import Path
import numpy as np
from sweeplab.data import Arrays, Source

@dataclass(kw_only=True, eq=False)
class Slow(Source):
    seconds: float

    def files(self):
        return [Path(self.root) / "raw.txt"]

    def read(self):
        with (Path(self.root) / "reads.txt").open("a") as log:
            log.write("read\\n")
        time.sleep(self.seconds)
        x = np.full((8, 2), float(self.files()[0].read_text()), np.float32)
        y = np.arange(8) % 2
        return Arrays(train_x=x, train_y=y, test_x=x, test_y=y)
"""


@pytest.fixture
def slow(common, tmp_path, monkeypatch):
    (tmp_path / "slow_source.py").write_text(SLOW)
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "raw.txt").write_text("1")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "slow_source", raising=False)

    def make(**changes):
        import slow_source

        return slow_source.Slow(**common | FEATURES | {"seconds": 0.0} | changes)

    yield make
    sys.modules.pop("slow_source", None)


def num_reads(source):
    return len((Path(source.root) / "reads.txt").read_text().splitlines())


def start(source, seconds):
    """Another process that prepares the same source."""
    settings = vars(source) | {"seconds": seconds}
    code = f"import slow_source; slow_source.Slow(**{settings!r}).prepare()"
    path = os.pathsep.join(sys.path)
    return subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": path})


def wait_for_read(source):
    reads = Path(source.root) / "reads.txt"
    for _ in range(1000):
        if reads.is_file():
            return
        time.sleep(0.02)
    raise AssertionError("the other process never began to read")


def test_several_processes_read_once(slow):
    source = slow(seconds=0.5)
    others = [start(source, 0.5) for _ in range(2)]
    assert [other.wait() for other in others] == [0, 0]
    assert source.is_prepared()
    assert num_reads(source) == 1


def test_preparing_again_reads_nothing(slow):
    source = slow()
    source.prepare()
    source.prepare()
    assert num_reads(source) == 1


def test_killed_in_the_middle_it_is_done_again(slow):
    """The lock dies with its process, and what it left is not taken for whole."""
    source = slow(seconds=60.0)
    other = start(source, 60.0)
    wait_for_read(source)
    other.kill()
    other.wait()
    assert not source.is_prepared()
    source = slow(seconds=0.0)
    source.prepare()
    assert source.open().train_x[0, 0] == 1


@pytest.mark.parametrize("name", ["train_x.npy", "train_y.npy", "test_x.npy", "test_y.npy", "cache.json"])
@pytest.mark.parametrize("keep", [0, 40, -1])
def test_cache_cut_short_is_made_again(slow, name, keep):
    source = slow()
    source.prepare()
    path = source.array_folder / name
    whole = path.read_bytes()
    path.write_bytes(whole[:keep])
    assert not source.is_prepared()
    source.prepare()
    assert num_reads(source) == 2
    assert source.is_prepared()
    assert source.open().train_x.shape == (8, 2)


def test_cache_cut_short_behind_an_unchanged_time_is_noticed(slow):
    """As after a crash of the file system."""
    source = slow()
    source.prepare()
    path = source.array_folder / "train_x.npy"
    stat = path.stat()
    path.write_bytes(path.read_bytes()[:-1])
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert not source.is_prepared()


def test_cache_with_changed_bytes_is_made_again(slow):
    source = slow()
    source.prepare()
    path = source.array_folder / "train_x.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    os.utime(path, ns=(1, 1))
    assert not source.is_prepared()


def test_cache_that_was_copied_is_used(slow):
    """Copying changes times but no bytes."""
    source = slow()
    source.prepare()
    for path in source.array_folder.glob("*.npy"):
        os.utime(path, ns=(1, 1))
    assert source.is_prepared()


def test_interrupted_while_writing_the_cache_is_not_prepared(slow, monkeypatch):
    source = slow()

    def interrupt(self, target):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            source.prepare()
    assert not source.is_prepared()
    source.prepare()
    assert source.is_prepared()


def test_changed_raw_file_is_read_again_a_removed_one_is_not_missed(slow):
    source = slow()
    source.prepare()
    raw = source.files()[0]
    raw.write_text("2.5")
    source.prepare()
    assert source.open().train_x[0, 0] == 2.5
    raw.unlink()
    assert source.is_prepared()


def test_changed_code_is_run_again(slow, tmp_path):
    source = slow()
    source.prepare()
    with (tmp_path / "slow_source.py").open("a") as module:
        module.write("# another version\n")
    assert not source.is_prepared()


def test_variants_do_not_overwrite_each_other(slow):
    first, second = slow(seconds=0.0), slow(seconds=0.01)
    first.prepare()
    second.prepare()
    assert first.is_prepared()
    assert first.array_folder != second.array_folder


@pytest.mark.parametrize("change", [{"val_size": 3}, {"in_memory": False}, {"mean": [0.0, 0.0], "std": [1.0, 1.0]}])
def test_what_cannot_change_the_arrays_shares_one_cache(slow, change):
    assert slow().array_folder == slow(**change).array_folder


def test_folder_that_cannot_be_written_is_a_fault(slow, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataFault, match=r"Slow: cannot write to .*file/cache: .*set runtime.data_dir"):
        slow(root=str(tmp_path / "file")).prepare()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_classes": 0}, "dataset.num_classes must be >= 1, got 0"),
        ({"shape": [0]}, "dataset.shape must be sizes >= 1, got [0]"),
        ({"mean": [0.0]}, "dataset.mean and dataset.std must both be lists or both be null, got [0.0] and None"),
        ({"mean": [0.0], "std": [1.0]}, "dataset.mean must have one value per channel ([2]), got [0.0]"),
        ({"mean": [0.0, 0.0], "std": [1.0, 0.0]}, "dataset.std must be > 0, got [1.0, 0.0]"),
        ({"augment": [object()]}, "dataset.augment needs images of shape [C, H, W], got shape=[2]"),
    ],
)
def test_arguments_that_do_not_fit_are_a_fault(slow, changes, message):
    with pytest.raises(ConfigFault) as fault:
        slow(**changes)
    assert message in str(fault.value)


X, Y = np.zeros((6, 2), np.float32), np.array([0, 1] * 3)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((6, 3), np.float32), Y, "Given: train examples have shape [3], expected shape=[2]"),
        (X, Y[:5], "train labels have shape [5], expected one for each of 6 examples"),
        (X[:0], Y[:0], "and at least one"),
        (X.astype(np.int32), Y, "train examples have type int32, expected uint8 or float32"),
        (X, Y.astype(float), "train labels have type float64, expected integers"),
        (X, Y - 1, "train labels lie in [-1, 0], expected [0, 1] from num_classes=2"),
        (np.full_like(X, np.nan), Y, "train examples hold nan or infinite values"),
    ],
)
def test_arrays_that_cannot_be_are_a_fault(common, x, y, message):
    class Given(Source):
        def read(self):
            return Arrays(train_x=x, train_y=y, test_x=X, test_y=Y)

    with pytest.raises(DataFault, match=re.escape(message)):
        Given(**common | FEATURES).prepare()


def test_example_in_the_documentation_works(common, tmp_path):
    code = textwrap.dedent(re.search(r"(    class Wine.*?\n)\n", sweeplab.data.__doc__, re.DOTALL)[1])
    names = {"Source": Source, "Arrays": Arrays, "np": np, "Path": Path, "__name__": __name__}
    exec(code, names)
    table = np.c_[np.arange(20) % 2, np.arange(20), np.ones(20)]
    (tmp_path / "root").mkdir()
    np.savetxt(tmp_path / "root" / "wine.csv", table, delimiter=",")
    source = names["Wine"](**common | FEATURES)
    source.prepare()
    assert source.open().test_x[:, 0].tolist() == [0, 4, 8, 12, 16]
    assert len(source.open().train_y) == 15
