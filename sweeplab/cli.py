"""The command line: argv in, exit code out. Verbs are looked at before Hydra sees the line.

Exit codes: 0 all is well, 1 a cell failed, 2 the line asks for something that cannot be, 130 interrupted.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from sweeplab.errors import ConfigFault, SweeplabError
from sweeplab.suggestion import suggest
from sweeplab.verbs import VERBS, find

EXIT_USAGE = 2
CONFIG_NAME = "config"
_PLAIN_WIDTH = 160


class SweepEnded(Exception):
    """Carries a sweep's exit code past Hydra, which has no place for one."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    # As `python -m` does: a package of one's own is found where one stands, by the console script too.
    if str(Path.cwd()) not in sys.path and "" not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return _dispatch(arguments)
    except SweepEnded as ended:
        return ended.code
    except SweeplabError as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        return 130
    except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
        return _refuse(f"{error.strerror}: {error.filename}")
    except BrokenPipeError:
        # `sweeplab plan | head`: the reader has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _dispatch(arguments: list[str]) -> int:
    first = arguments[0] if arguments else ""
    if first in ("-h", "--help", "help"):
        from sweeplab.verbs.help import show_help

        return show_help(make_console())
    verb = find(first)
    if verb is not None:
        return verb(arguments[1:])
    if first.isidentifier():
        raise ConfigFault(f"unknown verb '{first}'{suggest(first, VERBS)} · allowed: {', '.join(VERBS)}, or key=value")
    return _with_hydra(arguments)


def make_console() -> Console:
    """Where people read: as wide as the terminal, and wide enough for a table when it is not one."""
    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PLAIN_WIDTH
    return console


def config_dir() -> Path:
    """The shipped `conf/`: beside the package in a checkout, inside it in an installed wheel."""
    package = Path(__file__).resolve().parent
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


def _refuse(message: str) -> int:
    lines = message.splitlines() or ["nothing can be said about it"]
    print(f"sweeplab: {lines[0]}" if len(lines) == 1 else f"sweeplab: {len(lines)} faults:", file=sys.stderr)  # noqa: T201
    if len(lines) > 1:
        for line in lines:
            print(f"  - {line}", file=sys.stderr)  # noqa: T201
    return EXIT_USAGE


def _with_hydra(arguments: list[str]) -> int:
    """Give the line to Hydra: `-m` reaches our sweeper, a line without it trains one cell in this process."""
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from sweeplab.single import SingleRun

    # Hydra would print its own words and end the process with 1: let exceptions reach us.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    single = SingleRun(make_console())
    run = hydra.main(version_base="1.3", config_path=str(config_dir()), config_name=CONFIG_NAME)(single.task)
    previous, sys.argv = sys.argv, [sys.argv[0], *options_first(arguments)]
    try:
        run()
    except (HydraException, OmegaConfBaseException) as error:
        return _refuse(_diagnosis(arguments, error))
    finally:
        sys.argv = previous
    return single.conclude()


def options_first(arguments: Sequence[str]) -> list[str]:
    """The same words, options before overrides: Hydra's parser refuses overrides on both sides of an option."""
    options: list[str] = []
    overrides: list[str] = []
    words = iter(arguments)
    for word in words:
        (options if word.startswith("-") else overrides).append(word)
        if word in _OPTIONS_WITH_VALUE:
            options += [value for value in [next(words, None)] if value is not None]
    return [*options, *overrides]


_OPTIONS_WITH_VALUE = {
    *("--config-dir", "-cd", "--config-path", "-cp", "--config-name", "-cn"),
    *("--package", "-p", "--cfg", "-c", "--experimental-rerun"),
}


def _diagnosis(arguments: list[str], error: Exception) -> str:
    """Every fault of the line, not only the one that Hydra met first."""
    from sweeplab.explanation import explain
    from sweeplab.verbs.plan import plan_of

    words = [word for word in arguments if word not in ("-m", "--multirun")]
    others = [word for word in words if word.startswith("-") and not word.startswith(("--config-dir", "-cd"))]
    try:
        if not others:
            plan_of(words)
    except ConfigFault as fault:
        return str(fault)
    return explain(error)


def rerun_cell(argv: Sequence[str] | None = None) -> int:
    """`python -m sweeplab.cell FOLDER`: train a recorded cell again, from its `cell.json`."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if len(arguments) != 1 or arguments[0].startswith("-"):
        return _refuse("usage: python -m sweeplab.cell FOLDER (a cell's folder, such as outputs/cells/0123456789ab)")
    from sweeplab import ranks
    from sweeplab.launch import wide

    if ranks.RANK in os.environ:
        ranks.follow(Path(arguments[0]))
    if wide.AROUND in os.environ:
        wide.train(Path(arguments[0]))
        return 0
    from sweeplab.single import rerun

    try:
        return rerun(Path(arguments[0]), make_console())
    except SweeplabError as error:
        return _refuse(str(error))
