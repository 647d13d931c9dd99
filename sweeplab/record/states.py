"""How a cell can stand. None of these is ever dropped from a table."""

COMPLETED = "completed"
DIVERGED = "diverged"
FAILED = "failed"
CRASHED = "crashed"
OUT_OF_MEMORY = "out_of_memory"
TIMED_OUT = "timed_out"
INTERRUPTED = "interrupted"
RUNNING = "running"
PENDING = "pending"

# Training them again would give the same: a divergence is a result, not an error.
FINAL_STATES = (COMPLETED, DIVERGED)

FAILURE_STATES = (FAILED, CRASHED, OUT_OF_MEMORY, TIMED_OUT, INTERRUPTED)
