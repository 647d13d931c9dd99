"""Everything the report says about one sweep: its settings, and the choice among them on validation data."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from sweeplab.compare.choice import choose, mark_chosen, scores, tuned_axes
from sweeplab.compare.pairs import compare_pairs
from sweeplab.compare.settings import metrics_of, positions, setting_axes, summarise, varying

_SHOWN = [f"{split}/{name}" for split in ("train", "val", "test") for name in ("loss", "accuracy")]
# what every sweep did before these keys were there
_BEFORE = {"epoch": "best", "data": "held_out"}


@dataclass(frozen=True)
class Comparison:
    """Settings against settings.

    `settings`: the summary of every setting, with `chosen` and `note`. `choice`: the rows that were chosen `over` the
    tuned axes by the best mean of `monitor` (`mode` max or min). `axes`: those of a setting, in the sweep's order.
    `metrics`: those to show. `select`: the whole configuration node of that name.
    """

    settings: pd.DataFrame
    choice: pd.DataFrame
    axes: list[str]
    over: list[str]
    metrics: list[str]
    select: dict[str, str]

    @property
    def monitor(self) -> str:
        """The metric that chooses."""
        return self.select["monitor"]

    @property
    def mode(self) -> str:
        """`max` or `min`."""
        return self.select["mode"]

    @property
    def best(self) -> str:
        """`highest` or `lowest`."""
        return "highest" if self.mode == "max" else "lowest"

    @property
    def varying(self) -> list[str]:
        """The axes that take more than one value."""
        return varying(self.settings, self.axes)

    @property
    def tested(self) -> str:
        """The metric that chosen settings are compared by: the monitored one on test data, if it is there."""
        twin = f"test/{self.monitor.partition('/')[2]}"
        return twin if twin in self.metrics else self.monitor

    def pairs(self, cells: pd.DataFrame, *, num_test: int | None = None) -> pd.DataFrame:
        """The chosen settings of one data set against each other, as `compare_pairs` gives it, by the metric `tested`.

        Args:
            cells: those that `settings` is of.
            num_test: number of test examples, where it is known.
        """
        chosen = self.settings.index[self.settings["chosen"]].tolist()
        return compare_pairs(
            cells,
            self.axes,
            metric=self.tested,
            mode=self.mode,
            settings=chosen,
            within=[axis for axis in self.axes if axis.partition(".")[0] == "dataset"],
            num_test=num_test,
        )

    def chosen_cells(self, cells: pd.DataFrame) -> list[str]:
        """The cells of the chosen settings, by id.

        Args:
            cells: those that `settings` is of.
        """
        rows = self.settings.index[self.settings["chosen"]]
        ids: list[str] = cells.loc[positions(cells, self.axes).isin(rows), "cell_id"].tolist()
        return ids

    def ranks(self) -> list[int]:
        """Rows of `settings`, best first as the choice sees it, those without a result last."""
        values = scores(self.settings, self.monitor, self.mode)
        return values.sort_values(ascending=False, kind="stable", na_position="last").index.tolist()


def compare(
    cells: pd.DataFrame, axes: Sequence[str], *, select: Mapping[str, str], named: Collection[str] = ()
) -> Comparison:
    """Settings of a sweep, with the tuned axes that vary chosen by the best mean of the monitored metric.

    Args:
        cells: one row per cell: `state`, every axis, metrics as `split/name`.
        axes: in the order of the sweep, with or without `seed`.
        select: the configuration's node: `monitor`, metric of the validation split to choose by, and `mode`, `max` or
            `min`; `epoch` (else best) and `data` (else held_out).
        named: metrics to show besides loss and accuracy of the three splits.

    Raises:
        EmptyComparison: no cell at all.
        ConfigFault: `monitor` is a metric of the test split or unknown, or `mode` is neither word.
    """
    select = {**_BEFORE, **select}
    summary = summarise(cells, axes)
    names = setting_axes(axes)
    over = tuned_axes(varying(summary, names))
    choice = choose(summary, over, by=select["monitor"], mode=select["mode"])
    settings = mark_chosen(summary, choice)
    wanted = {*_SHOWN, *named, select["monitor"]}
    metrics = _ordered([metric for metric in metrics_of(cells, axes) if metric in wanted], select["monitor"])
    return Comparison(settings, choice, names, over, metrics, select)


def _ordered(metrics: list[str], monitor: str) -> list[str]:
    """The monitored metric first, each validation metric before its test twin, training last."""
    names = dict.fromkeys(metric.partition("/")[2] for metric in [monitor, *metrics])
    pairs = [f"{split}/{name}" for name in names for split in ("val", "test")]
    wanted = [monitor, *pairs, *metrics]
    return [metric for metric in dict.fromkeys(wanted) if metric in metrics]
