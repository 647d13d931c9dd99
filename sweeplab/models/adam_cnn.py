"""The convolutional network of the paper that introduced Adam."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from sweeplab.models.dropout import dropout_layer
from sweeplab.models.image_shape import image_shape
from sweeplab.models.mlp import MLP

WIDTHS = (64, 64, 128)
HIDDEN = 1000


class AdamCNN(nn.Module):
    """Three times a 5x5 convolution, ReLU and max-pooling, then a layer of 1000 with ReLU, then classes.

    Convolutions keep the resolution. Initial weights are torch's.

    Args:
        shape: of one example, (C, H, W).
        num_classes: width of the output.
        pooling: kernel_size, stride and padding of each max-pooling.
        input_dropout: probability that a value of the image is dropped in training, in [0, 1).
        dropout: probability that a unit of the layer of 1000 is dropped in training, in [0, 1).

    Raises:
        ValueError: the examples are no images, the pooling leaves nothing of them, or a dropout is out of range.

    Source:
        Kingma & Ba 2015, arXiv:1412.6980, section 6.3, which gives widths, kernels and the stride; paddings are ours.
    """

    def __init__(
        self,
        *,
        shape: Sequence[int],
        num_classes: int,
        pooling: Mapping[str, int],
        input_dropout: float,
        dropout: float,
    ) -> None:
        super().__init__()
        channels, height, width = image_shape(shape, model="adam_cnn", smallest=1)
        _check(pooling)
        self.input_dropout = dropout_layer(input_dropout, key="input_dropout")
        self.features = nn.Sequential()
        for n_out in WIDTHS:
            height, width = (_pooled(side, **pooling) for side in (height, width))
            pool = nn.MaxPool2d(pooling["kernel_size"], pooling["stride"], pooling["padding"])
            self.features.extend([nn.Conv2d(channels, n_out, 5, padding=2), nn.ReLU(), pool])
            channels = n_out
        if min(height, width) < 1:
            raise ValueError(f"pooling leaves nothing of images {list(shape)}, got {dict(pooling)} (model.pooling)")
        self.classifier = MLP(
            shape=(channels, height, width),
            num_classes=num_classes,
            hidden_sizes=[HIDDEN],
            input_dropout=0.0,
            dropout=dropout,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes) of examples (B, C, H, W)."""
        logits: Tensor = self.classifier(self.features(self.input_dropout(x)))
        return logits


def _check(pooling: Mapping[str, int]) -> None:
    if set(pooling) != {"kernel_size", "stride", "padding"}:
        raise ValueError(f"pooling must give kernel_size, stride and padding, got {dict(pooling)} (model.pooling)")
    if pooling["stride"] < 1 or not 0 <= 2 * pooling["padding"] <= pooling["kernel_size"]:
        raise ValueError(
            f"pooling must have stride >= 1 and padding in [0, kernel_size / 2], got {dict(pooling)} (model.pooling)"
        )


def _pooled(side: int, *, kernel_size: int, stride: int, padding: int) -> int:
    return (side + 2 * padding - kernel_size) // stride + 1
