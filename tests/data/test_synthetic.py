from statistics import NormalDist

import numpy as np


def prepared(source):
    source.prepare()
    return source.open()


def test_sizes_shape_and_balance(synthetic):
    arrays = prepared(synthetic(shape=[2, 3], num_classes=5, num_train=50, num_test=10))
    assert arrays.train_x.shape == (50, 2, 3)
    assert arrays.train_x.dtype == np.float32
    assert np.bincount(arrays.train_y).tolist() == [10] * 5
    assert np.bincount(arrays.test_y).tolist() == [2] * 5


def test_same_data_seed_same_data_another_seed_other_data(synthetic, tmp_path):
    first = prepared(synthetic(data_seed=1, root=str(tmp_path / "a"))).train_x
    again = prepared(synthetic(data_seed=1, root=str(tmp_path / "b"))).train_x
    other = prepared(synthetic(data_seed=2, root=str(tmp_path / "a"))).train_x
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_two_classes_are_as_hard_as_theory_says(synthetic):
    """Two unit Gaussians at distance d: the best rule, nearest centre, is right with probability Φ(d/2)."""
    arrays = prepared(synthetic(shape=[4], num_classes=2, num_train=20000, num_test=20000, separation=1.0))
    centres = np.stack([arrays.train_x[arrays.train_y == c].mean(axis=0) for c in (0, 1)])
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 1.0, atol=0.04)
    distances = np.linalg.norm(arrays.test_x[:, None] - centres, axis=2)
    accuracy = np.mean(distances.argmin(axis=1) == arrays.test_y)
    best = NormalDist().cdf(float(np.linalg.norm(centres[0] - centres[1])) / 2)
    assert abs(accuracy - best) < 4 * np.sqrt(best * (1 - best) / 20000)
