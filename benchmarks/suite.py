"""Run the benchmarks, print their tables, write them down."""

import argparse
import datetime
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from benchmarks import fashion, machine
from benchmarks.bench import BENCHMARKS, Bench, make_tables
from benchmarks.process import in_own_process

RESULTS = Path(__file__).parent / "results.md"


def main(argv: Sequence[str] | None = None) -> int:
    """Run what was asked for; 1 if a benchmark could not be run to its end, whatever its figures."""
    asked = _parsed(argv)
    names = asked.names or list(BENCHMARKS)
    cores = machine.use_cores(asked.cores)
    command = " ".join(["python -m benchmarks", *asked.names, *["--quick"] * asked.quick])
    about = [f"{datetime.date.today()}, `{command}`"]
    about += machine.describe(cores)
    print("\n".join(about), flush=True)
    texts, failed = [], 0
    with tempfile.TemporaryDirectory(prefix="sweeplab-bench-") as scratch:
        root = Path(scratch)
        has_data = fashion.lay_out(asked.data_dir, root / "data")
        for name in names:
            text, is_failed = _run(name, root, has_data, asked.quick)
            failed += is_failed
            texts.append(text)
            print(f"\n{text}", flush=True)
    output = asked.output or (None if asked.names or asked.quick else RESULTS)
    if output:
        output.write_text("\n".join(["# Measured", "", *(f"- {line}" for line in about), "", *texts]))
    return 1 if failed else 0


def _parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--data-dir", type=Path, help="holds FashionMNIST/raw (default: Debian's package)")
    parser.add_argument("--cores", type=int, default=2, help="cores that both sides may use (default: 2)")
    parser.add_argument("--quick", action="store_true", help="see whether it works; the figures mean nothing")
    parser.add_argument("--output", type=Path, help="file of the tables (default: results.md here, after a full run)")
    asked = parser.parse_args(argv)
    if unknown := [name for name in asked.names if name not in BENCHMARKS]:
        parser.error(f"no benchmark {', '.join(unknown)} (allowed: {', '.join(BENCHMARKS)})")
    return asked


def _run(name: str, root: Path, has_data: bool, quick: bool) -> tuple[str, bool]:
    """Text of a benchmark's tables, made in a process of its own, and whether it failed."""
    _, needs_data = BENCHMARKS[name]
    if needs_data and not has_data:
        return f"## {name}\n\nskipped: {fashion.ABSENT}\n", False
    bench = Bench(root / name, root / "data" if has_data else None, quick)
    bench.scratch.mkdir()
    started_s = time.perf_counter()
    try:
        # one after the other, each with modules of its own: what one has imported must not slow the next
        tables = in_own_process(make_tables, name, bench)
    except Exception as error:  # the others are still worth running
        traceback.print_exception(error)
        first_line = (str(error).splitlines() or [""])[0].replace(str(root), "")
        return f"## {name}\n\nfailed: {type(error).__name__}: {first_line}\n", True
    print(f"{name}: {time.perf_counter() - started_s:.0f} s", file=sys.stderr, flush=True)
    return "\n".join(table.to_markdown() for table in tables), False
