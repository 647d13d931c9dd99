r"""Numbers in the form that LaTeX's siunitx reads: `0.9811(50)` is 0.9811 ± 0.0050, in columns aligned at the point."""

import math
import re
from collections.abc import Sequence

from sweeplab.report.words import metric_text

PREAMBLE = (
    "% in the preamble: \\usepackage{booktabs, siunitx} \\sisetup{text-series-to-math}",
    "% (siunitx 2: \\sisetup{detect-weight} and, with etoolbox, \\robustify\\bfseries)",
    "% 0.9811(50) is a mean of 0.9811 with a sample standard deviation of 0.0050; to print it as 0.9811 ± 0.0050:",
    "% \\sisetup{uncertainty-mode=separate} (siunitx 2: separate-uncertainty)",
)
_NUMBER = re.compile(r"(-?)(\d+)(?:\.(\d+))?(?:\((\d+)\))?(?:e(-?\d+))?")


def number(metric: str, mean: float, std: float) -> str:
    """A finite mean with its spread in units of its last digit, both to the digits that the other tables show."""
    mantissa, _, exponent = metric_text(metric, mean).partition("e")
    decimals = len(mantissa.partition(".")[2])
    power = f"e{exponent}" if exponent else ""
    if not math.isfinite(std):
        return f"{mantissa}{power}"
    return f"{mantissa}({round(std * 10 ** (decimals - int(exponent or 0)))}){power}"


def column(numbers: Sequence[str]) -> str:
    """The column type that holds these numbers, or `r` where there is none."""
    found = [match.groups(default="") for match in map(_NUMBER.fullmatch, numbers) if match]
    if not found:
        return "r"
    signs, wholes, decimals, spreads, exponents = zip(*found, strict=True)
    longest = [max(map(len, parts)) for parts in (wholes, decimals, spreads)]
    sign, power = max(signs), max(exponents, key=len)
    point = f".{longest[1]}" if longest[1] else ""
    spread = f"({longest[2]})" if longest[2] else ""
    return f"S[table-format={sign}{longest[0]}{point}{spread}{f'e{power}' if power else ''}]"
