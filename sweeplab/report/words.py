"""Numbers, counts and foreign text as words for a reader; plain strings, no markup of any kind."""

import math
import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal

ABSENT = "—"
MINUS = "\N{MINUS SIGN}"
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_].*?(?:\x07|\x1b\\|$)|[ -/]*[0-~])", re.DOTALL)


def numbered(number: int, one: str, many: str | None = None) -> str:
    """`1 cell`, `2 cells`; `many` where it is not `one` with an s."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def metric_text(metric: str, value: float) -> str:
    """One metric: losses and whatever exceeds 1 with four significant digits, fractions with four decimals."""
    if not math.isfinite(value):
        return str(value)
    if "loss" not in metric and abs(value) <= 1:
        return f"{value:.4f}"
    return _short_exponent(f"{value:#.4g}".rstrip("."))


def spread_text(metric: str, mean: float, std: float) -> str:
    """`mean ± std`, the spread with as many decimals as the mean; the mean alone where there is no spread."""
    text = metric_text(metric, mean)
    if not math.isfinite(std) or not math.isfinite(mean):
        return text
    decimals = len(text.partition(".")[2])
    return f"{text} ± {_short_exponent(f'{std:.2g}') if 'e' in text else f'{std:.{decimals}f}'}"


def interval_text(metric: str, low: float, high: float, centre: float) -> str:
    """`[low, high]`, both ends with as many decimals as the number they stand around; absent where there is none."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return ABSENT
    text = metric_text(metric, centre)
    decimals = len(text.partition(".")[2])
    ends = [_short_exponent(f"{end:.4g}") if "e" in text else f"{end:.{decimals}f}" for end in (low, high)]
    return re.sub(r"(?<!e)-", MINUS, f"[{', '.join(ends)}]")


def difference_text(metric: str, value: float, measured: float) -> str:
    """How far `measured` lies above a value, with its sign and as many decimals as the measured one has."""
    if not math.isfinite(measured - value):
        return ABSENT
    text = metric_text(metric, measured)
    distance = abs(measured - value)
    size = metric_text(metric, distance) if "e" in text else f"{distance:.{len(text.partition('.')[2])}f}"
    sign = "" if not float(size) else MINUS if measured < value else "+"
    return f"{sign}{size}"


def axis_text(axis: str, value: object) -> str:
    """One value of an axis as one would write it on the command line, with up to six digits: `1e-3`, `64`, `true`."""
    if value is None:
        return ABSENT
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, float) or not math.isfinite(value):
        return str(value)
    scientific = value != 0 and (abs(value) < (1 if axis.rpartition(".")[2] == "lr" else 0.01) or abs(value) >= 1e6)
    return _scientific(value) if scientific else f"{value:.6g}"


def count_text(counts: Mapping[str, int]) -> str:
    """Cells with a result of cells asked, then the other states: `2/3, 1 diverged`.

    Args:
        counts: `cells`, `n`, then a count per other state; zeros are left out.
    """
    others = [f"{count} {state_text(state)}" for state, count in _others(counts).items()]
    return ", ".join([f"{counts['n']}/{counts['cells']}", *others])


def outcome_text(counts: Mapping[str, int]) -> str:
    """Why a setting has no result: `diverged` for a lone cell, else `diverged 1/3, failed 2/3`."""
    if counts["cells"] == 1:
        return " ".join(map(state_text, _others(counts)))
    return ", ".join(f"{state_text(state)} {count}/{counts['cells']}" for state, count in _others(counts).items())


def state_text(state: str) -> str:
    """A state in words: `out of memory`."""
    return state.replace("_", " ")


def duration_text(seconds: float) -> str:
    """A duration: `4.1 s`, `2 min 05 s`, `1 h 02 min`."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def plain_text(text: str) -> str:
    """Text from elsewhere on one line: no terminal escapes, no control or direction characters."""
    spaced = " ".join(_ESCAPES.sub("", text).split())
    return "".join(character for character in spaced if unicodedata.category(character) not in ("Cc", "Cf", "Cs"))


def last_line(text: str) -> str:
    """The last line of an error that says anything, plain."""
    lines = [plain_text(line) for line in _ESCAPES.sub("", text).splitlines()]
    return next((line for line in reversed(lines) if line), "")


def encodable(text: str, encoding: str) -> str:
    """Text that `encoding` can write, so that a narrow terminal never ends a sweep: `±` becomes `+-`, then `?`."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        for character, substitute in {"±": "+-", ABSENT: "-", MINUS: "-", "·": "-"}.items():
            text = text.replace(character, substitute)
    return text.encode(encoding, "replace").decode(encoding)


def _others(counts: Mapping[str, int]) -> dict[str, int]:
    return {state: count for state, count in counts.items() if state not in ("cells", "n") and count}


def _scientific(value: float) -> str:
    sign, digits, exponent = Decimal(f"{value:.6g}").normalize().as_tuple()
    mantissa = "".join(map(str, digits))
    point = f".{mantissa[1:]}" if len(mantissa) > 1 else ""
    return f"{'-' * sign}{mantissa[0]}{point}e{int(exponent) + len(mantissa) - 1}"


def _short_exponent(text: str) -> str:
    """`1e-05` as `1e-5`."""
    return re.sub(r"e([+-])0*(\d)", lambda match: f"e{match[1].replace('+', '')}{match[2]}", text)
