"""How much memory a cell took at its peak."""

import resource
import sys

# A CUDA context with the kernels that torch loads takes some 0.5 GiB; what is used beyond that belongs to neighbours.
MOST_CONTEXT_BYTES = 2**30


def peak_memory_bytes() -> int:
    """Peak of this process: of the device it trained on, or where that is the CPU of its own memory.

    On a GPU it is what torch reserved, fragments included, and what the device has in use beyond that now: the CUDA
    context, its kernels and the libraries' workspaces, which no counter of torch holds. In main memory it is that of
    this process and of the largest it has started, such as a loader.
    """
    import torch

    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        free, total = torch.cuda.mem_get_info()
        context = total - free - torch.cuda.memory_reserved()
        return int(torch.cuda.max_memory_reserved() + min(max(0, context), MOST_CONTEXT_BYTES))
    largest = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return largest * (1 if sys.platform == "darwin" else 1024)
