"""What is wrong with one `_target_`: not trusted, not there, or called with the wrong arguments.

A `_target_` runs code. This door keeps out what nobody meant to run; it is no wall against one's own packages.
Nothing is imported to answer.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from importlib import metadata
from inspect import Parameter, Signature

from sweeplab.definition import Definition, NoSuchTarget, find_definition
from sweeplab.signature import find_signature
from sweeplab.suggestion import suggest

# Trusted packages hold functions that run, load or write whatever they are told to. By what they do:
DENIED = {
    "unpickles, which runs code": (
        "torch.load",
        "torch.serialization",
        "torch.storage",
        "torch.package",
        "torch.export",
    ),
    "loads compiled code": ("torch.utils.cpp_extension", "torch.ops", "torch.classes", "torch.library", "torch.jit"),
    "fetches and runs code or files": ("torch.hub", "torch.utils.model_zoo", "torchvision.datasets.utils"),
    "compiles text": ("torch.fx", "torch.cuda.jiterator", "torch.utils.benchmark", "torch.utils.bundled_inputs"),
    "starts processes": (
        *("torch.distributed", "torch.multiprocessing"),
        *("torch.utils.bottleneck", "torch.utils.collect_env", "torch.utils.hipify"),
    ),
    "writes files": ("torch.save", "torch.onnx", "torchvision.io", "torchvision.utils"),
    "runs what it is told to": (
        *("pytorch_lightning.cli", "pytorch_lightning.core.saving", "pytorch_lightning.utilities"),
        *(
            f"sweeplab.{name}"
            for name in ("build", "cell", "cli", "compose", "launch", "plan", "record", "run", "sweep")
        ),
    ),
}
DENIED_METHODS = {"load_from_checkpoint": "unpickles, which runs code"}

NAMED = {Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY}
POSITIONAL = {Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD}


@lru_cache(maxsize=65536)
def find_target_faults(
    target: str, names: tuple[str, ...], num_positional: int, *, is_partial: bool, trusted: tuple[str, ...]
) -> tuple[str, ...]:
    """Every fault of calling `target` with `num_positional` values and the arguments `names`.

    Args:
        is_partial: the call is finished later, so arguments may still be missing.
        trusted: prefixes that a target and every module it is found through must have.
    """
    if fault := _find_name_fault(target, trusted):
        return (fault,)
    try:
        definition = find_definition(target)
        if fault := _find_definition_fault(target, definition, trusted):
            return (fault,)
        signature = find_signature(target)
    except NoSuchTarget as error:
        return (_describe_missing(target, error),)
    except SyntaxError as error:
        return (f"{target} cannot be read: {error.msg} ({error.filename}, line {error.lineno})",)
    if signature is None:
        return ()
    return tuple(_find_argument_faults(target, signature, names, num_positional, is_partial=is_partial))


def is_trusted(path: str, trusted: Sequence[str]) -> bool:
    """Whether a dotted path is one of the `trusted` prefixes or lies under it; `mypkg` is not `mypkg2`."""
    return any(f"{path}.".startswith(f"{prefix.rstrip('.')}.") for prefix in trusted)


def _find_name_fault(target: str, trusted: Sequence[str]) -> str:
    if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)+", target):
        return f"_target_ must be a dotted name such as torch.optim.Adam, got {target!r}"
    if not is_trusted(target, trusted):
        allowed = ", ".join(trusted) or "none"
        return f"_target_ {target!r} is not trusted · allowed: {allowed} (a package of your own: trusted_targets)"
    if private := next((part for part in target.split(".") if part.startswith("_")), None):
        return f"_target_ must be a public name, got {target!r} with {private!r}"
    return ""


def _find_definition_fault(target: str, definition: Definition, trusted: Sequence[str]) -> str:
    foreign = next((module for module in definition.trail if not is_trusted(module, trusted)), None)
    if foreign:
        return f"_target_ {target!r} leads to {foreign}, which is not trusted · allowed: {', '.join(trusted)}"
    if reason := _find_denial(target) or _find_denial(definition.path):
        return f"_target_ {target!r} is refused: it {reason}"
    if definition.is_module:
        return f"_target_ must be a class or function, got the module {target!r}"
    if definition.beyond:
        return f"_target_ must be a class, function or method, got {target!r}, which reaches inside an object"
    return ""


def _find_denial(path: str) -> str:
    for reason, prefixes in DENIED.items():
        if is_trusted(path, prefixes):
            return reason
    return DENIED_METHODS.get(path.rpartition(".")[2], "")


def _describe_missing(target: str, error: NoSuchTarget) -> str:
    if error.where:
        return f"{error.where} has no {error.name!r}{suggest(error.name, error.known)} (_target_ {target!r})"
    extra = _find_extra(error.name)
    install = f"pip install 'sweeplab[{extra}]'" if extra else "install it, or check the spelling"
    return f"{target} needs the package {error.name}, which is not installed: {install}"


def _find_extra(package: str) -> str | None:
    """The optional part of sweeplab that brings `package`."""
    wanted = package.replace("_", "-").casefold()
    with suppress(metadata.PackageNotFoundError):  # run from a checkout that is not installed
        for line in metadata.requires("sweeplab") or ():
            match = re.match(r"([\w.-]+).*extra == ['\"](\w+)", line)
            if match and match[1].replace("_", "-").casefold() == wanted:
                return match[2]
    return None


def _find_argument_faults(
    target: str, signature: Signature, names: Sequence[str], num_positional: int, *, is_partial: bool
) -> Iterator[str]:
    parameters = list(signature.parameters.values())
    kinds = {parameter.kind for parameter in parameters}
    slots = [parameter for parameter in parameters if parameter.kind in POSITIONAL]
    taken = {parameter.name for parameter in slots[:num_positional]}
    # what a partial call lacks comes later, by position: an optimizer's `params`
    later = {parameter.name for parameter in slots if is_partial and parameter.default is Parameter.empty}
    free = [p.name for p in parameters if p.kind in NAMED and p.name not in taken]
    if num_positional > len(slots) and Parameter.VAR_POSITIONAL not in kinds:
        yield f"{target} takes at most {len(slots)} positional arguments, got {num_positional}"
    if Parameter.VAR_KEYWORD not in kinds:
        allowed = [name for name in free if name not in later]
        shown = ", ".join(allowed) or "none"
        for name in names:
            if name not in free:
                yield f"{target} has no argument {name!r}{suggest(name, allowed)} · allowed: {shown}"
    required = {p.name for p in parameters if p.default is Parameter.empty and p.kind in NAMED | POSITIONAL}
    missing = [p.name for p in parameters if p.name in required - taken - set(names)]
    if missing and not is_partial:
        yield f"{target} needs {', '.join(missing)}"
