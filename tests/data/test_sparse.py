import os
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as np_arrays
from scipy.sparse import coo_matrix, csr_matrix

from sweeplab.data import Arrays, Source
from sweeplab.data.reader import resident
from sweeplab.data.sparse import SparseRows
from sweeplab.errors import DataFault

NUM_TRAIN, NUM_TEST, WIDTH = 50, 23, 9
BATCHING = {"batch_size": 4, "eval_batch_size": 7, "seed": 0, "device": "cpu", "workers": 0, "steps_per_call": 3}
BATCHING |= {"limit_batches": None, "overfit_batches": 0, "select_data": "held_out", "drop_last": False}


@st.composite
def matrices(draw):
    """Sparse matrices of scipy's, with empty rows as often as not, and row numbers, repeated ones too."""
    height, width = draw(st.integers(1, 8)), draw(st.integers(1, 7))
    values = st.sampled_from([0, 0, 0, 1, 2, 255])
    dense = draw(np_arrays(np.uint8, (height, width), elements=values))
    dense = dense if draw(st.booleans()) else dense.astype(np.float32) / 3
    ids = draw(st.lists(st.integers(0, height - 1), min_size=1, max_size=12))
    return csr_matrix(dense), np.array(ids)


@given(matrices())
def test_rows_are_those_of_scipy(drawn):
    matrix, ids = drawn
    rows = SparseRows.from_scipy(matrix)
    assert rows[ids].dtype == np.float32
    assert rows.shape == matrix.shape
    np.testing.assert_array_equal(rows[ids], matrix[ids].toarray())


@given(matrices(), st.integers(1, 5))
def test_rows_held_on_a_device_are_those_of_scipy(drawn, size):
    matrix, ids = drawn
    labels = np.arange(matrix.shape[0])
    reader = resident(x=SparseRows.from_scipy(matrix), y=labels, device=torch.device("cpu"))
    pieces = list(reader.read(torch.from_numpy(ids), size))
    assert {len(x) for _, x, _ in pieces[:-1]} <= {size}
    indices, x, y = (torch.cat(parts) for parts in zip(*pieces, strict=True))
    assert x.dtype == torch.float32
    np.testing.assert_array_equal(x, matrix[ids].toarray())
    assert indices.tolist() == y.tolist() == ids.tolist()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_rows_held_on_a_gpu_are_those_of_scipy():
    matrix, ids = csr_matrix(dense_examples(1000)), torch.arange(999, -1, -3)
    reader = resident(x=SparseRows.from_scipy(matrix), y=np.arange(1000), device=torch.device("cuda"))
    x = torch.cat([x for _, x, _ in reader.read(ids, 64)])
    np.testing.assert_array_equal(x.cpu(), matrix[ids.numpy()].toarray())


def test_entries_given_twice_or_out_of_order_are_added_up_and_sorted():
    matrix = coo_matrix(([1.0, 2.0, 4.0, 8.0], ([0, 0, 0, 1], [3, 1, 3, 0])), shape=(2, 4))
    rows = SparseRows.from_scipy(matrix)
    assert rows.find_fault() is None
    assert rows[np.array([0, 1])].tolist() == [[0, 2, 0, 5], [8, 0, 0, 0]]


def dense_examples(n, dtype=np.uint8):
    rng = np.random.default_rng(0)
    x = rng.integers(1, 256, (n, WIDTH)) * (rng.random((n, WIDTH)) < 0.2)
    return x.astype(dtype)


class Given(Source):
    """The same examples, sparse or as dense floats."""

    is_sparse = True
    dtype = np.uint8
    density = 1

    def read(self):
        x, y = dense_examples(NUM_TRAIN + NUM_TEST, self.dtype) * self.density, np.arange(NUM_TRAIN + NUM_TEST) % 3
        train, test = x[:NUM_TRAIN], x[NUM_TRAIN:]
        make = (lambda part: SparseRows.from_scipy(csr_matrix(part))) if self.is_sparse else np.float32
        return Arrays(train_x=make(train), train_y=y[:NUM_TRAIN], test_x=make(test), test_y=y[NUM_TRAIN:])


class GivenDense(Given):
    is_sparse = False


@pytest.fixture
def given_source(common):
    def make(cls=Given, **changes):
        return cls(**common | {"shape": [WIDTH], "num_classes": 3, "mean": None, "std": None} | changes)

    return make


def load(source, **changes):
    return source.loaders(**BATCHING | changes)


def assert_same(ours, theirs):
    ours, theirs = list(ours), list(theirs)
    assert len(ours) == len(theirs) > 0
    for (x, y), (other_x, other_y) in zip(ours, theirs, strict=True):
        assert torch.equal(x, other_x)
        assert torch.equal(y, other_y)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("constants", [{}, {"mean": [1.0] * WIDTH, "std": [2.0] * WIDTH}], ids=["plain", "normalised"])
