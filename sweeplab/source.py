"""The names that a module binds, read from its text: it is found and parsed, never imported, so nothing in it runs.

What only running could tell is left open, never guessed.
"""

import ast
import importlib.machinery
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Import:
    """A name that stands for a module, or for a name in it."""

    module: str
    name: str | None


Binding = ast.ClassDef | Function | Import | ast.expr


@dataclass(eq=False)
class Source:
    """The names that a module, or a class body in it, binds.

    A name has several bindings where branches disagree. `stars` are the modules of `from … import *`.
    `is_open`: running the module may bind names that its text does not show.
    """

    module: str
    package: str
    names: dict[str, list[Binding]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    is_open: bool = False

    def exports(self, name: str) -> bool:
        """Whether `from module import *` may carry `name`: any public one where `__all__` is put together by code."""
        match self.names.get("__all__"):
            case [ast.List(elts=items) | ast.Tuple(elts=items)] if all(
                isinstance(item, ast.Constant) for item in items
            ):
                return any(isinstance(item, ast.Constant) and item.value == name for item in items)
        return not name.startswith("_")


@lru_cache(maxsize=4096)
def find_module(module: str) -> importlib.machinery.ModuleSpec | None:
    """Where a module's file is; None if there is none. Imports neither the module nor its parents."""
    parent, _, name = module.rpartition(".")
    try:
        if not parent:
            return importlib.util.find_spec(module)
        return importlib.machinery.PathFinder.find_spec(module, _folders(parent))
    except (ImportError, ValueError):
        return None
    except KeyError:  # a folder without __init__.py, which asks for its parent in sys.modules, where it is not
        spec = importlib.machinery.ModuleSpec(module, None, is_package=True)
        spec.submodule_search_locations = [f"{folder}/{name}" for folder in _folders(parent)]
        return spec


def _folders(module: str) -> list[str]:
    spec = find_module(module)
    return list(spec.submodule_search_locations or ()) if spec else []


@lru_cache(maxsize=256)
def read_module(module: str) -> Source:
    """The names that a module binds; a compiled one is open and binds none that can be read.

    Raises:
        SyntaxError: its text is not Python.
    """
    spec = find_module(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return Source(module, "", is_open=spec is None or spec.origin is not None)
    text = Path(spec.origin).read_bytes()
    source = Source(module, spec.parent or "")
    _bind_all(source, ast.parse(text, spec.origin).body)
    source.is_open = "__getattr__" in source.names or any(
        sign in text for sign in (b"globals()", b"setattr(", b"sys.modules[")
    )
    return source


@lru_cache(maxsize=1024)
def read_body(node: ast.ClassDef, module: str) -> Source:
    """The names that a class body binds."""
    source = Source(module, module)
    _bind_all(source, node.body)
    return source


def split_dotted(expression: ast.AST) -> tuple[str, ...]:
    """`a.b.c` as its parts; empty for anything but names and attributes."""
    match expression:
        case ast.Name(id=name):
            return (name,)
        case ast.Attribute(value=value, attr=name):
            parts = split_dotted(value)
            return (*parts, name) if parts else ()
    return ()


def _bind_all(source: Source, statements: Sequence[ast.stmt], *, is_sure: bool = True) -> None:
    """Bind every name of `statements`; where running may skip them (not `is_sure`), earlier bindings stay."""
    for statement in statements:
        for name, binding in _bindings(statement, source):
            source.names[name] = [binding] if is_sure else [*source.names.get(name, []), binding]
        match statement:
            case ast.Delete(targets=targets):
                for target in targets:
                    source.names.pop(".".join(split_dotted(target)), None)
            case ast.If(test=test, body=body, orelse=orelse):
                is_typing = split_dotted(test)[-1:] == ("TYPE_CHECKING",)
                _bind_all(source, [] if is_typing else body, is_sure=False)
                _bind_all(source, orelse, is_sure=is_sure and is_typing)
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=last):
                _bind_all(source, [*body, *orelse], is_sure=is_sure)
                for handler in handlers:
                    _bind_all(source, handler.body, is_sure=False)
                _bind_all(source, last, is_sure=is_sure)
            case ast.With(body=body):
                _bind_all(source, body, is_sure=is_sure)
            case ast.For(body=body) | ast.While(body=body):
                _bind_all(source, body, is_sure=False)


def _bindings(statement: ast.stmt, source: Source) -> Iterator[tuple[str, Binding]]:
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            if not any(split_dotted(decorator)[-1:] == ("overload",) for decorator in statement.decorator_list):
                yield statement.name, statement
        case ast.Import(names=aliases):
            for alias in aliases:
                top = alias.name.partition(".")[0]
                yield alias.asname or top, Import(alias.name if alias.asname else top, None)
        case ast.ImportFrom(module=tail, names=aliases, level=level):
            origin = _absolute(tail or "", level, source.package)
            source.stars += [origin for alias in aliases if alias.name == "*"]
            for alias in aliases:
                yield alias.asname or alias.name, Import(origin, alias.name)
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _assigned(target, value)
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value
        case ast.AugAssign(target=ast.Name(id=name)):
            yield name, statement.value
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="__all__"))) as call):
            yield "__all__", call  # append, extend: no longer a literal


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, Binding]]:
    match target:
        case ast.Name(id=name):
            yield name, value
        case ast.Tuple(elts=items) | ast.List(elts=items):
            for item in items:
                yield from _assigned(item, target)


def _absolute(tail: str, level: int, package: str) -> str:
    if not level:
        return tail
    base = package.rsplit(".", level - 1)[0]
    return f"{base}.{tail}" if tail else base
