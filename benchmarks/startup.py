"""How long one waits for the shortest answers."""

from statistics import median

from benchmarks.bench import Bench
from benchmarks.process import shown
from benchmarks.table import Table, at_most

HELP = ["-m", "sweeplab", "--help"]
PLAN = ["-m", "sweeplab", "plan", "optimizer=adam,radam,sgdm", "lr=1e-3,1e-5", "runtime.output_dir=OUT"]


def startup(bench: Bench) -> list[Table]:
    """`--help` and `plan` on six cells."""
    rows = []
    for words in (HELP, PLAN):
        bench.run(words)
        seconds = [bench.run(words).wall_s for _ in range(2 if bench.quick else 5)]
        spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
        goal = at_most(median(seconds), 1.5, " s")
        rows.append([f"`{shown(words)}`", str(len(seconds)), f"{median(seconds):.2f}", spread, goal])
    return [Table("Start-up", ["command", "n", "median, s", "min to max, s", "goal"], rows)]
