"""A Ray cluster as the site of a sweep: joining or starting one, and what it is asked for."""

import logging
import os
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any

from omegaconf import OmegaConf

from sweeplab.errors import ConfigFault
from sweeplab.launch.ray import node
from sweeplab.launch.ray.slots import RaySlots
from sweeplab.launch.ray.tasks import RayTasks
from sweeplab.launch.running import Limits
from sweeplab.launch.slots import available_cores

_OWN = "local"  # Ray's word for one that it starts itself
_OBJECT_STORE = 256 * 2**20  # bytes, of a Ray of our own: it carries records only
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # under `uv run`, Ray would upload the working directory
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
# A Ray of this machine alone asks nobody who they are: it must listen on the loopback address only. Ray has this
# switch for systems whose firewalls would ask; without it, Ray replaces the address that it is given.
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


class RaySite:
    """A Ray cluster for one sweep, left as it was found; used as a context.

    Args:
        options: as in conf/hydra/launcher/ray.yaml.
    Raises:
        ConfigFault: an option is not what it may be, or Ray is not installed.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = _checked(options)
        self._address = self._options["address"] or os.environ.get("RAY_ADDRESS") or _OWN
        # Ray reads them while it is imported
        for name, value in (_QUIET | (_LOOPBACK if self._address == _OWN else {})).items():
            os.environ.setdefault(name, value)
        self._ray = _import_ray()
        self._is_ours = False
        self._gpus = False

    def __enter__(self) -> "RaySite":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._is_ours:
            self._ray.shutdown()

    def launcher(
        self, runtime: Mapping[str, Any], *, modules: Iterable[str], targets: Iterable[str], around: Mapping[str, Any]
    ) -> RayTasks:
        """What hands cells to Ray; joins the cluster, or starts one of this machine.

        Raises:
            ConfigFault: no cluster answers.
        """
        self._join()
        self._gpus = self._has_gpus(runtime["accelerator"])
        limits = Limits(runtime["timeout_s"], runtime["grace_s"])
        told = node.Around(list(modules), list(targets), dict(around), limits, self._gpus)
        self._slots = self._make_slots(runtime)
        return RayTasks(self._ray, runtime["output_dir"], self._slots, told, self._options)

    def slots(self, runtime: Mapping[str, Any], num_cells: int) -> RaySlots:
        """What the cluster holds; asked for after the launcher."""
        del runtime, num_cells
        return self._slots

    def _make_slots(self, runtime: Mapping[str, Any]) -> RaySlots:
        threads, most = (runtime[key] for key in ("threads_per_cell", "cells_at_once"))
        asked = self._options["num_cpus"]
        automatic = 1 if threads == "auto" else threads
        return RaySlots(
            self._nodes,
            gpus=self._gpus,
            num_cpus=automatic if asked == "auto" else asked,
            most=None if most == "auto" else most,
        )

    def _join(self) -> None:
        if self._ray.is_initialized():
            return
        try:
            self._ray.init(
                address=self._address,
                log_to_driver=False,
                logging_level=logging.ERROR,
                **(_own_machine() if self._address == _OWN else {}),
            )
        except (ConnectionError, RuntimeError, ValueError, AssertionError, TimeoutError) as error:
            raise ConfigFault(
                f"no Ray cluster answers at {self._address}: {error} · allowed: null (a Ray of this machine"
                " alone), auto, host:port · see hydra.launcher.address and RAY_ADDRESS"
            ) from error
        self._is_ours = True

    def _has_gpus(self, accelerator: str) -> bool:
        if accelerator in ("gpu", "cpu"):
            return accelerator == "gpu"
        return any(node.get("GPU", 0) > 0 for node in self._nodes())

    def _nodes(self) -> list[dict[str, float]]:
        return [node["Resources"] for node in self._ray.nodes() if node["Alive"]]


def _own_machine() -> dict[str, Any]:
    """Options of a Ray that only this machine can reach."""
    return {
        "include_dashboard": False,
        "num_cpus": available_cores(),
        "object_store_memory": _OBJECT_STORE,
        "_node_ip_address": "127.0.0.1",
    }


def _import_ray() -> Any:
    try:
        import ray
        import ray.util.scheduling_strategies
    except ImportError as error:
        raise ConfigFault(
            "hydra/launcher=ray needs the package ray, which is not installed · pip install 'sweeplab[ray]'"
            " · or hydra/launcher=sweeplab, which needs none"
        ) from error
    return ray


def _checked(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as plain containers.

    Raises:
        ConfigFault: every option that is not what it may be.
    """
    plain = {
        key: OmegaConf.to_container(value) if OmegaConf.is_config(value) else value for key, value in options.items()
    }
    faults = [
        f"hydra.launcher.{key} must be {allowed}, got {plain.get(key)!r}"
        for key, (check, allowed) in _OPTIONS.items()
        if not check(plain.get(key))
    ]
    faults += [
        f"unknown option hydra.launcher.{key} · allowed: {', '.join(_OPTIONS)}" for key in plain.keys() - _OPTIONS
    ]
    if faults:
        raise ConfigFault(faults)
    return plain


def _is_text_or_none(value: Any) -> bool:
    return value is None or (isinstance(value, str) and bool(value))


_OPTIONS = {
    "address": (_is_text_or_none, "null, auto, host:port or ray://host:port"),
    "num_cpus": (lambda value: value == "auto" or (type(value) in (int, float) and value > 0), "auto, or > 0"),
    "max_retries": (lambda value: type(value) is int and value >= 0, "a whole number >= 0"),
    "shared": (lambda value: value in ("auto", True, False), "auto, true or false"),
    "node_dir": (_is_text_or_none, "a folder of each node, or null"),
    "options": (lambda value: isinstance(value, dict), "a mapping of Ray's task options"),
}
