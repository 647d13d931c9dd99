"""Fashion-MNIST through torchvision, transformed example by example."""

import pytorch_lightning as pl
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision import transforms
from torchvision.datasets import FashionMNIST

from sweeplab.data.split import all_but, held_out

VAL_SIZE = 5000
Example = tuple[Tensor, int]


class FashionMNISTData(pl.LightningDataModule):
    """Loaders of the three splits; the validation split is sweeplab's, so that both sides see the same examples."""

    def __init__(self, data_dir: str, batch_size: int, eval_batch_size: int, num_workers: int) -> None:
        super().__init__()
        self.data_dir = data_dir
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.num_workers = num_workers
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.2860,), (0.3530,))])

    def setup(self, stage: str) -> None:
        """Open what a stage needs, once."""
        if stage == "fit":
            full = FashionMNIST(self.data_dir, train=True, transform=self.transform)
            val_ids = held_out(full.targets.numpy(), size=VAL_SIZE, key="VAL_SIZE")
            self.train_set = Subset(full, all_but(len(full), val_ids).tolist())
            self.val_set = Subset(full, val_ids.tolist())
        if stage == "test":
            self.test_set = FashionMNIST(self.data_dir, train=False, transform=self.transform)

    def train_dataloader(self) -> DataLoader[Example]:
        return self._loader(self.train_set, self.batch_size, shuffle=True)

    def val_dataloader(self) -> DataLoader[Example]:
        return self._loader(self.val_set, self.eval_batch_size, shuffle=False)

    def test_dataloader(self) -> DataLoader[Example]:
        return self._loader(self.test_set, self.eval_batch_size, shuffle=False)

    def _loader(self, dataset: Dataset[Example], batch_size: int, shuffle: bool) -> DataLoader[Example]:
        return DataLoader(
            dataset,
            batch_size=batch_size,
            shuffle=shuffle,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
        )
