"""What `dataset.augment` asks for, by the examples that it is done to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from sweeplab.data.augment.augmentation import Augmentation, as_list
from sweeplab.data.augment.every_split import EverySplit
from sweeplab.data.augment.twins import Twins
from sweeplab.errors import ConfigFault


@dataclass(frozen=True, kw_only=True, eq=False)
class Changes:
    """Augmentations in order.

    Args:
        training: done to every training example.
        twins: done then to a copy of it that joins its batch; none for no copy.
        evaluation: done to examples of validation and test.
    """

    training: Sequence[Augmentation]
    twins: Sequence[Augmentation]
    evaluation: Sequence[Augmentation]

    @classmethod
    def of(cls, augment: Any) -> "Changes":
        """What a data set's `augment` means: null, one step or several.

        Raises:
            ConfigFault: a step is no augmentation, or one stands after Twins.
        """
        steps = as_list(augment)
        twins = steps.pop().change if steps and isinstance(steps[-1], Twins) else []
        if any(isinstance(step, Twins) for step in steps):
            names = ", ".join(type(step).__name__ for step in as_list(augment))
            raise ConfigFault(f"Twins must stand once and last in dataset.augment, got {names}")
        everywhere = [change for step in steps if isinstance(step, EverySplit) for change in step.change]
        training = [change for step in steps for change in _changes_of(step)]
        return cls(training=training, twins=twins, evaluation=everywhere)


def _changes_of(step: Any) -> list[Augmentation]:
    if isinstance(step, EverySplit):
        return step.change
    if not isinstance(step, Augmentation):
        raise ConfigFault(
            f"dataset.augment must be augmentations with draw and apply such as RandomFlip, Twins or EverySplit, "
            f"got {type(step).__name__}"
        )
    return [step]


def changed(x: Tensor, ids: Tensor, augment: Sequence[Augmentation], draws: Sequence[Tensor]) -> Tensor:
    """Examples `ids` after all of `augment`, each by the rows that were drawn for its number; none stay none."""
    if not len(ids):
        return x
    for augmentation, draw in zip(augment, draws, strict=True):
        x = augmentation.apply(x, draw.index_select(0, ids))
    return x
