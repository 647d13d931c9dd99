"""Models that fail in every way a cell can fail; each fails at its third training batch."""

import os
import signal
import sys
import time

import torch
from torch import nn

from sweeplab.models.logistic import Logistic


class Fault(Logistic):
    """Behaves until the third training batch, then does `what`."""

    def __init__(self, *, what: str, **kwargs):
        super().__init__(**kwargs)
        self.what = what
        self.calls = 0

    def forward(self, x):
        if self.training:
            self.calls += 1
            if self.calls == 3:
                getattr(self, f"do_{self.what}")()
        return super().forward(x)

    def do_nothing(self):
        pass

    def do_raise(self):
        raise ValueError("the third batch is always the worst\nand a second line")

    def do_kill(self):
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
        self.calls = 2
        time.sleep(0.2)

    def do_infinite(self):
        with torch.no_grad():
            self.linear_weight().fill_(float("inf"))

    def linear_weight(self):
        return next(module for module in self.modules() if isinstance(module, nn.Linear)).weight
