"""Signatures read from source are those that Python sees in the imported object."""

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from sweeplab.definition import NoSuchTarget, find_definition
from sweeplab.signature import find_signature

LIBRARIES = [
    "torch.optim",
    "torch.optim.lr_scheduler",
    "torch.nn",
    "torch.nn.functional",
    "torch.utils.data",
    "torchvision.models",
    "torchvision.datasets",
    "torchvision.transforms",
    "torchmetrics",
    "torchmetrics.classification",
    "pytorch_optimizer",
]


def shape(signature):
    return [(p.name, p.kind, p.default is not p.empty) for p in signature.parameters.values()]


def callables(module):
    top = module.__name__.partition(".")[0]
    for name, item in vars(module).items():
        is_callable = inspect.isclass(item) or inspect.isfunction(item)
        if is_callable and not name.startswith("_") and item.__module__.startswith(top):
            yield name, item


@pytest.mark.parametrize("library", LIBRARIES)
def test_library_signatures_equal_those_of_the_imported_objects(library):
    module = pytest.importorskip(library)
    read, different = 0, []
    for name, item in callables(module):
        signature = find_signature(f"{library}.{name}")
        if signature is not None:
            read += 1
            try:
                seen = shape(inspect.signature(item))
            except ValueError:
                continue
            if shape(signature) != seen:
                different.append(name)

    assert different == []
    assert read >= 15


@pytest.mark.parametrize("library", ["torch.optim", "torchvision.datasets", "torchmetrics"])
def test_every_class_of_a_library_in_plain_python_is_read(library):
    module = importlib.import_module(library)
    unread = [
        name
        for name, item in callables(module)
        if inspect.isclass(item) and find_signature(f"{library}.{name}") is None
    ]

    assert unread == []


@pytest.mark.parametrize(
    "target",
    [
        "torch.optim.Adam",
        "torch.optim.adam.Adam",
        "torch.optim.lr_scheduler.OneCycleLR",
        "torchvision.models.resnet18",
        "torch.nn.Linear",
        "torch.nn.Module.register_buffer",
        "torchmetrics.MetricCollection.update",
    ],
)
def test_a_path_of_any_depth_is_read(target):
    owner, *rest = target.split(".")
    item = importlib.import_module(owner)
    for i, name in enumerate(rest):
        item = getattr(item, name, None) or importlib.import_module(".".join([owner, *rest[: i + 1]]))

    assert shape(find_signature(target)) == shape(inspect.signature(item))