def test_batches_are_those_of_the_same_examples_stored_dense(given_source, in_memory, workers, constants):
    sparse = load(given_source(in_memory=in_memory, **constants), workers=workers)
    dense = load(given_source(GivenDense, **constants))
    for _ in range(2):
        assert_same([b for call in sparse.train for b in call], [b for call in dense.train for b in call])
        assert_same(sparse.val, dense.val)
        assert_same(sparse.test, dense.test)


def test_small_integers_are_counts_and_no_pixels(given_source):
    x = torch.cat([x for x, _ in load(given_source()).test])
    np.testing.assert_array_equal(x, dense_examples(NUM_TRAIN + NUM_TEST)[NUM_TRAIN:])
    assert x.max() > 1


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_values_are_cached_small(given_source, monkeypatch, dtype):
    monkeypatch.setattr(Given, "dtype", dtype)
    source = given_source()
    source.prepare()
    x = source.open().train_x
    kept = np.uint8 if dtype == np.uint8 else np.float32
    assert [x.indptr.dtype, x.indices.dtype, x.values.dtype] == [np.int64, np.int32, kept]
    assert len(x.values) == np.count_nonzero(dense_examples(NUM_TRAIN + NUM_TEST)[:NUM_TRAIN])
    np.testing.assert_array_equal(x[np.arange(5)], dense_examples(NUM_TRAIN + NUM_TEST)[:5])


def test_examples_without_any_value_can_be_cached(given_source, monkeypatch):
    monkeypatch.setattr(Given, "density", 0)
    source = given_source()
    source.prepare()
    assert source.is_prepared()
    assert not source.open().train_x[np.arange(NUM_TRAIN)].any()
    assert not torch.cat([x for x, _ in load(source).test]).any()


@pytest.mark.parametrize("part", ["indptr", "indices", "values", "width"])
@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_damaged_cache_is_made_again(given_source, part, damage):
    source = given_source()
    source.prepare()
    path = source.array_folder / f"train_x.{part}.npy"
    whole = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(whole[:-1] if damage == "cut" else whole[:-1] + bytes([whole[-1] ^ 1]))
        os.utime(path, ns=(1, 1))
    assert not source.is_prepared()
    source.prepare()
    assert path.read_bytes() == whole


def test_cache_made_again_in_the_other_form_holds_no_remains(given_source, monkeypatch):
    source = given_source()
    source.prepare()
    for is_sparse in (False, True):
        monkeypatch.setattr(Given, "is_sparse", is_sparse)
        (source.array_folder / "cache.json").unlink()
        source.prepare()
        assert isinstance(source.open().train_x, SparseRows) == is_sparse
        assert len(list(source.array_folder.glob("*.npy"))) == (10 if is_sparse else 4)


def test_opened_rows_are_mapped_and_not_read(given_source):
    source = given_source()
    source.prepare()
    rows = source.open().train_x
    assert all(isinstance(part, np.memmap) for part in (rows.indptr, rows.indices, rows.values))
    assert rows.nbytes == (NUM_TRAIN + 1) * 8 + len(rows.values) * 5
    assert pickle.loads(pickle.dumps(rows)).shape == rows.shape


GOOD = {"indptr": [0, 2, 2, 3], "indices": [0, 4, 1], "values": np.ones(3, np.uint8), "width": WIDTH}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 8}, "train examples have shape [8], expected shape=[9]"),
        ({"indptr": [0, 2, 3]}, "train labels have shape [3], expected one for each of 2 examples"),
        ({"indptr": [0, 2, 2, 4]}, "train row pointers do not fit the stored values"),
        ({"indptr": [1, 2, 2, 3]}, "train row pointers do not fit the stored values"),
        ({"indptr": [0, 2, 1, 3]}, "train row pointers do not fit the stored values"),
        ({"indices": [0, 4]}, "train row pointers do not fit the stored values"),
        ({"indices": [0, 9, 1]}, "train columns lie in [0, 9], expected [0, 8]"),
        ({"indices": [-1, 4, 1]}, "train columns lie in [-1, 4], expected [0, 8]"),
        ({"indices": [4, 0, 1]}, "train columns of a row are not in ascending order"),
        ({"indices": [4, 4, 1]}, "train columns of a row are not in ascending order"),
        ({"values": np.ones(3, np.int32)}, "train examples have type int32, expected uint8 or float32"),
        ({"values": np.array([1, np.inf, 1])}, "train examples hold nan or infinite values"),
    ],
)
def test_rows_that_cannot_be_are_a_fault(given_source, monkeypatch, change, message):
    parts = {name: part if name == "width" else np.array(part) for name, part in (GOOD | change).items()}
    x, y = SparseRows(**parts), np.arange(3)
    monkeypatch.setattr(Given, "read", lambda _: Arrays(train_x=x, train_y=y, test_x=x, test_y=y))
    with pytest.raises(DataFault) as fault:
        given_source().prepare()
    assert message in str(fault.value)
