"""Where a dotted path is defined: `torch.optim.Adam` is the class at `torch.optim.adam.Adam`, by way of `torch.optim`.

Follows modules, re-exports and inheritance in source text, as far as text can tell; imports nothing.
"""

import ast
import builtins
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sweeplab.source import Binding, Function, Import, Source, find_module, read_body, read_module, split_dotted

MAX_STEPS = 40  # re-exports followed before a path counts as unreadable: imports may go in circles


@dataclass(frozen=True)
class Definition:
    """What a dotted path leads to.

    `path` is where it is defined. `trail` holds every module passed on the way. `node` and `source` are None when it
    cannot be read (compiled, or made while running); `beyond` is then the part of the path that reaches inside it.
    `owner` is the class of a method.
    """

    path: str
    trail: tuple[str, ...]
    node: ast.ClassDef | Function | None = None
    source: Source | None = None
    owner: ast.ClassDef | None = None
    beyond: tuple[str, ...] = ()
    is_module: bool = False


class NoSuchTarget(LookupError):
    """`where` (a module or class; empty: the installed packages) has no `name`; `known` lists what it has."""

    def __init__(self, where: str, name: str, known: Iterable[str] = ()) -> None:
        self.where, self.name = where, name
        self.known = sorted(word for word in known if not word.startswith("_"))
        super().__init__(f"{where or 'the installed packages'} has no {name!r}")


@lru_cache(maxsize=1024)
def find_definition(target: str) -> Definition:
    """Follow `target` through modules and re-exports to its class or function.

    Raises:
        NoSuchTarget: no such package, or a module whose names are all known has no such name.
        SyntaxError: a module on the way is not Python.
    """
    package, *parts = target.split(".")
    if find_module(package) is None:
        raise NoSuchTarget("", package)
    return _resolve(package, tuple(parts), ())


@lru_cache(maxsize=1024)
def find_mro(definition: Definition) -> tuple[Definition, ...] | None:
    """The classes in which a class looks up attributes, itself first, without `object`; None if one is unreadable."""
    shadow = _shadow(definition)
    return None if shadow is None else tuple(vars(base)["definition"] for base in shadow.__mro__[:-1])


def follow(parts: tuple[str, ...], source: Source, trail: tuple[str, ...] = ()) -> Definition | None:
    """What the dotted name `parts` means inside `source`; None if that cannot be told."""
    if parts and parts[0] not in source.names and hasattr(builtins, parts[0]):
        return Definition(f"builtins.{parts[0]}", (*trail, "builtins"), beyond=parts[1:])
    try:
        return _resolve(source.module, parts, trail) if parts else None
    except NoSuchTarget:
        return None


def _resolve(module: str, parts: tuple[str, ...], trail: tuple[str, ...]) -> Definition:
    trail = (*trail, module)
    if not parts:
        return Definition(module, trail, is_module=True)
    name, rest = parts[0], parts[1:]
    child = f"{module}.{name}"
    if len(trail) > MAX_STEPS or find_module(module) is None:
        return Definition(child, trail, beyond=rest)
    # a submodule is entered without reading its parent: torch/__init__.py alone takes 30 ms to parse
    if rest and find_module(child):
        return _resolve(child, rest, trail)
    source = read_module(module)
    if name in source.names:
        found = [_follow_binding(source, name, binding, rest, trail) for binding in source.names[name]]
        return found[0] if len(found) == 1 else Definition(child, _union(found), beyond=rest)
    if starred := _resolve_star(source, parts, trail):
        return starred
    if find_module(child):
        return _resolve(child, rest, trail)
    if source.is_open:
        return Definition(child, trail, beyond=rest)
    raise NoSuchTarget(module, name, _known(source, set()))


def _resolve_star(source: Source, parts: tuple[str, ...], trail: tuple[str, ...]) -> Definition | None:
    unread: list[Definition] = []
    for origin in reversed(source.stars):
        if origin in trail or not read_module(origin).exports(parts[0]):
            continue
        try:
            found = _resolve(origin, parts, trail)
        except NoSuchTarget:
            continue
        if found.node is not None:
            return found
        unread.append(found)
    return Definition(f"{source.module}.{parts[0]}", _union(unread), beyond=parts[1:]) if unread else None


def _union(found: Sequence[Definition]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(module for definition in found for module in definition.trail))


def _known(source: Source, seen: set[str]) -> set[str]:
    seen.add(source.module)
    known = set(source.names) - {"*"}
    return known.union(*(_known(read_module(origin), seen) for origin in source.stars if origin not in seen))


def _follow_binding(
    source: Source, name: str, binding: Binding, rest: tuple[str, ...], trail: tuple[str, ...]
) -> Definition:
    path = f"{source.module}.{name}"
    match binding:
        case Import():
            return _follow_import(binding, source, rest, trail)
        case ast.ClassDef():
            found = Definition(path, trail, binding, source)
            return _find_attribute(found, rest) if rest else found
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            if rest:
                raise NoSuchTarget(path, rest[0])
            return Definition(path, trail, binding, source)
    parts = split_dotted(binding)
    return (follow((*parts, *rest), source, trail) if parts else None) or Definition(path, trail, beyond=rest)


def _follow_import(binding: Import, source: Source, rest: tuple[str, ...], trail: tuple[str, ...]) -> Definition:
    if binding.name is None:
        return _resolve(binding.module, rest, trail)
    path = f"{binding.module}.{binding.name}"
    if binding.module == source.module and find_module(path):  # `from . import sub` inside the package itself
        return _resolve(path, rest, trail)
    try:
        return _resolve(binding.module, (binding.name, *rest), trail)
    except NoSuchTarget:  # the import works when run, so what it names is made there
        return Definition(path, (*trail, binding.module), beyond=rest)


def _find_attribute(owner: Definition, parts: tuple[str, ...]) -> Definition:
    """The method `parts` of a class."""
    mro = find_mro(owner)
    known: set[str] = set()
    for base in mro or ():
        assert isinstance(base.node, ast.ClassDef)
        assert base.source is not None
        names = read_body(base.node, base.source.module).names
        path, trail = f"{base.path}.{parts[0]}", (*owner.trail, *base.trail)
        known |= names.keys()
        match names.get(parts[0]):
            case [ast.FunctionDef() | ast.AsyncFunctionDef() as node] if len(parts) == 1:
                return Definition(path, trail, node, base.source, owner=base.node)
            case list():
                return Definition(path, trail, beyond=parts)
    if mro is None:
        return Definition(owner.path, owner.trail, beyond=parts)
    raise NoSuchTarget(owner.path, parts[0], known)


@lru_cache(maxsize=1024)
def _shadow(definition: Definition) -> type | None:
    """An empty class with the same bases, so that Python itself orders them."""
    node, source = definition.node, definition.source
    if not isinstance(node, ast.ClassDef) or source is None or _has_metaclass(node):
        return None
    bases: list[type] = []
    for expression in node.bases:
        parts = split_dotted(expression.value if isinstance(expression, ast.Subscript) else expression)
        if parts[-1:] in {("object",), ("Generic",), ("Protocol",), ("ABC",)}:
            continue  # they take part in no call
        base = follow(parts, source)
        shadow = None if base is None or base == definition else _shadow(base)
        if shadow is None:
            return None
        bases.append(shadow)
    try:
        return type(node.name, tuple(bases), {"definition": definition})
    except TypeError:
        return None


def _has_metaclass(node: ast.ClassDef) -> bool:
    return any(key.arg == "metaclass" and split_dotted(key.value)[-1:] != ("ABCMeta",) for key in node.keywords)
