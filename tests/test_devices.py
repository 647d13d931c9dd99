"""What cannot train on several devices is refused before anything trains."""

import pytest

from sweeplab.build import find_faults

FSDP = ("runtime.devices=2", "runtime.strategy=fsdp", "runtime.accelerator=gpu")


def faults(plan, *lines):
    """Of the cell that these lines ask for, which the plan itself may not refuse."""
    changes = dict(line.split("=") for line in lines if line.startswith("runtime."))
    [cell] = plan("dataset=synthetic", *(line for line in lines if not line.startswith("runtime."))).cells
    runtime = {**cell.config["runtime"], **{key.removeprefix("runtime."): value for key, value in changes.items()}}
    return find_faults({**cell.config, "runtime": {**runtime, "devices": int(runtime["devices"])}})


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (["runtime.devices=2", "batch_size=1"], "needs batches of as many examples, got 1 (batch_size=1)"),
        (["runtime.devices=400", "batch_size=512"], "needs batches of as many examples, got 384 (batch_size=512)"),
        (["runtime.devices=3", "batch_size=4", "dataset/augment=twins_flip_blur"], "as many examples, got 2"),
        (["runtime.devices=2", "runtime.accelerator=mps"], "needs runtime.accelerator=cpu or gpu, got mps"),
        (["runtime.devices=2", "preprocess=batch_standardize"], "preprocess=batch_standardize, which needs to see"),
        (
            ["runtime.devices=2", "runtime.strategy=fsdp", "runtime.accelerator=cpu"],
            "runtime.strategy=fsdp needs GPUs, got accelerator=cpu (set runtime.strategy=ddp)",
        ),
        ([*FSDP, "gradient_clip=1.0", "l2=1e-3"], "cannot have gradient_clip, l2 (set runtime.strategy=ddp"),
        ([*FSDP, "optimizer=lion"], "cannot have optimizer pytorch_optimizer.Lion"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_refused_in_one_line(plan, lines, fault):
    """What, the value, what to do instead."""
    [found] = faults(plan, *lines)

    assert fault in found


@pytest.mark.parametrize(
    "lines",
    [
        ["runtime.devices=1", "batch_size=1", "preprocess=batch_standardize"],
        ["runtime.devices=32", "batch_size=32"],
        ["runtime.devices=2", "gradient_clip=1.0", "l2=1e-3", "optimizer=lion"],
        [*FSDP, "optimizer=adamw", "scheduler=cosine"],
    ],
    ids=" ".join,
)
def test_nothing_is_refused_without_need(plan, lines):
    """One device takes anything; DDP takes every optimizer."""
    assert faults(plan, *lines) == []
