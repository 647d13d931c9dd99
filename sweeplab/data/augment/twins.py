"""Batches in which every image stands beside a changed copy of itself."""

from typing import Any

from sweeplab.data.augment.augmentation import augmentations


class Twins:
    """Adds to each image of a training batch a copy changed by `change`, with the same label.

    `batch_size` counts both, so half of it are fresh images. The copy stands right after its image: order within a
    batch does not change the mean of its gradients. What stands before Twins in `dataset.augment` changes both of a
    pair alike; nothing may stand after it.

    Args:
        change: one augmentation or several in order.
    Raises:
        ConfigFault: `change` is something else.
    """

    def __init__(self, *, change: Any) -> None:
        self.change = augmentations(change, of="Twins")
