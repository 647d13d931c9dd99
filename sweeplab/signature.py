"""The arguments a dotted path takes, read from source text.

Equals `inspect.signature` of the imported object in names, kinds and which have a default, without the import.
"""

import ast
import inspect
from collections.abc import Iterator, Sequence
from functools import lru_cache
from inspect import Parameter, Signature

from sweeplab.definition import Definition, find_definition, find_mro, follow
from sweeplab.source import Function, Source, read_body, split_dotted

DEFAULT = ...  # stands for any default: only that there is one can matter here
TRANSPARENT = {"staticmethod", "classmethod", "override", "abstractmethod", "dataclass", "final", "runtime_checkable"}


@lru_cache(maxsize=1024)
def find_signature(target: str) -> Signature | None:
    """The signature of the class or function at `target`; every default is `...`. None if text cannot tell.

    Raises:
        NoSuchTarget: no such package, or a module whose names are all known has no such name.
        SyntaxError: a module on the way is not Python.
    """
    definition = find_definition(target)
    if isinstance(definition.node, ast.ClassDef):
        return _sign_class(definition)
    return _sign_function(definition)


def _sign_function(function: Definition) -> Signature | None:
    """The signature that a caller of `function` sees, who does not give the class of a classmethod."""
    node = function.node
    if node is None or isinstance(node, ast.ClassDef):
        return None
    if not _keeps_signatures(function):
        return None
    marks = {split_dotted(decorator)[-1:] for decorator in node.decorator_list}
    parameters = list(_read_parameters(node.args))
    return Signature(parameters[1:] if ("classmethod",) in marks else parameters)


def _sign_class(owner: Definition) -> Signature | None:
    """The signature of the first `__new__` or `__init__` in the class and its bases, without `self`."""
    assert isinstance(owner.node, ast.ClassDef)
    bases = [owner] if _find_constructor(owner) and not owner.node.keywords else find_mro(owner)
    if bases is None:
        return None
    for base in bases:
        if not _keeps_signatures(base):
            return None
        if constructor := _find_constructor(base):
            signature = _sign_function(constructor)
            return signature and Signature(_without_self(list(signature.parameters.values())))
        if _dataclass_options(base) is not None:
            return _sign_dataclass(bases[bases.index(base) :])
    return Signature()


def _without_self(parameters: list[Parameter]) -> list[Parameter]:
    return parameters if parameters and parameters[0].kind is Parameter.VAR_POSITIONAL else parameters[1:]


def _find_constructor(owner: Definition) -> Definition | None:
    assert isinstance(owner.node, ast.ClassDef)
    assert owner.source is not None
    names = read_body(owner.node, owner.source.module).names
    for name in ("__new__", "__init__"):
        if name in names:
            match names[name]:
                case [ast.FunctionDef() as node]:
                    return Definition(f"{owner.path}.{name}", owner.trail, node, owner.source)
            return Definition(f"{owner.path}.{name}", owner.trail)
    return None


def _read_parameters(arguments: ast.arguments) -> Iterator[Parameter]:
    positional = [*arguments.posonlyargs, *arguments.args]
    num_required = len(positional) - len(arguments.defaults)
    for i, argument in enumerate(positional):
        is_only = i < len(arguments.posonlyargs)
        kind = Parameter.POSITIONAL_ONLY if is_only else Parameter.POSITIONAL_OR_KEYWORD
        yield _parameter(argument.arg, kind, has_default=i >= num_required)
    if arguments.vararg:
        yield Parameter(arguments.vararg.arg, Parameter.VAR_POSITIONAL)
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _parameter(argument.arg, Parameter.KEYWORD_ONLY, has_default=default is not None)
    if arguments.kwarg:
        yield Parameter(arguments.kwarg.arg, Parameter.VAR_KEYWORD)


def _parameter(name: str, kind: inspect._ParameterKind, *, has_default: bool) -> Parameter:
    return Parameter(name, kind, default=DEFAULT if has_default else Parameter.empty)


