"""The shape of an image, looked at before layers are made for it."""

from collections.abc import Sequence


def image_shape(shape: Sequence[int], *, model: str, smallest: int) -> tuple[int, int, int]:
    """The three numbers of an image's shape.

    Args:
        shape: of one example, to be (C, H, W).
        model: who asks; the message names it.
        smallest: height and width must be at least this.

    Raises:
        ValueError: the examples are no images, or too small.
    """
    if len(shape) != 3 or min(shape[1:]) < smallest:
        raise ValueError(
            f"{model} needs images (C, H, W) of at least {smallest}x{smallest}, got {list(shape)} (dataset.shape)"
        )
    channels, height, width = shape
    return channels, height, width
