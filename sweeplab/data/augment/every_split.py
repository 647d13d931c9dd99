"""Changes of examples that are only looked at."""

from typing import Any

from sweeplab.data.augment.augmentation import augmentations


class EverySplit:
    """Applies `change` to validation and test examples too, as some published code did by one transform for all.

    Training examples are drawn for anew in every epoch. The others are drawn for once, by the seed and their place in
    the data set: the same picture is the same in every evaluation, and in validation and test where these are one.

    Args:
        change: one augmentation or several in order.
    Raises:
        ConfigFault: `change` is something else.
    """

    def __init__(self, *, change: Any) -> None:
        self.change = augmentations(change, of="EverySplit")
