"""A cell's start: the same for every cell of one seed, model and data set, and hashed so that it can be checked."""

import hashlib

import pytorch_lightning as pl
import torch


def seed_everything(seed: int, purpose: str) -> None:
    """Seed python, numpy and torch for one purpose, so that no purpose shifts another's draws."""
    digest = hashlib.sha256(f"{seed} {purpose}".encode()).digest()
    pl.seed_everything(int.from_bytes(digest[:4], "big"), verbose=False)


def weights_hash(model: torch.nn.Module) -> str:
    """SHA-256 over the names and bytes of a model's state."""
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
