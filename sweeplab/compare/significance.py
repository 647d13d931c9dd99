"""p-values of paired differences, and what many comparisons ask of them."""

from functools import lru_cache
from itertools import product
from math import nan

import numpy as np

from sweeplab.compare.interval import Numbers

_MAX_EXACT = 16
_DRAWS = 20_000
_SEED = 20260102


def holm(p: Numbers) -> Numbers:
    """p-values adjusted for all comparisons that have one; NaN stays NaN."""
    adjusted = np.full(len(p), nan)
    order = np.argsort(p)[: np.isfinite(p).sum()]
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)))
    return adjusted


def sign_flip(differences: Numbers) -> float:
    """Two-sided p of the mean of paired differences: the share of all changes of sign that give one as far from 0."""
    if not len(differences):
        return nan
    # only sizes, sorted, so that neither the order of seeds nor that of the two settings matters
    sizes = np.sort(np.abs(differences))
    far = np.abs(_signs(len(sizes)) @ sizes) >= abs(differences.sum()) - 1e-9 * sizes.sum()
    return float(far.mean() if len(sizes) <= _MAX_EXACT else (1 + far.sum()) / (1 + len(far)))


def least_p(num_pairs: int) -> float:
    """The smallest p that so many pairs can give, before any adjustment."""
    return 2.0 ** (1 - num_pairs) if 0 < num_pairs <= _MAX_EXACT else 1 / (1 + _DRAWS) if num_pairs else nan


@lru_cache(maxsize=64)
def _signs(n: int) -> Numbers:
    """Changes of sign, shape `(num_changes, n)`: half of them all, as a change of all signs changes no size."""
    if n > _MAX_EXACT:
        return np.random.default_rng(_SEED).choice([-1.0, 1.0], size=(_DRAWS, n))
    return np.array([(1.0, *signs) for signs in product((-1.0, 1.0), repeat=n - 1)])
