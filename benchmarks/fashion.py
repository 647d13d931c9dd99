"""Where Fashion-MNIST comes from: torchvision's layout, or Debian's package. Nothing is downloaded."""

import gzip
from pathlib import Path

from sweeplab.data.mnist import FashionMNIST

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
ABSENT = "no Fashion-MNIST: give --data-dir DIR with DIR/FashionMNIST/raw, or install Debian's dataset-fashion-mnist"


def lay_out(given: Path | None, root: Path) -> bool:
    """Put the four plain files under `root/FashionMNIST/raw`; False where there are none to put."""
    source = given / FashionMNIST.folder if given else DEBIAN
    target = root / FashionMNIST.folder
    target.mkdir(parents=True)
    for name in FashionMNIST.expected:
        plain, zipped = source / name, source / f"{name}.gz"
        if plain.is_file():
            (target / name).symlink_to(plain.resolve())
        elif zipped.is_file():
            (target / name).write_bytes(gzip.decompress(zipped.read_bytes()))
        else:
            return False
    return True