def _keeps_signatures(definition: Definition) -> bool:
    """Whether every decorator hands its object on, or wraps it so that `inspect.signature` sees through."""
    assert definition.node is not None
    assert definition.source is not None
    return all(_keeps_signature(decorator, definition.source) for decorator in definition.node.decorator_list)


def _keeps_signature(decorator: ast.expr, source: Source) -> bool:
    parts = split_dotted(decorator.func if isinstance(decorator, ast.Call) else decorator)
    if parts[-1:] and parts[-1] in TRANSPARENT:
        return True
    definition = follow(parts, source)
    node = definition.node if definition else None
    if node is None or isinstance(node, ast.ClassDef):
        return False
    words = {split_dotted(part)[-1:] for part in ast.walk(node) if isinstance(part, ast.Name | ast.Attribute)}
    is_wrapper = bool(words & {("wraps",), ("update_wrapper",)})
    return is_wrapper or _returns_argument(node, depth=int(isinstance(decorator, ast.Call)))


def _returns_argument(function: Function, *, depth: int) -> bool:
    """Whether `function` (depth 0), or the one it makes and returns (depth 1), returns its own first argument."""
    returned = {
        part.value.id for part in function.body if isinstance(part, ast.Return) and isinstance(part.value, ast.Name)
    }
    if depth == 0:
        return bool(function.args.args) and function.args.args[0].arg in returned
    inner = [part for part in function.body if isinstance(part, Function) and part.name in returned]
    return any(_returns_argument(part, depth=depth - 1) for part in inner)


def _dataclass_options(owner: Definition) -> dict[str, bool] | None:
    """The arguments of `@dataclass`, or None where a class is none or writes no constructor."""
    assert isinstance(owner.node, ast.ClassDef)
    for decorator in owner.node.decorator_list:
        function = decorator.func if isinstance(decorator, ast.Call) else decorator
        if split_dotted(function)[-1:] == ("dataclass",):
            options = _read_flags(decorator)
            return options if options.get("init", True) else None
    return None


def _read_flags(expression: ast.expr) -> dict[str, bool]:
    """The literal keyword arguments of a call, as truths."""
    keywords = expression.keywords if isinstance(expression, ast.Call) else []
    return {key.arg: bool(key.value.value) for key in keywords if key.arg and isinstance(key.value, ast.Constant)}


def _sign_dataclass(bases: Sequence[Definition]) -> Signature:
    """The constructor that `@dataclass` writes: fields of the bases first, keyword-only ones last."""
    fields: dict[str, Parameter] = {}
    for base in reversed(bases):
        options = _dataclass_options(base)
        if options is not None and isinstance(base.node, ast.ClassDef):
            fields.update(_read_fields(base.node, options.get("kw_only", False)))
    return Signature(sorted(fields.values(), key=lambda field: field.kind))


def _read_fields(node: ast.ClassDef, is_keyword_only: bool) -> Iterator[tuple[str, Parameter]]:
    for statement in node.body:
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        annotation = statement.annotation
        words = split_dotted(annotation.value if isinstance(annotation, ast.Subscript) else annotation)[-1:]
        if words == ("KW_ONLY",):
            is_keyword_only = True
        elif words != ("ClassVar",) and (flags := _read_field(statement.value)).get("init", True):
            is_named = flags.get("kw_only", is_keyword_only)
            kind = Parameter.KEYWORD_ONLY if is_named else Parameter.POSITIONAL_OR_KEYWORD
            name = statement.target.id
            yield name, _parameter(name, kind, has_default=flags["has_default"])


def _read_field(value: ast.expr | None) -> dict[str, bool]:
    if isinstance(value, ast.Call) and split_dotted(value.func)[-1:] == ("field",):
        names = {key.arg for key in value.keywords}
        return {**_read_flags(value), "has_default": bool(names & {"default", "default_factory"})}
    return {"has_default": value is not None}
