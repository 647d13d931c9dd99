"""`sweeplab doctor`: what this machine has. Asks torch in its own process: a broken one is reported too."""

import argparse
import importlib.metadata
import subprocess
import sys
from collections.abc import Iterator

from omegaconf import OmegaConf
from rich.console import Console
from rich.markup import escape

from sweeplab import tracking
from sweeplab.build import build
from sweeplab.cli import CONFIG_NAME, config_dir, make_console
from sweeplab.launch.inventory import FAKE, GIB, find_inventory
from sweeplab.launch.lease import WHOLE, Leases, machine_leases
from sweeplab.launch.slots import available_cores
from sweeplab.verbs.help import choices

_PACKAGES = ("sweeplab", "torch", "torchvision", "pytorch-lightning", "hydra-core", "wandb", "pytorch_optimizer")
_TORCH_TIMEOUT_S = 120
_ASK_TORCH = """
import torch
print(f"torch {torch.__version__}, CUDA build {torch.version.cuda or 'none'}")
if torch.cuda.is_available():
    for i in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(i)
        print(f"GPU {i}: {about.name}, {about.total_memory / 2**30:.0f} GiB")
elif torch.backends.mps.is_available():
    print("Apple GPU (mps)")
else:
    print("no GPU that torch can use: cells train on the CPU")
"""


def run(arguments: list[str]) -> int:
    """Print what is there; 1 when torch itself does not work."""
    parser = argparse.ArgumentParser(prog="python -m sweeplab doctor", description=__doc__)
    default = OmegaConf.load(config_dir() / f"{CONFIG_NAME}.yaml").runtime.data_dir
    parser.add_argument("--data-dir", default=default, help="where data sets are kept (runtime.data_dir)")
    asked = parser.parse_args(arguments)
    console = make_console()
    _versions(console)
    works = _devices(console)
    console.print(f"W&B     {escape(tracking.login_state())}", highlight=False)
    _datasets(console, asked.data_dir)
    return 0 if works else 1


def _versions(console: Console) -> None:
    for name in _PACKAGES:
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            version = "not installed"
        console.print(f"version {name} {version}", highlight=False)


def _devices(console: Console) -> bool:
    for line in _machine():
        console.print(f"device  {escape(line)}", highlight=False)
    try:
        told = subprocess.run(  # noqa: S603 (this very interpreter)
            [sys.executable, "-c", _ASK_TORCH], capture_output=True, text=True, timeout=_TORCH_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        console.print(f"device  [red]torch does not answer within {_TORCH_TIMEOUT_S} s[/red]")
        return False
    for line in told.stdout.splitlines():
        console.print(f"device  {escape(line)}", highlight=False)
    if told.returncode:
        last = (told.stderr.strip().splitlines() or ["no message"])[-1]
        console.print(f"device  [red]torch cannot be imported[/red]: {escape(last)}", highlight=False)
    return told.returncode == 0


def _machine() -> Iterator[str]:
    """Cores, and each GPU with what is free of it and who has leased how much."""
    inventory = find_inventory()
    devices = inventory.devices()
    words = "NVIDIA GPUs visible" if inventory.is_real else f"GPUs pretended by {FAKE}"
    yield f"{available_cores()} CPU cores, {len(devices)} {words}"
    if not devices:
        return
    leases = machine_leases()
    for device in devices:
        free, total = (number / GIB for number in (inventory.free_bytes(device.uuid), device.memory_bytes))
        memory = f"{free:.1f} of {total:.1f} GiB free"
        yield f"GPU {device.index}  {device.name}  {device.uuid}  {memory}  {_leased(leases, device.uuid)}"


def _leased(leases: Leases, uuid: str) -> str:
    per_cent = WHOLE - leases.free(uuid)
    holders = ", ".join(map(str, leases.holders(uuid))) or "of another user"
    return f"{per_cent} % leased (processes {holders})" if per_cent else "not leased"


def _datasets(console: Console, data_dir: str) -> None:
    for name in choices(config_dir() / "dataset"):
        console.print(f"data    {name:<14} {escape(presence(name, data_dir))}", highlight=False)


def presence(name: str, data_dir: str) -> str:
    """Whether a shipped data set is ready, can be made ready at once, or must be fetched first."""
    from sweeplab.data.source import Source
    from sweeplab.verbs.plan import plan_of

    config = plan_of([f"dataset={name}", f"runtime.data_dir={data_dir}"]).config
    source: Source = build(config["dataset"], trusted=config["trusted_targets"])
    if source.is_prepared():
        return "ready"
    missing = [path for path in source.files() if not path.exists()]
    if missing:
        return f"not here: {missing[0].parent} lacks {', '.join(path.name for path in missing)}"
    return "files are here; the first cell reads them in"
