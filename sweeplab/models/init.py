"""Initial weights by a scheme of one's choice: functions that change a built model in place.

They draw on torch's global generator, layer by layer in the order of the model's modules, so the seed decides.
Each scheme but `as_built` draws the kernels of linear layers and convolutions, makes their biases 0, and the scale and
shift of batch, instance, group and layer normalisations 1 and 0. All else is left as built: embeddings, recurrent and
attention layers' own weights, running statistics.
"""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

KERNELS = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)
NORMS = (
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.BatchNorm3d,
    nn.InstanceNorm1d,
    nn.InstanceNorm2d,
    nn.InstanceNorm3d,
    nn.GroupNorm,
    nn.LayerNorm,
)


def as_built(model: nn.Module) -> None:
    """Leave every layer as its constructor drew it."""


def glorot_uniform(model: nn.Module) -> None:
    """Kernels uniform in [-a, a] with a = sqrt(6 / (fan_in + fan_out)), Keras's default.

    A fan is the number of channels times the size of the receptive field.

    Source:
        Glorot & Bengio 2010, PMLR 9:249, equation 16.
    """
    _draw(model, nn.init.xavier_uniform_)


def kaiming_normal(model: nn.Module) -> None:
    """Kernels normal with standard deviation sqrt(2 / fan_in), which keeps the scale of what ReLU lets through.

    Source:
        He et al. 2015, arXiv:1502.01852, equation 10.
    """
    _draw(model, partial(nn.init.kaiming_normal_, nonlinearity="relu"))


def truncated_normal(model: nn.Module, *, std: float) -> None:
    """Kernels normal around 0, values beyond two standard deviations drawn again, as TensorFlow's truncated_normal.

    Args:
        model: changed in place.
        std: of the normal distribution before it is cut, > 0; what is left has 0.88 of it.

    Raises:
        ValueError: std is not positive.
    """
    if not std > 0:
        raise ValueError(f"std must be > 0, got {std} (init.std)")
    _draw(model, partial(nn.init.trunc_normal_, std=std, a=-2 * std, b=2 * std))


def _draw(model: nn.Module, draw: Callable[[Tensor], Tensor]) -> None:
    for layer in model.modules():
        if isinstance(layer, KERNELS):
            draw(layer.weight)
        elif isinstance(layer, NORMS) and layer.weight is not None:
            nn.init.ones_(layer.weight)
        if isinstance(layer, KERNELS + NORMS) and layer.bias is not None:
            nn.init.zeros_(layer.bias)
