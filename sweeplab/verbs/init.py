"""`sweeplab init`: a small working project of one's own, to be changed."""

import argparse
import shutil
from pathlib import Path

from rich.markup import escape

import sweeplab
from sweeplab.cli import make_console
from sweeplab.errors import ConfigFault

_EXAMPLE = Path(sweeplab.__file__).resolve().parent / "example"


def run(arguments: list[str]) -> int:
    """Write the example into a folder that is new or empty."""
    parser = argparse.ArgumentParser(prog="python -m sweeplab init", description=__doc__)
    parser.add_argument("folder", help="where to write it; must be new or empty")
    folder = Path(parser.parse_args(arguments).folder)
    write_example(folder)
    console = make_console()
    console.print(f"wrote a working example to {escape(str(folder))}; now:\n", highlight=False)
    console.print((folder / "README.md").read_text(encoding="utf-8"), highlight=False, markup=False)
    return 0


def write_example(folder: Path) -> None:
    """Copy the example.

    Raises:
        ConfigFault: the folder holds something already, or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigFault(
            f"sweeplab init writes into a new or empty folder, and {folder} is neither: nothing was written"
        )
    try:
        shutil.copytree(_EXAMPLE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    except OSError as error:
        raise ConfigFault(f"cannot write to {folder}: {error.strerror or error}") from error
