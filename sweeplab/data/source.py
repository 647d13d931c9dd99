"""What every data set shares: it is prepared once into a cache, under a lock, and then gives loaders."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from sweeplab.data.arrays import Arrays, checked
from sweeplab.data.cache import Cache
from sweeplab.data.memory import free_bytes
from sweeplab.data.progress import showing
from sweeplab.data.shard import WHOLE, Shard
from sweeplab.errors import ConfigFault, DataFault

if TYPE_CHECKING:
    import torch

    from sweeplab.data.augment import Augmentation, EverySplit, Twins
    from sweeplab.data.loaders import Loaders


@dataclass(kw_only=True, eq=False)
class Source:
    """A data set; a subclass supplies `read` and may declare fields of its own.

    Args:
        root: folder where data sets are kept.
        shape: of one example, (C, H, W) for images.
        num_classes: labels are in [0, num_classes).
        mean: subtracted, one per channel (first axis), of pixel values in [0, 1] or of features; null with `std` null.
        std: divided by, > 0, likewise.
        val_size: number of training examples set aside for validation, always the same ones, stratified by class.
        augment: null, one augmentation or several in order; on training examples, and on others where EverySplit says.
        in_memory: hold the examples on the device; false: read every batch from the cache; auto: hold them where they
            take less than half of the memory that is free. Batches are the same either way.
        class_names: words for the labels in their order, for tables and figures alone; null shows numbers.
    Raises:
        ConfigFault: arguments that do not fit each other.
    """

    root: str
    shape: Sequence[int]
    num_classes: int
    mean: Sequence[float] | None
    std: Sequence[float] | None
    val_size: int
    augment: Augmentation | EverySplit | Twins | Sequence[Augmentation | EverySplit | Twins] | None
    in_memory: bool | Literal["auto"]
    class_names: Sequence[str] | None = None  # the one key that a data set's file may leave out

    full_scale: ClassVar[float] = 255.0  # the stored uint8 value that means 1.0

    def __post_init__(self) -> None:
        if faults := list(self._find_faults()):
            raise ConfigFault(faults)

    def read(self) -> Arrays:
        """All examples, from the raw files."""
        raise NotImplementedError(f"{type(self).__name__} must define read() -> Arrays")

    def files(self) -> list[Path]:
        """The raw files that `read` reads, where there are any."""
        return []

    def is_prepared(self) -> bool:
        """Whether the cache is there, whole and made from the raw files as they are."""
        return self._cache().is_fresh()

    def prepare(self) -> None:
        """Make the cache, unless it is there; of several processes one does, the others wait.

        Raises:
            DataFault: raw files are missing or corrupt, or the folder cannot be written.
        """
        if self.is_prepared():
            return
        with self._locked():
            if self.is_prepared():
                return
            self._make_cache()

    def loaders(
        self,
        *,
        batch_size: int,
        eval_batch_size: int,
        seed: int,
        device: torch.device | str,
        workers: int,
        steps_per_call: int,
        limit_batches: int | None,
        overfit_batches: int,
        drop_last: bool,
        select_data: str,
        shard: Shard = WHOLE,
    ) -> Loaders:
        """Batches of the three splits, or a shard of each; see `sweeplab.data.loaders`. Prepares first where needed."""
        from sweeplab.data.loaders import Batching, make_loaders

        self.prepare()
        batching = Batching(
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            drop_last=drop_last,
            select_data=select_data,
            seed=seed,
            steps_per_call=steps_per_call,
            limit_batches=limit_batches,
            overfit_batches=overfit_batches,
        )
        return make_loaders(self, batching=batching, device=device, workers=workers, shard=shard)

    def open(self) -> Arrays:
        """The prepared arrays, mapped from the cache."""
        return self._cache().open()

    def is_held(self, device: torch.device) -> bool:
        """Whether the prepared examples are held on `device`."""
        if self.in_memory == "auto":
            return 2 * sum(path.stat().st_size for path in self.array_folder.glob("*.npy")) < free_bytes(device)
        return self.in_memory

    @property
    def array_folder(self) -> Path:
        """The folder of the cache's .npy files."""
        return self._cache().folder

    @property
    def name(self) -> str:
        """The data set's name in messages."""
        return type(self).__name__

    def _folder(self) -> Path:
        return Path(self.root).expanduser().absolute() / "cache"

    def _make_cache(self) -> None:
        with showing(f"preparing {self.name} in {self._folder()}", folder=self.array_folder):
            arrays = checked(self.read(), name=self.name, shape=self.shape, num_classes=self.num_classes)
            try:
                self._cache().write(arrays)
            except OSError as error:
                raise self._unwritable(error) from error

    def _cache(self) -> Cache:
        # what cannot change the arrays must not make a second copy of them
        neutral = {field.name for field in fields(Source)} - {"shape", "num_classes"} | {"download"}
        content = {k: v for k, v in vars(self).items() if k not in neutral}
        text = json.dumps([type(self).__module__, self.name, content], sort_keys=True, default=str)
        # a base class of one's own reads too
        modules = dict.fromkeys(cls.__module__ for cls in type(self).__mro__ if issubclass(cls, Source))
        files = [getattr(sys.modules.get(name), "__file__", None) for name in modules if name != __name__]
        return Cache(
            folder=self._folder() / f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}",
            raw=tuple(self._stamped()),
            code=tuple(Path(file) for file in files if file),
        )

    def _stamped(self) -> list[Path]:
        """The files, or folders, a change of which makes the cache stale."""
        return self.files()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        from filelock import FileLock, Timeout

        # one lock for all variants of a class: they share the raw files
        lock = FileLock(self._folder() / f"{self.name}.lock")
        try:
            self._folder().mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout:
            with showing(f"waiting for another process that prepares {self.name}", folder=self._folder()):
                lock.acquire()
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            yield
        finally:
            lock.release()

    def _unwritable(self, error: OSError) -> DataFault:
        return DataFault(
            f"{self.name}: cannot write to {self._folder()}: {error.strerror or error} · "
            f"set runtime.data_dir to a folder that can be written and has room"
        )

    def _find_faults(self) -> Iterator[str]:
        if self.num_classes < 1:
            yield f"dataset.num_classes must be >= 1, got {self.num_classes}"
        if not self.shape or min(self.shape) < 1:
            yield f"dataset.shape must be sizes >= 1, got {self.shape}"
        if (self.mean is None) != (self.std is None):
            yield f"dataset.mean and dataset.std must both be lists or both be null, got {self.mean} and {self.std}"
        for key, values in (("mean", self.mean), ("std", self.std)):
            if values is not None and list(self.shape[:1]) != [len(values)]:
                yield f"dataset.{key} must have one value per channel ({list(self.shape[:1])}), got {list(values)}"
        if self.std is not None and min(self.std, default=1) <= 0:
            yield f"dataset.std must be > 0, got {list(self.std)}"
        if self.in_memory not in (True, False, "auto"):
            yield f"dataset.in_memory must be true, false or auto, got {self.in_memory}"
        if self.class_names is not None and len(self.class_names) != self.num_classes:
            yield f"dataset.class_names must be {self.num_classes} words or null, got {len(self.class_names)} of them"
        if self.augment and len(self.shape) != 3:
            yield f"dataset.augment needs images of shape [C, H, W], got shape={list(self.shape)} (set it to null)"
