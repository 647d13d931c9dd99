"""Whitening: no linear dependence between pixels is left, and pictures stay as like themselves as can be."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray
from torch import Tensor, nn

from sweeplab.data.batches import Evaluation
from sweeplab.data.cache import INDEX
from sweeplab.data.progress import showing
from sweeplab.errors import ConfigFault

MOST_FEATURES = 16384  # the matrix then takes 1 GiB
_PIECE = 1024  # examples; always the same, so that sums do not depend on eval_batch_size


class ZCA(nn.Module):
    """`x ↦ (x - mean) W` with `W = U diag(1 / sqrt(s + eps)) Uᵀ`, from the covariance `U diag(s) Uᵀ` of the examples.

    Mean and covariance are those of the examples that are trained on, before augmentation, and of no others. Computed
    in float64 on the CPU, applied in float32 also under mixed precision; they are no part of a checkpoint.

    Args:
        eps: variance, > 0, in squared units of the normalised values; directions of much less are hardly amplified.
    Source:
        Krizhevsky 2009, "Learning multiple layers of features from tiny images", appendix A (without eps).
    """

    mean: Tensor
    matrix: Tensor

    def __init__(self, *, eps: float) -> None:
        super().__init__()
        if not eps > 0:
            raise ConfigFault(f"eps of preprocess=zca must be > 0, got {eps}")
        self.eps = eps
        self.register_buffer("mean", torch.empty(0), persistent=False)
        self.register_buffer("matrix", torch.empty(0, 0), persistent=False)

    def fit(self, train: Evaluation, folder: Path) -> None:
        """Take mean and matrix of `train` from `folder`, or compute them and leave them there for other cells.

        Raises:
            ConfigFault: an example has more than `MOST_FEATURES` values.
        """
        num_features = int(np.prod(train.normalise.shape))
        if num_features > MOST_FEATURES:
            raise ConfigFault(
                f"preprocess=zca needs at most {MOST_FEATURES} values per example, got {num_features} "
                f"(dataset.shape={list(train.normalise.shape)})"
            )
        path = folder / f"zca-{self._fingerprint(train, folder)}.npy"
        with FileLock(path.with_suffix(".lock")):
            if not path.is_file():
                with showing(f"whitening: covariance of {len(train.ids)} examples", folder=folder):
                    _write(path, _whitening(train, num_features, self.eps))
        mean_and_matrix = torch.from_numpy(np.load(path))
        self.mean, self.matrix = mean_and_matrix[0], mean_and_matrix[1:]

    def forward(self, x: Tensor) -> Tensor:
        """Whitened examples, `(B, *shape)` as they came."""
        with torch.autocast(x.device.type, enabled=False):
            flat = x.flatten(1).to(self.matrix.dtype)
            return ((flat - self.mean) @ self.matrix).view(x.shape).to(x.dtype)

    def _fingerprint(self, train: Evaluation, folder: Path) -> str:
        """Of all that mean and matrix depend on."""
        digest = hashlib.sha256(f"zca 1 {self.eps!r}".encode())
        digest.update((folder / INDEX).read_bytes())
        for tensor in (train.normalise.scale, train.normalise.shift, train.ids):
            digest.update(tensor.cpu().numpy().tobytes())
        return digest.hexdigest()[:16]


def _whitening(train: Evaluation, num_features: int, eps: float) -> NDArray[np.float32]:
    """The mean in row 0 and the matrix below it, `(1 + D, D)`."""
    total = torch.zeros(num_features, dtype=torch.float64)
    products = torch.zeros(num_features, num_features, dtype=torch.float64)
    for x in _examples(train):
        total += x.sum(0)
        products.addmm_(x.T, x)
    mean = total / len(train.ids)
    variances, directions = torch.linalg.eigh(products / len(train.ids) - torch.outer(mean, mean))
    matrix = (directions / (variances.clamp(min=0) + eps).sqrt()) @ directions.T
    return torch.cat([mean[None], matrix]).float().numpy()


def _examples(train: Evaluation) -> Iterator[Tensor]:
    for x, _ in replace(train, batch_size=_PIECE):
        yield x.flatten(1).cpu().double()


def _write(path: Path, array: NDArray[np.float32]) -> None:
    """All of it or nothing."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        np.save(file, array)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
