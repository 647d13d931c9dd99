"""Models that fail in every way a cell can fail, or one of its ranks; each fails at its third training batch."""

import contextlib
import fcntl
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import torch
from torch import nn

from sweeplab.models.logistic import Logistic


class Fault(Logistic):
    """Behaves until the third training batch, then does `what`; `kill_on_1` does so on rank 1 of several only."""

    def __init__(self, *, what: str, **kwargs):
        super().__init__(**kwargs)
        self.what = what
        self.calls = 0

    def forward(self, x):
        if self.training:
            self.calls += 1
            what, _, rank = self.what.partition("_on_")
            if self.calls == 3 and rank in ("", os.environ.get("LOCAL_RANK")):
                getattr(self, f"do_{what}")()
        return super().forward(x)

    def do_nothing(self):
        pass

    def do_raise(self):
        raise ValueError("the third batch is always the worst\nand a second line")

    def do_kill(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def do_abandon(self):
        """Rank 1 goes away and rank 0 waits for ever, as it does for a message on a GPU."""
        time.sleep(600 if os.environ["LOCAL_RANK"] == "0" else 0)
        os.kill(os.getpid(), signal.SIGKILL)

    def do_segfault(self):
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGSEGV)

    def do_exit(self):
        os._exit(7)

    def do_sysexit(self):
        sys.exit("went away")

    def do_memory(self):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    def do_hang(self):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR1})
        print("hanging", flush=True)
        time.sleep(600)

    def do_loop(self):
        self.calls = 2
        time.sleep(1)

    def do_crawl(self):
        """Slow until there is a file named `go` where the sweep was started, which is for the test to make."""
        self.calls = 2
        if not Path("go").exists():
            time.sleep(0.2)

    def do_wait(self):
        """At one minibatch, until there is such a file."""
        Path(f"waiting.{os.getpid()}").touch()
        while not Path("go").exists():
            time.sleep(0.05)

    def do_infinite(self):
        with torch.no_grad():
            self.linear_weight().fill_(float("inf"))

    def linear_weight(self):
        return next(module for module in self.modules() if isinstance(module, nn.Linear)).weight


class Witness(Logistic):
    """Sees for itself whether too many train on its devices, and may be killed at any moment from then on.

    `SWEEPLAB_WITNESS` is a folder; `most` cells may be on a device, each of which locks one of so many files there for
    as long as its process lives. Killed with the probability `kill`, within a second.
    """

    def __init__(self, *, most: int, kill: float, **kwargs):
        super().__init__(**kwargs)
        self.most = most
        self.kill = kill
        self.places = None

    def forward(self, x):
        if self.training and self.places is None:
            folder = Path(os.environ["SWEEPLAB_WITNESS"])
            devices = os.environ["CUDA_VISIBLE_DEVICES"].split(",")
            self.places = [self.place(folder, device) for device in devices]
            with (folder / "log").open("a") as log:
                log.write(f"{os.getpid()} {','.join(devices)}\n")
            if None in self.places:
                (folder / f"overbooked.{os.getpid()}").write_text(" ".join(devices))
            if random.SystemRandom().random() < self.kill:
                moment = random.SystemRandom().random() ** 3  # mostly soon: a cell is over in a few tenths of a second
                threading.Timer(moment, os.kill, (os.getpid(), signal.SIGKILL)).start()
        return super().forward(x)

    def place(self, folder, device):
        for number in range(self.most):
            file = (folder / f"{device}.{number}").open("w")
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return file
        return None


class Telling(Logistic):
    """Tells its weights whenever it evaluates."""

    def forward(self, x):
        if not self.training:
            total = sum(parameter.double().sum().item() for parameter in self.parameters())
            # one write: ranks share a log
            os.write(1, f"weights of rank {os.environ.get('LOCAL_RANK')}: {total.hex()}\n".encode())
        return super().forward(x)
