"""The classic formulations of the two networks: the same functions and parameters as sweeplab's."""

from collections.abc import Sequence

from torch import Tensor, nn


class LeNet(nn.Sequential):
    """LeNet-5 for 28x28 grey images, with ReLU and max-pooling."""

    def __init__(self, num_classes: int) -> None:
        super().__init__(
            nn.Conv2d(1, 6, kernel_size=5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, kernel_size=5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(400, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, num_classes),
        )


class MLP(nn.Module):
    """Fully connected layers with ReLU between them."""

    def __init__(self, num_classes: int, hidden_sizes: Sequence[int]) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten()]
        size = 28 * 28
        for hidden in hidden_sizes:
            layers += [nn.Linear(size, hidden), nn.ReLU()]
            size = hidden
        self.layers = nn.Sequential(*layers, nn.Linear(size, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes) of images (B, 1, 28, 28)."""
        logits: Tensor = self.layers(x)
        return logits
