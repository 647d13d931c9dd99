"""Random changes of images: drawn per image on the CPU, applied to whole batches where the images are.

They work on raw pixels, before normalisation: what a crop fills in is black (0), as in the published recipes. Training
examples are changed and no others, unless `EverySplit` says so; each in place of itself, unless `Twins` says so.
"""

from sweeplab.data.augment.augmentation import Augmentation
from sweeplab.data.augment.blur import RandomBlur
from sweeplab.data.augment.changes import Changes, changed
from sweeplab.data.augment.crop import RandomCrop
from sweeplab.data.augment.every_split import EverySplit
from sweeplab.data.augment.flip import RandomFlip
from sweeplab.data.augment.shift import RandomShift
from sweeplab.data.augment.twins import Twins

__all__ = [
    "Augmentation",
    "Changes",
    "EverySplit",
    "RandomBlur",
    "RandomCrop",
    "RandomFlip",
    "RandomShift",
    "Twins",
    "changed",
]
