"""`--help`: verbs, choices, keys; read from the files themselves, so that it is never out of date."""

from pathlib import Path
from textwrap import fill

from rich.console import Console
from rich.markup import escape

from sweeplab.cli import CONFIG_NAME, config_dir
from sweeplab.verbs import VERBS

_GROUPS = (
    "dataset",
    "dataset/augment",
    "preprocess",
    "model",
    "init",
    "optimizer",
    "scheduler",
    "tracker",
    "experiment",
    "debug",
)
_WIDTH = 118


def show_help(console: Console) -> int:
    """Print the help."""
    console.print("[bold]sweeplab[/bold]: which optimizer, at which learning rate, for which model and data set\n")
    console.print("  python -m sweeplab -m optimizer=adam,radam,sgdm lr=1e-3,1e-5   train a grid, print the comparison")
    console.print("  python -m sweeplab optimizer=adam lr=1e-3                      train one cell in this process")
    console.print("  python -m sweeplab.cell FOLDER                                 train a recorded cell again\n")
    console.print("[bold]verbs[/bold] (python -m sweeplab VERB --help)")
    for verb, words in VERBS.items():
        console.print(f"  {verb:<8} {words}", highlight=False)
    console.print("\n[bold]choices[/bold] (one file each in conf/; add your own with --config-dir DIR)")
    for group in _GROUPS:
        names = choices(config_dir() / group)
        if names:
            line = fill(f"{group}: {', '.join(names)}", _WIDTH, initial_indent="  ", subsequent_indent="    ")
            console.print(line, highlight=False, soft_wrap=True)
    console.print("\n[bold]keys[/bold] (any of them can be an axis: key=a,b  key=range(0,5)  key=choice(a,b))")
    for line in root_keys(config_dir() / f"{CONFIG_NAME}.yaml"):
        console.print(f"  {escape(line)}", highlight=False)
    console.print("\n[bold]grid[/bold] hydra.sweeper.{zip,cases,per,exclude}; others' hydra/launcher, hydra/sweeper")
    console.print("Hydra's own: --cfg job | --info | --hydra-help | --config-dir DIR | --config-name NAME")
    return 0


def choices(folder: Path) -> list[str]:
    """Names of the files of a group."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def root_keys(path: Path) -> list[str]:
    """The root file's keys with their comments, from after its defaults to before its `hydra` node."""
    lines = path.read_text(encoding="utf-8").splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("lr:"))
    end = next(index for index, line in enumerate(lines) if line.startswith("hydra:"))
    return [line for line in lines[start:end] if line.strip() and not line.startswith("#")]
