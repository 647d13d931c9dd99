"""Every value in relation to the same value of the other examples of its batch."""

from torch import Tensor, nn

from sweeplab.errors import ConfigFault


class BatchStandardize(nn.Module):
    """Brings every pixel and channel to mean 0 and standard deviation 1 over the batch it comes in.

    Nothing is learnt and nothing is remembered: evaluation does the same, and so depends on `eval_batch_size` and on
    which examples come together. A batch of one example becomes 0.

    Args:
        eps: added to the standard deviation, > 0.
    Source:
        Published code of the experiment adam_generalization; unlike batch normalisation it treats pixels apart.
    """

    def __init__(self, *, eps: float) -> None:
        super().__init__()
        if not eps > 0:
            raise ConfigFault(f"eps of preprocess=batch_standardize must be > 0, got {eps}")
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Standardised examples, `(B, *shape)` as they came."""
        centred = x - x.mean(0)
        return centred / (centred.square().mean(0).sqrt() + self.eps)
