"""Models: a class that takes the shape of an image and the number of classes, and gives logits."""

from collections.abc import Sequence

from torch import Tensor, nn


class TinyCNN(nn.Module):
    """One 3x3 convolution, global average pooling, one linear layer.

    Args:
        shape: of one image, (C, H, W).
        num_classes: logits per image.
        channels: of the convolution.
    """

    def __init__(self, *, shape: Sequence[int], num_classes: int, channels: int) -> None:
        super().__init__()
        self.features = nn.Conv2d(shape[0], channels, kernel_size=3, padding=1)
        self.pool = nn.AdaptiveMaxPool2d(4)
        self.classify = nn.Linear(16 * channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits `(B, num_classes)` of images `(B, C, H, W)`."""
        return self.classify(self.pool(self.features(x).relu()).flatten(1))  # type: ignore[no-any-return]
