"""The pre-activation residual network of bottlenecks with a batch normalisation for its input."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from sweeplab.models.image_shape import image_shape

# torch's momentum is the share of the new batch, 1 - Keras's 0.9
BatchNorm = partial(nn.BatchNorm2d, eps=2e-5, momentum=0.1)
Convolution = partial(nn.Conv2d, bias=False)


class ResNetPreact(nn.Module):
    """Batch normalisation, a 3x3 convolution, stages of pre-activation bottlenecks, BN-ReLU, average, affine map.

    The first block of a stage reduces: by stride 2, but for the first stage, which keeps the resolution. The average
    is over the whole remaining grid, 8x8 for 32x32 images, so that images of any size will do. No convolution has a
    bias. Initial weights are torch's. Batch normalisation needs more than one value per channel: where stages leave a
    grid of 1x1, a batch of one example cannot be trained.

    Args:
        shape: of one example, (C, H, W).
        num_classes: width of the output.
        stages: blocks of each stage, >= 1.
        filters: channels of the first convolution, then of what each stage gives; the latter divisible by 4.

    Raises:
        ValueError: the examples are no images, or stages and filters do not fit.

    Source:
        He et al. 2016, arXiv:1603.05027, figure 4e. Differs: the input has a batch normalisation, and every first
        block of a stage has a convolution as its shortcut.
    """

    def __init__(
        self, *, shape: Sequence[int], num_classes: int, stages: Sequence[int], filters: Sequence[int]
    ) -> None:
        super().__init__()
        channels, _, _ = image_shape(shape, model="resnet_preact", smallest=1)
        _check(stages, filters)
        self.input_norm = BatchNorm(channels)
        self.stem = Convolution(channels, filters[0], 3, padding=1)
        self.stages = nn.Sequential(
            *(
                _stage(n_in, n_out, num_blocks=num_blocks, stride=1 if i == 0 else 2)
                for i, ((n_in, n_out), num_blocks) in enumerate(zip(pairwise(filters), stages, strict=True))
            )
        )
        self.norm = BatchNorm(filters[-1])
        self.head = nn.Linear(filters[-1], num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes) of examples (B, C, H, W)."""
        x = self.stages(self.stem(self.input_norm(x)))
        logits: Tensor = self.head(F.relu(self.norm(x)).mean((2, 3)))
        return logits


class Bottleneck(nn.Module):
    """BN-ReLU before each of three convolutions, 1x1, 3x3, 1x1, added to the input or, if reducing, to a shortcut.

    The shortcut is a 1x1 convolution of the input after its BN-ReLU.

    Args:
        n_in: channels of the input; equal to `n_out` unless reducing.
        n_out: channels of the output; the inner convolutions have a quarter of them.
        stride: of the 3x3 convolution and of the shortcut.
        reducing: whether there is a shortcut.
    """

    def __init__(self, n_in: int, n_out: int, *, stride: int, reducing: bool) -> None:
        super().__init__()
        self.norm1 = BatchNorm(n_in)
        self.conv1 = Convolution(n_in, n_out // 4, 1)
        self.norm2 = BatchNorm(n_out // 4)
        self.conv2 = Convolution(n_out // 4, n_out // 4, 3, stride=stride, padding=1)
        self.norm3 = BatchNorm(n_out // 4)
        self.conv3 = Convolution(n_out // 4, n_out, 1)
        self.shortcut = Convolution(n_in, n_out, 1, stride=stride) if reducing else None

    def forward(self, x: Tensor) -> Tensor:
        """Shape (B, n_out, H / stride, W / stride), rounded up, of (B, n_in, H, W)."""
        active = F.relu(self.norm1(x))
        y = self.conv1(active)
        y = self.conv2(F.relu(self.norm2(y)))
        y = self.conv3(F.relu(self.norm3(y)))
        added: Tensor = y + (x if self.shortcut is None else self.shortcut(active))
        return added


def _stage(n_in: int, n_out: int, *, num_blocks: int, stride: int) -> nn.Sequential:
    rest = [Bottleneck(n_out, n_out, stride=1, reducing=False) for _ in range(num_blocks - 1)]
    return nn.Sequential(Bottleneck(n_in, n_out, stride=stride, reducing=True), *rest)


def _check(stages: Sequence[int], filters: Sequence[int]) -> None:
    if not stages or min(stages) < 1:
        raise ValueError(f"stages must all be >= 1 and at least one, got {list(stages)} (model.stages)")
    if len(filters) != len(stages) + 1:
        raise ValueError(
            f"filters must be one more than the {len(stages)} stages, got {list(filters)} (model.filters, model.stages)"
        )
    if min(filters) < 1:
        raise ValueError(f"filters must be >= 1, got {list(filters)} (model.filters)")
    if any(size % 4 for size in filters[1:]):
        raise ValueError(f"filters after the first must be divisible by 4, got {list(filters)} (model.filters)")
