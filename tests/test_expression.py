"""Conditions on cells: they mean what Python means by them, and run nothing."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeplab.errors import ConfigFault
from sweeplab.expression import UnknownName, compile_expression

CELL = {
    "optimizer": "sgdm",
    "optimizer.lr": 0.01,
    "optimizer.momentum": 0.9,
    "model.hidden": [256, 128],
    "lr": 1e-3,
    "batch_size": 128,
    "gradient_clip": None,
    "deterministic": False,
}


def look_up(name):
    if name not in CELL:
        raise UnknownName(name)
    return CELL[name]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("optimizer == 'sgdm' and batch_size >= 128", True),
        ("optimizer == 'lbfgs' and batch_size > 128", False),
        ("model.hidden[0] >= 256 or lr in [1e-1, 1e-2]", True),
        ("model.hidden[-1] == 128", True),
        ("model.hidden == [256, 128]", True),
        ("not optimizer.momentum < 0.5", True),
        ("lr == 1e-3", True),
        ("lr == 0.001", True),
        ("1e-4 < lr <= 1e-3", True),
        ("1e-4 < lr < 1e-3", False),
        ("optimizer in ('sgd', 'sgdm')", True),
        ("optimizer not in {'sgd', 'sgdm'}", False),
        ("batch_size % 64 == 0 and batch_size // 3 * 2 - 1 != 0", True),
        ("len(model.hidden) == 2 and max(model.hidden) == 256", True),
        ("abs(lr - 1e-3) < min(lr, 1e-9)", True),
        ("deterministic == false", True),
        ("gradient_clip == null", True),
        ("  lr\n > 1e-4\n", True),
    ],
)
def test_conditions_mean_what_they_say(text, expected):
    assert compile_expression(text).matches(look_up) is expected


@pytest.mark.parametrize("text", ["gradient_clip > 1", "gradient_clip <= 1", "0 < gradient_clip < 1"])
def test_no_order_holds_with_null(text):
    assert compile_expression(text).matches(look_up) is False


def test_names_are_the_dotted_keys():
    expression = compile_expression(
        "optimizer == 'sgdm' and optimizer.momentum > 0.5 or len(model.hidden) == lr and true"
    )

    assert expression.names == {"optimizer", "optimizer.momentum", "model.hidden", "lr"}


def test_numbers_that_plain_yaml_reads_as_text_are_numbers():
    assert compile_expression("lr == 0.001 and lr < 1").matches({"lr": "1e-3"}.__getitem__)


def test_a_key_the_cell_lacks_is_told_apart_from_a_fault():
    with pytest.raises(UnknownName, match=r"^optimizer\.betas$"):
        compile_expression("optimizer.betas == 0").matches(look_up)
    with pytest.raises(UnknownName, match=r"^model\.hidden\[2\]$"):
        compile_expression("model.hidden[2] == 64").matches(look_up)


def test_a_key_that_need_not_be_looked_at_may_be_absent():
    assert compile_expression("optimizer == 'adam' and optimizer.betas[0] > 0.5").matches(look_up) is False
    assert compile_expression("optimizer == 'sgdm' or optimizer.betas[0] > 0.5").matches(look_up) is True


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("optimizer > 3", "'>' not supported"),
        ("optimizer * 1000000000 == 'x'", "'sgdm' is not a number"),
        ("model.hidden + model.hidden == []", r"\[256, 128\] is not a number"),
        ("lr / (batch_size - 128) > 1", "division by zero"),
        ("lr in batch_size", "not iterable"),
    ],
)
def test_values_that_do_not_go_together_are_a_fault(text, reason):
    with pytest.raises(ConfigFault, match=rf"^expression .* cannot be worked out: .*{reason}"):
        compile_expression(text).matches(look_up)


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("lr > > 1", 6, "invalid syntax"),
        ("optimizer = 'adam'", 11, r"\(equality is ==\)"),
        ("lr > 1e-3 and open('f')", 15, r"\"open\('f'\)\" is a function that is not in the language"),
        ("batch_size ** 2 > 3", 1, "'batch_size \\*\\* 2' is binop"),
        ("lr > 0 and optimizer.__class__ == 1", 12, "'optimizer.__class__' is no key"),
    ],
)
def test_a_fault_in_the_text_is_shown_with_its_place(text, position, reason):
    with pytest.raises(
        ConfigFault, match=rf"has a fault at character {position}: .*{reason}.* · allowed: keys, numbers"
    ):
        compile_expression(text)


@pytest.mark.parametrize("text", ["1 == 1", "true", "'adam'"])
def test_a_condition_about_nothing_is_a_fault(text):
    with pytest.raises(ConfigFault, match="names no key"):
        compile_expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch {trace}')",
        "open('{trace}', 'w') == lr",
        "lr == [open('{trace}', 'w') for _ in [1]]",
        "(lambda: open('{trace}', 'w'))()",
        "lr.__class__.__mro__[1].__subclasses__()",
        "[].__class__ == lr",
        "'a'.join(lr)",
        "lr.hex()",
        "max(lr, key=open)",
        "max(*lr)",
        "abs()",
        "eval('lr')",
        "exec('lr')",
        "lr if lr else lr",
        "(x := lr)",
        "f'{{lr}}' == 'a'",
        "{{'a': lr}}",
        "{{**lr}}",
        "[*lr]",
        "lr[0:1]",
        "lr ** lr",
        "9 ** 9 ** 9 ** lr",
        "lr << 99999999999",
        "lr @ lr",
        "lr | lr",
        "~lr",
        "lr is None",
        "b'a' == lr",
        "1j == lr",
        "... == lr",
        "await lr",
        "(yield lr)",
        "lr; import os",
        "import os",
        "lr == 1\\\nimport os",
        "lr\0",
        "lr == " + "(" * 250 + "1" + ")" * 250,
        "lr == " + "[" * 60 + "1" + "]" * 60,
        "-" * 900 + "lr",
        "not " * 200 + "lr",
        "lr" + "[0]" * 300,
        "lr == 1 or " * 200 + "lr",
        "",
    ],
)
def test_whatever_could_run_or_blow_up_is_refused_unread(text, tmp_path):
    trace = tmp_path / "ran"
    with pytest.raises(
        ConfigFault, match=r"^(expression .* has a fault at character \d+: .|an expression must be text of)"
    ):
        compile_expression(text.format(trace=trace) if "{" in text else text)

    assert not trace.exists()


@pytest.mark.parametrize("value", [None, 3, ["lr"], {"lr": 1}])
def test_an_expression_is_text(value):
    with pytest.raises(ConfigFault, match="must be text"):
        compile_expression(value)


NAMES = {"a": 3, "b": -2.5, "c": 0, "t": "text", "s": "e"}
numbers = st.one_of(
    st.sampled_from(["a", "b", "c"]),
    st.integers(-100, 100).map(str),
    st.floats(-1e6, 1e6, allow_nan=False).map(repr),
)


def arithmetic(inner):
    return st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%"]), inner).map("({0[0]} {0[1]} {0[2]})".format),
        inner.map("(-{})".format),
        inner.map("abs({})".format),
        st.tuples(inner, inner).map("max({0[0]}, {0[1]})".format),
    )


sums = st.recursive(numbers, arithmetic, max_leaves=5)
orders = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
comparisons = st.one_of(
    st.tuples(sums, orders, sums).map(" ".join),
    st.tuples(sums, orders, sums, orders, sums).map(" ".join),
    st.tuples(sums, st.sampled_from(["in", "not in"]), st.lists(sums, max_size=3)).map(
        lambda parts: f"{parts[0]} {parts[1]} [{', '.join(parts[2])}]"
    ),
    st.sampled_from(["s in t", "t == 'text'", "len(t) > a", "t < s", "t != s"]),
)
conditions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map("({0[0]} {0[1]} {0[2]})".format),
        inner.map("(not {})".format),
    ),
    max_leaves=4,
)


@given(conditions)
def test_a_condition_is_what_python_itself_makes_of_it(text):
    text = f"({text}) and a == 3"
    try:
        expected = bool(eval(text, {}, dict(NAMES)))
    except (ZeroDivisionError, OverflowError):
        with pytest.raises(ConfigFault, match="cannot be worked out"):
            compile_expression(text).matches(NAMES.__getitem__)
    else:
        assert compile_expression(text).matches(NAMES.__getitem__) is expected


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    """No other exception, whatever is typed."""
    with contextlib.suppress(ConfigFault):
        assert compile_expression(text).names
