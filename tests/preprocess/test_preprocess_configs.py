"""Every choice of conf/preprocess, as a cell uses it."""

from pathlib import Path

import pytest
import torch
import yaml
from torch import nn

from sweeplab.build import build
from sweeplab.data.synthetic import Synthetic

CONF = Path(__file__).parents[2] / "conf" / "preprocess"
CHOICES = sorted(path.stem for path in CONF.glob("*.yaml"))


@pytest.fixture(params=[[3, 6, 5], [4]], ids=["images", "features"])
def source(request, tmp_path):
    settings = {"root": str(tmp_path), "num_classes": 4, "mean": None, "std": None, "val_size": 10, "augment": None}
    sizes = {"num_train": 50, "num_test": 23, "separation": 3.0, "data_seed": 0}
    return Synthetic(**settings, **sizes, shape=request.param, in_memory=True)


@pytest.mark.parametrize("choice", CHOICES)
def test_first_line_says_where_it_comes_from(choice):
    first = (CONF / f"{choice}.yaml").read_text().splitlines()[0]
    assert first.startswith("# ")
    assert len(first) > 20


@pytest.mark.parametrize("choice", CHOICES)
def test_gives_as_many_finite_examples_and_nothing_to_train(choice, source):
    loaders = source.loaders(
        batch_size=8,
        eval_batch_size=10,
        seed=0,
        device="cpu",
        workers=0,
        steps_per_call=2,
        limit_batches=None,
        overfit_batches=0,
        drop_last=False,
        select_data="held_out",
    )
    node = yaml.safe_load((CONF / f"{choice}.yaml").read_text())
    preprocess = build({key: float(v) if key == "eps" else v for key, v in node.items()}, trusted=[])
    assert isinstance(preprocess, nn.Module)
    if hasattr(preprocess, "fit"):
        preprocess.fit(loaders.examples, source.array_folder)
    [(x, _), *_] = loaders.val
    y = preprocess(x)
    assert y.shape == x.shape
    assert y.dtype == torch.float32
    assert torch.isfinite(y).all()
    assert not preprocess.state_dict()
