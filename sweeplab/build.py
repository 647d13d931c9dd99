"""From a configuration node to the object it names, and from a configuration to the list of its faults.

The only caller of Hydra's `instantiate`. Finding faults imports neither Hydra nor anything a configuration names.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from sweeplab.devices import find_device_faults
from sweeplab.errors import ConfigFault
from sweeplab.limits import MISSING, find_limit_faults
from sweeplab.parameter_groups import find_group_faults
from sweeplab.published import find_published_faults
from sweeplab.steps import find_step_faults
from sweeplab.tables import find_table_faults
from sweeplab.target import find_target_faults

# Trusted without being named; `trusted_targets` adds one's own packages.
ALWAYS_TRUSTED = ("sweeplab.", "torch.", "torchvision.", "torchmetrics.", "pytorch_lightning.", "pytorch_optimizer.")

MARKS = frozenset({"_target_", "_partial_", "_args_", "_convert_", "_recursive_"})


def build(node: Mapping[str, Any], /, *args: Any, trusted: Sequence[str], **kwargs: Any) -> Any:
    """The object that `node` names in `_target_`; with `_partial_: true` a factory of it.

    Args:
        node: plain data; not changed. Nested nodes are built too, and lists and mappings arrive as plain ones.
        args: further values for its constructor, after `_args_`.
        trusted: prefixes that a `_target_` in the node may have besides `ALWAYS_TRUSTED`.
        kwargs: further arguments for its constructor; handed on as they are.
    Raises:
        ConfigFault: no `_target_`, one that is not trusted, or arguments it does not take.
    """
    if "_target_" not in node:
        raise ConfigFault(f"a node to build needs a _target_, got the keys {', '.join(map(str, node)) or 'none'}")
    is_partial = node.get("_partial_", False)
    is_unfinished = is_partial or bool(args) or bool(kwargs)
    if faults := list(_find_node_faults({**node, "_partial_": is_unfinished}, _with_own(trusted), "")):
        raise ConfigFault(faults)
    from hydra.utils import instantiate  # Hydra takes 0.3 s to import, which checking does not need

    # instantiate would copy keyword arguments into its own containers: it makes the factory, we call it
    make = instantiate({"_convert_": "all", **node, "_partial_": True})
    if is_partial:
        return partial(make, *args, **kwargs) if args or kwargs else make
    return make(*args, **kwargs)


def find_faults(config: Mapping[str, Any]) -> list[str]:
    """Everything wrong with the resolved configuration of one cell, one line each: what, value, allowed, where."""
    faults = list(find_limit_faults(config))
    faults += find_group_faults(config.get("parameter_groups", []))
    faults += find_published_faults(config.get("published"))
    faults += find_table_faults(config.get("tables"))
    if not faults:
        faults += find_step_faults(config)
        faults += find_device_faults(config)
    trusted = config.get("trusted_targets")
    prefixes = _with_own(map(str, trusted) if isinstance(trusted, list | tuple) else ())
    for key, value in config.items():
        if key != "hydra":
            faults.extend(_find_node_faults(value, prefixes, str(key)))
    return faults


def _with_own(trusted: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*ALWAYS_TRUSTED, *trusted]))


def _find_node_faults(value: Any, trusted: tuple[str, ...], where: str) -> Iterator[str]:
    """Faults of every `_target_` in `value`, and of values that are not plain, resolved data."""
    if isinstance(value, dict):
        if "_target_" in value:
            for fault in _find_call_faults(value, trusted):
                yield f"{fault} · in {where}" if where else fault
        for key, item in value.items():
            if key != "_target_":
                yield from _find_node_faults(item, trusted, f"{where}.{key}" if where else str(key))
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from _find_node_faults(item, trusted, f"{where}[{i}]")
    elif isinstance(value, str):
        if value == MISSING:
            yield f"{where} must be given, got {MISSING} (set it as {where}=...)"
        elif "${" in value:
            yield f"{where} must be resolved, got {value!r}"
    elif value is not None and not isinstance(value, bool | int | float):
        yield f"{where} must be plain data, got {value!r} of type {type(value).__name__}"


def _find_call_faults(node: dict[str, Any], trusted: tuple[str, ...]) -> Sequence[str]:
    target, is_partial, args = node["_target_"], node.get("_partial_", False), node.get("_args_", ())
    if not isinstance(target, str):
        return [f"_target_ must be a dotted name such as torch.optim.Adam, got {target!r}"]
    if not isinstance(is_partial, bool):
        return [f"_partial_ must be true or false, got {is_partial!r}"]
    if not isinstance(args, list | tuple):
        return [f"_args_ must be a list, got {args!r}"]
    names = tuple(name for name in node if name not in MARKS)
    return find_target_faults(target, names, len(args), is_partial=is_partial, trusted=trusted)
