"""A condition on a cell, such as `optimizer == 'lbfgs' and batch_size > 128`, read as data and never run as code.

The language is Python's for comparisons, `and`, `or`, `not`, `in`, `+ - * / // %`, numbers, text, lists and a few
functions. Names are configuration keys; anything else is refused when the text is read.
"""

import ast
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sweeplab.errors import ConfigFault, SweeplabError

LookUp = Callable[[str], Any]

MAX_LENGTH = 1000  # characters
MAX_DEPTH = 40  # brackets within brackets
LANGUAGE = "keys, numbers, quoted text, lists, ==, !=, <, <=, >, >=, in, and, or, not, + - * / // %, abs, len, max, min"

YAML_WORDS = {"true": True, "false": False, "null": None}
FUNCTIONS: dict[str, Callable[..., Any]] = {"abs": abs, "len": len, "max": max, "min": min}
ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
SIGNS: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
ORDERS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
RELATIONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda item, items: item in items,
    ast.NotIn: lambda item, items: item not in items,
}


class UnknownName(SweeplabError):
    """A cell has no such key; whether that is a fault depends on the other cells, so the caller decides."""


@dataclass(frozen=True)
class Expression:
    """A condition that was read and found harmless; `names` are the keys it speaks of."""

    text: str
    names: frozenset[str]
    _body: ast.expr

    def matches(self, look_up: LookUp) -> bool:
        """Whether a cell, whose values `look_up` gives by key, fulfils the condition.

        As in Python, what `and` and `or` need not look at is not looked at. An order relation with null is false.

        Raises:
            UnknownName: from `look_up`, for a key that the cell lacks, or for an item that its list lacks.
            ConfigFault: values that do not go together, such as text and a number.
        """
        try:
            return bool(_evaluate(self._body, look_up))
        except (TypeError, ValueError, ArithmeticError) as error:
            raise ConfigFault(f"expression {self.text!r} cannot be worked out: {error}") from error


def compile_expression(text: str) -> Expression:
    """Read a condition.

    Raises:
        ConfigFault: not Python, or beyond the language above; says at which character.
    """
    if not isinstance(text, str) or len(text) > MAX_LENGTH:
        raise ConfigFault(f"an expression must be text of at most {MAX_LENGTH} characters, got {str(text)[:60]!r}")
    plain = text.replace("\n", " ").strip()
    try:
        body = ast.parse(plain, mode="eval").body
    except SyntaxError as error:
        hint = " (equality is ==)" if re.search(r"(?<![=!<>])=(?!=)", plain) else ""
        raise ConfigFault(_describe(plain, error.offset or 1, f"{error.msg}{hint}")) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise ConfigFault(_describe(plain, 1, str(error) or "too deep")) from error
    _check_depth(plain, body)
    names = frozenset(_check(plain, body))
    if not names:
        raise ConfigFault(f"expression {plain!r} names no key, so it is the same for every cell")
    return Expression(plain, names, body)


def _describe(text: str, position: int, reason: str) -> str:
    return f"expression {text!r} has a fault at character {position}: {reason} · allowed: {LANGUAGE}"


def _check_depth(text: str, body: ast.expr) -> None:
    level: list[ast.AST] = [body]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    if level:
        raise ConfigFault(_describe(text, 1, f"more than {MAX_DEPTH} levels deep"))


def _check(text: str, node: ast.expr) -> Iterator[str]:
    """The keys that `node` names; refuses everything outside the language."""
    if key := _key(node):
        if "__" in key:
            raise ConfigFault(_describe(text, node.col_offset + 1, f"{key!r} is no key"))
        yield from () if key in YAML_WORDS else (key,)
        return
    for part in _parts(text, node):
        yield from _check(text, part)


def _parts(text: str, node: ast.expr) -> list[ast.expr]:
    """What `node` is made of, if it is in the language."""
    match node:
        case ast.Constant(value=value) if value is None or isinstance(value, bool | int | float | str):
            return []
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts) | ast.BoolOp(values=parts):
            return parts
        case ast.UnaryOp(op=op, operand=part) if isinstance(op, ast.Not) or type(op) in SIGNS:
            return [part]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            return [left, right]
        case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in RELATIONS for op in ops):
            return [left, *others]
        case ast.Subscript(value=value, slice=index) if not isinstance(index, ast.Slice):
            return [value, index]
        case ast.Call(func=ast.Name(id=name), args=[_, *_] as args, keywords=[]) if name in FUNCTIONS:
            return args
    kind = "a function that is not in the language" if isinstance(node, ast.Call) else type(node).__name__.lower()
    raise ConfigFault(_describe(text, node.col_offset + 1, f"{ast.unparse(node)!r} is {kind}"))


def _key(node: ast.expr) -> str:
    """`optimizer.momentum` for that expression; empty for anything but a dotted name."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{owner}.{name}" if (owner := _key(value)) else ""
    return ""


def _evaluate(node: ast.expr, look_up: LookUp) -> Any:
    if key := _key(node):
        return YAML_WORDS[key] if key in YAML_WORDS else _as_number(look_up(key))
    match node:
        case ast.Constant(value=value):
            return value
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            return [_evaluate(part, look_up) for part in parts]
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_evaluate(part, look_up) for part in parts)
        case ast.BoolOp(values=parts):
            return any(_evaluate(part, look_up) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=part):
            return not _evaluate(part, look_up)
        case ast.UnaryOp(op=op, operand=part):
            return SIGNS[type(op)](_evaluate(part, look_up))
        case ast.BinOp(left=left, op=op, right=right):
            return _calculate(ARITHMETIC[type(op)], _evaluate(left, look_up), _evaluate(right, look_up))
        case ast.Compare(left=left, ops=ops, comparators=others):
            return _compare(left, ops, others, look_up)
        case ast.Subscript(value=value, slice=index):
            return _take(_evaluate(value, look_up), _evaluate(index, look_up), ast.unparse(node))
        case ast.Call(func=ast.Name(id=name), args=args):
            return FUNCTIONS[name](*(_evaluate(part, look_up) for part in args))
    raise AssertionError(f"unchecked {ast.dump(node)}")


def _take(items: Any, index: Any, name: str) -> Any:
    try:
        return _as_number(items[index])
    except LookupError:
        raise UnknownName(name) from None


def _compare(left: ast.expr, ops: list[ast.cmpop], others: list[ast.expr], look_up: LookUp) -> bool:
    first = _evaluate(left, look_up)
    for op, other in zip(ops, others, strict=True):
        second = _evaluate(other, look_up)
        is_unordered = isinstance(op, ORDERS) and (first is None or second is None)
        if is_unordered or not RELATIONS[type(op)](first, second):
            return False
        first = second
    return True


def _calculate(operation: Callable[[Any, Any], Any], first: Any, second: Any) -> Any:
    """Arithmetic on numbers alone: text and lists could be multiplied until memory ends."""
    for value in (first, second):
        if not isinstance(value, int | float):
            raise TypeError(f"{value!r} is not a number")
    return operation(first, second)


def _as_number(value: Any) -> Any:
    """`1e-3` as a number: plain YAML takes it for text."""
    if isinstance(value, str) and re.fullmatch(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+", value):
        return float(value)
    return value
