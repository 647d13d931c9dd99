import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

TRAINER = """
import sys, time
from sweeplab.data.synthetic import Synthetic

if __name__ == "__main__":
    source = Synthetic(root=sys.argv[1], shape=[2], num_classes=2, mean=None, std=None, val_size=10, augment=None,
                       in_memory=False, num_train=1000, num_test=10, separation=1.0, data_seed=0)
    train = source.loaders(batch_size=1, eval_batch_size=1, seed=0, device="cpu", workers=2, steps_per_call=1,
                           limit_batches=None, overfit_batches=0, drop_last=False, select_data="held_out").train
    calls = iter(train)
    for _ in range(4):
        next(calls)
    print("training", flush=True)
    sys.stdin.readline()
    for _ in range(100):
        next(calls)
    print("still training", flush=True)
    time.sleep(600)
"""


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def trainer(tmp_path):
    script = tmp_path / "trainer.py"
    script.write_text(TRAINER)
    process = subprocess.Popen(
        [sys.executable, script, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "training\n"
    yield process
    process.kill()
    process.wait()


def workers_of(process):
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def test_workers_leave_ctrl_c_to_the_trainer_and_end_with_it(trainer):
    workers = workers_of(trainer)
    assert len(workers) >= 2
    for pid in workers:
        os.kill(pid, signal.SIGINT)
    trainer.stdin.write("go on\n")
    trainer.stdin.flush()
    assert trainer.stdout.readline() == "still training\n"
    trainer.kill()
    trainer.wait()
    until = time.monotonic() + 4  # torch's own watch would take up to five seconds
    while any(map(is_running, workers)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(is_running, workers))