SHAPES = """
import functools
from abc import ABC
from collections.abc import Callable
from dataclasses import KW_ONLY, InitVar, dataclass, field
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, overload
from {package}.bases import Base, Late as Renamed
from .bases import *
from . import bases
if TYPE_CHECKING:
    from nowhere import Unseen

T = TypeVar("T")

def every_kind(a, b=1, /, c=2, *rest, d, e=3, **more): ...
def nothing(): ...
async def waits(a, *, b): ...

@overload
def overloaded(a: int): ...
@overload
def overloaded(a: str, b: int): ...
def overloaded(a, b=0, *, c=1): ...

def wrapping(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)
    return inner

def registered(name):
    def keep(function):
        return function
    return keep

@wrapping
def wrapped(a, b=2): ...
@registered("x")
def kept(a, *, b): ...

class Plain: ...
class Inherits(Base): ...
class InheritsByModule(bases.Base, Generic[T]): ...
class Alias(Renamed): ...
class Abstract(ABC):
    def __init__(self, only): ...
class Made(Abstract):
    def __new__(cls, a, b=1): return super().__new__(cls)
    def __init__(self, a, b=1, c=2): ...
class Left(Base): ...
class Right(Base):
    def __init__(self, right): ...
class Diamond(Left, Right): ...
class Star:
    def __init__(*args): ...
class Methods:
    @staticmethod
    def static(a, b=1): ...
    @classmethod
    def made(cls, a, *, b): ...
    def plain(self, a): ...
class Child(Methods): ...

same = every_kind
Second = Base

@dataclass
class Data:
    a: int
    b: list = field(default_factory=list)
    shared: ClassVar[int] = 3
    hidden: int = field(default=0, init=False)
    seed: InitVar[int] = 0
@dataclass(frozen=True)
class MoreData(Data):
    c: int = 1
    _: KW_ONLY
    d: int
    b: list = None
@dataclass(kw_only=True)
class NamedData:
    a: int = 1
    b: int
@dataclass
class OwnInit:
    a: int
    def __init__(self, other): ...
class FromData(Data): ...
"""
BASES = """
__all__ = ["Base", "starred"]
class Base:
    def __init__(self, size, *, depth=1): ...
class Late:
    def __init__(self, late): ...
def starred(a, b): ...
def unexported(a): ...
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """An importable package with one of every kind of callable."""
    root = tmp_path_factory.mktemp("packages")
    name = "signature_shapes"
    (root / name).mkdir()
    (root / name / "__init__.py").write_text(f"from .shapes import *\nfrom {name} import shapes as shapes\n")
    (root / name / "shapes.py").write_text(
        SHAPES.replace("{package}", name).replace("@dataclass(frozen=True)", "@dataclass")
    )
    (root / name / "bases.py").write_text(BASES)
    (root / name / "plain" / "nested").mkdir(parents=True)
    (root / name / "plain" / "nested" / "leaf.py").write_text("def grown(a, b=1): ...\n")
    sys.path.insert(0, str(root))
    yield name
    sys.path.remove(str(root))


def test_every_kind_of_callable_is_read_as_python_sees_it(package):
    read = {
        name: find_signature(f"{package}.shapes.{name}")
        for name, item in callables(importlib.import_module(f"{package}.shapes"))
    }
    module = importlib.import_module(f"{package}.shapes")
    seen = {name: shape(inspect.signature(getattr(module, name))) for name in read}

    assert {name: signature and shape(signature) for name, signature in read.items()} == seen
    assert {"Diamond", "MoreData", "FromData", "every_kind", "wrapped", "starred", "overloaded", "Second"} <= set(read)


@pytest.mark.parametrize("method", ["Methods.static", "Methods.made", "Methods.plain", "Child.static", "Child.made"])
def test_methods_are_read_as_the_caller_sees_them(package, method):
    owner, name = method.split(".")
    item = getattr(getattr(importlib.import_module(f"{package}.shapes"), owner), name)

    assert shape(find_signature(f"{package}.{method}")) == shape(inspect.signature(item))


def test_folders_without_an_init_file_are_packages(package):
    assert list(find_signature(f"{package}.plain.nested.leaf.grown").parameters) == ["a", "b"]


@pytest.mark.parametrize(
    ("target", "where", "name"),
    [
        ("no_such_package.Thing", "", "no_such_package"),
        ("torch.optim.Adm", "torch.optim", "Adm"),
        ("{package}.bases.unknown", "{package}.bases", "unknown"),
        ("{package}.bases.starred.inner", "{package}.bases.starred", "inner"),
        ("{package}.shapes.Methods.statik", "{package}.shapes.Methods", "statik"),
        ("{package}.shapes.unexported", "{package}.shapes", "unexported"),
    ],
)
def test_what_is_not_there_is_said_to_be_missing(package, target, where, name):
    with pytest.raises(NoSuchTarget) as caught:
        find_signature(target.format(package=package))

    assert (caught.value.where, caught.value.name) == (where.format(package=package), name)


def test_the_names_that_are_there_come_with_the_missing_one():
    with pytest.raises(NoSuchTarget) as caught:
        find_signature("torch.optim.Adm")

    assert {"Adam", "SGD", "lr_scheduler"} <= set(caught.value.known)


@pytest.mark.parametrize("target", ["torch.zeros", "math.sqrt", "torch.nn.Parameter", "torch.NotThereAsFarAsTextTells"])
def test_what_only_running_could_tell_is_left_open(target):
    assert find_signature(target) is None


def test_a_decorator_that_may_change_the_arguments_leaves_them_open(tmp_path, monkeypatch):
    (tmp_path / "odd_decorators.py").write_text(
        "def swap(function):\n    def inner(x):\n        return x\n    return inner\n@swap\ndef changed(a, b): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    assert find_signature("odd_decorators.changed") is None


def test_branches_that_disagree_leave_the_signature_open(tmp_path, monkeypatch):
    (tmp_path / "branching.py").write_text(
        "import sys\nif sys.platform == 'x':\n    def f(a): ...\nelse:\n    def f(a, b): ...\n"
        "try:\n    import numpy\nexcept ImportError:\n    numpy = None\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    assert find_signature("branching.f") is None
    assert set(find_definition("branching.numpy.array").trail) >= {"branching", "numpy"}


def test_circular_re_exports_end(tmp_path, monkeypatch):
    (tmp_path / "circle_a.py").write_text("from circle_b import thing, other\nfrom circle_b import *\n")
    (tmp_path / "circle_b.py").write_text("from circle_a import thing\nfrom circle_a import *\nother = other\n")
    monkeypatch.syspath_prepend(tmp_path)

    assert find_signature("circle_a.thing") is None
    assert find_signature("circle_a.other") is None
    with pytest.raises(NoSuchTarget):
        find_signature("circle_a.absent")


def test_a_module_that_is_not_python_says_where(tmp_path, monkeypatch):
    (tmp_path / "broken_module.py").write_text("a = 1\ndef f(:\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SyntaxError) as caught:
        find_signature("broken_module.f")

    assert caught.value.lineno == 2


def test_reading_runs_nothing(tmp_path):
    """The module that is read would leave a file behind; and torch stays out."""
    trace = tmp_path / "ran"
    (tmp_path / "loud.py").write_text(f"open({str(trace)!r}, 'w')\nclass Net:\n    def __init__(self, width): ...\n")
    script = (
        "import sys\n"
        "from sweeplab.signature import find_signature\n"
        "print(find_signature('loud.Net'), list(find_signature('torch.optim.Adam').parameters)[:2])\n"
        "print([name for name in ('loud', 'torch', 'numpy', 'hydra') if name in sys.modules])\n"
    )
    root = Path(__file__).parent.parent
    path = {"PYTHONPATH": f"{tmp_path}:{root}"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=path, check=True)

    assert done.stdout == "(width) ['params', 'lr']\n[]\n"
    assert not trace.exists()
