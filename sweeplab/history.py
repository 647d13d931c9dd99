"""A training as it was measured, epoch by epoch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Metrics = dict[str, float]


@dataclass
class History:
    """One line for each epoch: `epoch`, `step`, metrics as `split/name`, rate and times."""

    epochs: list[dict[str, Any]] = field(default_factory=list)

    def chosen(self, select: Mapping[str, str]) -> dict[str, Any] | None:
        """The epoch that is tested: the first of the best by validation, or the last."""
        if not self.epochs:
            return None
        if select["epoch"] == "last":
            return self.epochs[-1]
        choose = max if select["mode"] == "max" else min
        return choose(self.epochs, key=lambda line: line[select["monitor"]])

    def measured(self, select: Mapping[str, str], *, tested: Metrics) -> dict[str, Any]:
        """Metrics at the chosen epoch, to which the test figures belong, and at the last one."""
        chosen = self.chosen(select)
        if chosen is None:
            return {}
        return {
            "metrics": {**_split_metrics(chosen), **tested},
            "last_metrics": _split_metrics(self.epochs[-1]),
            "best_epoch": chosen["epoch"],
            "epochs": len(self.epochs),
        }


def _split_metrics(line: Mapping[str, Any]) -> Metrics:
    return {key: value for key, value in line.items() if "/" in key}
