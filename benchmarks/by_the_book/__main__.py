"""One cell by the book: compose, build, fit, test the weights that validation chose, write its metrics down."""

import json
from pathlib import Path

import hydra
import pytorch_lightning as pl
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import ModelCheckpoint

from benchmarks.by_the_book.data import FashionMNISTData
from benchmarks.by_the_book.task import Classifier


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config: DictConfig) -> None:
    if config.threads:
        torch.set_num_threads(config.threads)
    folder = Path(HydraConfig.get().runtime.output_dir)
    pl.seed_everything(config.seed, workers=True, verbose=False)
    data = FashionMNISTData(config.data_dir, config.batch_size, config.eval_batch_size, config.num_workers)
    task = Classifier(instantiate(config.model), instantiate(config.optimizer), config.model.num_classes)
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=config.max_epochs,
        callbacks=[ModelCheckpoint(dirpath=folder, monitor="val/accuracy", mode="max", save_weights_only=True)],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(task, datamodule=data)
    validated = {key: value.item() for key, value in trainer.callback_metrics.items()}
    [tested] = trainer.test(task, datamodule=data, ckpt_path="best", verbose=False)
    overrides = OmegaConf.to_container(HydraConfig.get().overrides.task)
    record = {"overrides": overrides, "metrics": {**validated, **tested}}
    (folder / "metrics.json").write_text(json.dumps(record))


if __name__ == "__main__":
    main()
