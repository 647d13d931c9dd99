"""Steps of an epoch counted without data, against what the loaders really give."""

import pytest

from sweeplab.errors import ConfigFault
from sweeplab.steps import steps_per_epoch


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["batch_size=100", "drop_last=true"],
        ["batch_size=100", "select.data=test"],
        ["dataset=digits", "limit_batches=3"],
        ["dataset=digits", "batch_size=7"],
        ["dataset/augment=twins_flip_blur", "batch_size=20", "drop_last=true"],
        ["dataset/augment=twins_flip_blur", "batch_size=20", "select.data=test"],
        ["overfit_batches=2"],
    ],
    ids=" ".join,
)
def test_counted_as_the_loaders_count(lines, plan, tmp_path):
    from sweeplab.build import build
    from sweeplab.training import BATCHING

    [cell] = plan("dataset=synthetic", *lines, f"runtime.data_dir={tmp_path}").cells
    config = cell.config
    loaders = build(config["dataset"], trusted=[]).loaders(
        seed=0,
        device="cpu",
        workers=0,
        steps_per_call=1,
        select_data=config["select"]["data"],
        **{key: config[key] for key in BATCHING},
    )
    assert steps_per_epoch(config) == loaders.steps_per_epoch == len(list(loaders.train))


def test_size_unknown_is_said(plan):
    [cell] = plan("dataset=digits").cells
    dataset = {key: value for key, value in cell.config["dataset"].items() if key != "num_train"}
    assert steps_per_epoch({**cell.config, "dataset": dataset}) is None


def test_odd_batch_of_twins_is_refused_before_training(plan):
    with pytest.raises(ConfigFault, match=r"batch_size must be even with Twins.*got 25"):
        plan("dataset=synthetic", "dataset/augment=twins_flip_blur", "batch_size=25")


def test_no_batch_left_is_refused_before_training(plan):
    with pytest.raises(ConfigFault, match="batch_size=500 leaves no batch of 512 training examples"):
        plan("dataset=synthetic", "batch_size=500", "drop_last=true")
