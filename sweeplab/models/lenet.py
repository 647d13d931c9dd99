"""LeNet-5, arranged for speed on one CPU core without changing its function."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

KERNEL = 5
POOL = 2


class LeNet(nn.Module):
    """Two 5x5 convolutions of 6 and 16 channels, each max-pooled by 2 and rectified, then layers of 120, 84, classes.

    The first convolution pads by 2 where a side is below 32, the size LeNet-5 was made for, so that 28 gives the
    classic 16x5x5 = 400 features as 32 does. The second pads by 2 only where a side of its input is below 6 and it
    would have nothing left to pool (8x8 images: 16x2x2 = 64 features). Initial weights are torch's.

    Pooling goes before ReLU, and before the first bias too: adding and rectifying keep order, so the values are the
    same, and there are four times fewer to work on.

    Args:
        shape: of one example, (C, H, W); H and W at least 4.
        num_classes: width of the output.

    Raises:
        ValueError: the examples are no images, or too small.

    Source:
        LeCun et al. 1998, "Gradient-based learning applied to document recognition", section II.B. Differs: ReLU for
        tanh, max-pooling for trainable averages, the second convolution sees all channels, a linear output.
    """

    def __init__(self, *, shape: Sequence[int], num_classes: int) -> None:
        super().__init__()
        if len(shape) != 3 or min(shape[1:]) < 4:
            raise ValueError(f"lenet needs images (C, H, W) of at least 4x4, got {list(shape)} (dataset.shape)")
        channels, *sides = shape
        first = [_padding(side, full_size=32) for side in sides]
        sides = [_pooled(side, pad) for side, pad in zip(sides, first, strict=True)]
        second = [_padding(side, full_size=KERNEL - 1 + POOL) for side in sides]
        height, width = (_pooled(side, pad) for side, pad in zip(sides, second, strict=True))
        self.conv1 = nn.Conv2d(channels, 6, KERNEL, padding=(first[0], first[1]))
        self.conv2 = nn.Conv2d(6, 16, KERNEL, padding=(second[0], second[1]))
        self.fc1 = nn.Linear(16 * height * width, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes) of examples (B, C, H, W)."""
        x = F.relu(_pooled_windows(x, self.conv1))
        x = F.relu(_pooled_pixels(x, self.conv2))
        x = F.relu(self.fc1(x.flatten(1)))
        logits: Tensor = self.fc3(F.relu(self.fc2(x)))
        return logits


def _padding(side: int, *, full_size: int) -> int:
    return 2 if side < full_size else 0


def _pooled(side: int, padding: int) -> int:
    return (side + 2 * padding - KERNEL + 1) // POOL


def _row_major(x: Tensor) -> Tensor:
    # not contiguous(): with one channel that leaves strides that make torch choose the slower layout
    return x.flatten().view(x.shape)


def _pooled_pixels(x: Tensor, conv: nn.Conv2d) -> Tensor:
    """`max_pool2d(conv(x), 2)`, each half in the memory layout in which it is fastest on a CPU."""
    z = F.conv2d(x, conv.weight.contiguous(), conv.bias, padding=conv.padding)
    return F.max_pool2d(z.contiguous(memory_format=torch.channels_last), POOL)


def _pooled_windows(x: Tensor, conv: nn.Conv2d) -> Tensor:
    """`max_pool2d(conv(x), 2)` for few channels: values, gradient and the winner of a tie are the same.

    One convolution of stride 2 gives the four pixels of a pooling window as four groups of channels. 24 channels use
    the vector units that 6 leave idle, and the maximum over groups runs over long stretches of memory.
    """
    last = POOL - 1
    corners = [(dx, last - dx, dy, last - dy) for dy in range(POOL) for dx in range(POOL)]
    kernels = torch.cat([F.pad(conv.weight, corner) for corner in corners])
    z = F.conv2d(_row_major(x), _row_major(kernels), stride=POOL, padding=conv.padding)
    size, channels, height, width = len(z), conv.out_channels, z.shape[2], z.shape[3]
    # groups lie where max_pool2d looks for rows, all else of an image where it looks for channels: nothing is copied
    rows = z.reshape(size, len(corners), 1, channels * height * width).permute(0, 3, 1, 2)
    z = F.max_pool2d(rows, (len(corners), 1)).permute(0, 2, 3, 1)
    assert conv.bias is not None
    return z.reshape(size, channels, height, width) + conv.bias[:, None, None]
