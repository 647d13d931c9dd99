import hashlib
import re
import shutil
import threading
import warnings
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from sweeplab.data import images
from sweeplab.data.cats_vs_dogs import CatsVsDogs
from sweeplab.data.folder import ImageFolder
from sweeplab.errors import ConfigFault, DataFault

NUM_EACH = 12
NAMES = [f"{animal}.{i}.jpg" for animal in ("cat", "dog") for i in range(NUM_EACH)]
LAYOUTS = {
    "flat": lambda name: name,
    "train": lambda name: f"train/{name}",
    "class folders": lambda name: f"{name[:3]}/{name}",
    "plural and capital": lambda name: f"{name[:3].title()}s/{name}",
    "PetImages": lambda name: f"PetImages/{name[:3].title()}/{name}",
    "capital names": lambda name: name.replace("cat", "CAT").replace("jpg", "JPG"),
}


@pytest.fixture(scope="session")
def photographs(tmp_path_factory):
    """JPEG files of random colours and sizes, flat, as in Kaggle's train folder."""
    folder = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(0)
    for name in NAMES:
        pixels = rng.integers(0, 256, (*rng.integers(20, 60, 2), 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name, quality=90)
    return folder


@pytest.fixture
def cats(common, photographs):
    """A source of those files, laid out in one of the ways above."""

    def make(layout="flat", **changes):
        settings = common | {"folder": "cats_vs_dogs", "classes": ["dog", "cat"], "num_classes": 2, "val_size": 4}
        settings |= {"size": 16, "shape": [3, 16, 16], "resample": "bicubic", "mean": None, "std": None}
        settings |= {"num_train": 18, "test_size": 6, "test_split": "stratified", "skip": []}
        source = CatsVsDogs(**settings | changes)
        for name in NAMES:
            path = source.raw_folder / LAYOUTS[layout](name)
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(photographs / name, path)
        return source

    return make


def prepared(source):
    source.prepare()
    return source.open()


def as_pillow_says(path, *, size=16, resample=Image.Resampling.BICUBIC):
    return np.asarray(Image.open(path).convert("RGB").resize((size, size), resample)).transpose(2, 0, 1)


def message_of(source):
    with pytest.raises(DataFault) as fault:
        source.prepare()
    assert not source.is_prepared()
    assert "\n" not in str(fault.value)
    return str(fault.value)


def rank(name):
    """The documented order, written down again."""
    return hashlib.sha256(f"{name[:3]}/{name}".encode()).hexdigest()


def test_tail_is_the_end_of_the_hashed_order_and_pixels_are_pillows(cats, photographs):
    arrays = prepared(cats(test_split="tail"))
    order = sorted(NAMES, key=rank)
    x, y = np.concatenate([arrays.train_x, arrays.test_x]), [*arrays.train_y, *arrays.test_y]
    np.testing.assert_array_equal(x, np.stack([as_pillow_says(photographs / name) for name in order]))
    assert y == [int(name.startswith("cat")) for name in order]
    assert len(arrays.test_y) == 6
    assert set(arrays.test_y) == {0, 1}


def test_stratified_has_each_class_in_its_share_and_every_image_once(cats, photographs):
    arrays = prepared(cats())
    assert np.bincount(arrays.test_y).tolist() == [3, 3]
    ours = sorted(
        (x.tobytes(), y)
        for x, y in [*zip(arrays.train_x, arrays.train_y, strict=True), *zip(arrays.test_x, arrays.test_y, strict=True)]
    )
    assert ours == sorted((as_pillow_says(photographs / n).tobytes(), int(n.startswith("cat"))) for n in NAMES)


@pytest.mark.parametrize("test_split", ["tail", "stratified"])
@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name not in {"flat", "capital names"}])
def test_layouts_mean_the_same(cats, layout, test_split, tmp_path):
    flat = prepared(cats(test_split=test_split, root=str(tmp_path / "flat")))
    other = prepared(cats(layout, test_split=test_split))
    for (_, ours), (_, theirs) in zip(flat.items(), other.items(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_names_in_capitals_are_found(cats):
    assert np.bincount(prepared(cats("capital names")).train_y).tolist() == [9, 9]


def test_what_is_no_labelled_image_is_left_alone(cats):
    """Archives, the operating system's notes and Kaggle's unlabelled test images lie about."""
    source = cats("PetImages")
    for name in ("train.zip", "test1/1.jpg", "PetImages/Cat/Thumbs.db", "PetImages/Cat/._0.jpg", "readme.txt", "7.jpg"):
        path = source.raw_folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"no image")
    assert len(prepared(source).train_y) == 18


@pytest.mark.parametrize("resample", images.RESAMPLES)
def test_every_filter_is_pillows(photographs, resample):
    path = photographs / NAMES[0]
    [pixels] = images.decoded([path], size=9, resample=resample, threads=1)
    expected = as_pillow_says(path, size=9, resample=getattr(Image.Resampling, resample.upper()))
    np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    path = tmp_path / ("image.tif" if mode in {"CMYK", "I;16"} else "image.png")
    Image.new(mode, (8, 6), 1).save(path)
    [pixels] = images.decoded([path], size=4, resample="bicubic", threads=1)
    assert (pixels.shape, pixels.dtype) == ((3, 4, 4), np.uint8)


@pytest.mark.parametrize("threads", [2, 5])
def test_several_threads_give_what_one_gives(photographs, threads):
    paths = [photographs / name for name in NAMES] * 8  # more than are decoded ahead
    one, several = (list(images.decoded(paths, size=8, resample="bicubic", threads=n)) for n in (1, threads))
    np.testing.assert_array_equal(np.stack(one), np.stack(several))


def test_images_are_really_decoded_at_the_same_time(photographs, monkeypatch):
    """Two threads meet inside: one alone would wait for ever, and fail by the barrier's time limit."""
    barrier, open_image = threading.Barrier(2, timeout=20), Image.open

    def meet(path):
        barrier.wait()
        return open_image(path)

    monkeypatch.setattr(Image, "open", meet)
    results = list(images.decoded([photographs / n for n in NAMES[:2]], size=8, resample="bicubic", threads=2))
    assert all(isinstance(result, np.ndarray) for result in results)


def cut(content):
    return content[: len(content) // 2]


def page(_):
    return b"<html>not found</html>"


def broken_png(_):
    file = BytesIO()
    Image.new("RGB", (30, 30)).save(file, "PNG")
    return file.getvalue()[:45] + b"garbage" + file.getvalue()[52:]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [(cut, "truncated"), (page, "not an image"), (lambda _: b"", "empty"), (broken_png, "")],
    ids=["cut short", "a page", "empty", "broken inside"],
)
def test_file_that_cannot_be_read_is_a_fault(cats, spoil, why):
    source = cats()
    path = source.raw_folder / "dog.3.jpg"
    path.write_bytes(spoil(path.read_bytes()))
    message = message_of(source)
    assert f"CatsVsDogs: 1 of 24 images in {source.raw_folder} cannot be read: dog.3.jpg (" in message
    assert why in message
    assert "dataset.skip" in message
    assert list(source.array_folder.parent.glob("*.tmp")) == []


def test_all_unreadable_files_are_counted_and_the_first_named(cats):
    source = cats("PetImages")
    for path in (source.raw_folder / "PetImages" / "Dog").iterdir():
        path.write_bytes(b"")
    message = message_of(source)
    assert "12 of 24 images" in message
    assert len(re.findall(r"PetImages/Dog/dog\.\d+\.jpg \(empty\)", message)) == 5
    assert "and 7 more ·" in message


def test_unreadable_files_can_be_left_out_by_name_and_the_number_must_fit(cats):
    source = cats("PetImages", skip=["PetImages/Dog/dog.3.jpg"], num_train=17, test_split="tail")
    (source.raw_folder / "PetImages/Dog/dog.3.jpg").write_bytes(b"")
    assert np.bincount([*prepared(source).train_y, *source.open().test_y]).tolist() == [11, 12]
    message = message_of(cats("PetImages", skip=["PetImages/Dog/dog.3.jpg"]))
    assert "holds 23 images besides those in dataset.skip (dog 11, cat 12), expected 18 and 6" in message


def test_skipping_what_is_not_there_is_a_fault(cats):
    message = message_of(cats(skip=["dog.33.jpg"], num_train=17))
    assert "is called dog.33.jpg (dataset.skip)" in message


def test_folder_that_is_not_there_says_where_what_and_how(cats, tmp_path):
    source = cats(num_train=18750, test_size=6250)
    shutil.rmtree(source.raw_folder)
    message = message_of(source)
    assert message.startswith(f"CatsVsDogs: no images in {source.raw_folder}, expected 25000 there: dog.0.jpg …, cat.0")
    for way_out in ("train.zip", "Kaggle", "PetImages", "dataset=digits", "dataset.shape=[3,16,16]"):
        assert way_out in message
    assert not source.files()[0].is_file()  # so that doctor says it is not here


def test_partial_folder_is_a_fault(cats):
    message = message_of(cats(num_train=18750, test_size=6250))
    assert "holds 24 images (dog 12, cat 12), expected 18750 and 6250 (dataset.num_train, dataset.test_size)" in message


def test_prepared_once_and_again_when_files_come_or_go(cats, monkeypatch):
    source = cats()
    source.prepare()
    with monkeypatch.context() as patch:
        patch.setattr(images, "decoded", None)  # calling it would raise
        source.prepare()
    (source.raw_folder / "cat.5.jpg").unlink()
    assert not source.is_prepared()
    assert "holds 23 images" in message_of(source)


def test_raw_files_are_not_missed_once_the_cache_is_made(cats):
    source = cats("class folders")
    source.prepare()
    shutil.rmtree(source.raw_folder)
    assert source.is_prepared()


def test_only_the_arrays_stay_and_they_are_bytes(cats):
    source = cats()
    source.prepare()
    assert (source.open().train_x.dtype, source.open().test_x.shape) == (np.uint8, (6, 3, 16, 16))
    assert sorted(path.name for path in source.array_folder.parent.iterdir()) == sorted(
        ["CatsVsDogs.lock", source.array_folder.name]
    )


def test_pixels_are_not_held_in_memory_while_they_are_prepared(cats, monkeypatch):
    """The arrays that are written are maps of a file."""
    source, seen = cats(), []
    read = ImageFolder.read
    monkeypatch.setattr(ImageFolder, "read", lambda self: seen.append(read(self)) or seen[0])
    source.prepare()
    assert isinstance(seen[0].train_x, np.memmap)
    assert isinstance(seen[0].test_x, np.memmap)


def test_disk_that_is_full_is_a_fault(cats, monkeypatch):
    source = cats()

    def full(*args, **settings):
        raise OSError(28, "No space left on device")
        yield

    monkeypatch.setattr(images, "decoded", full)
    assert "cannot write to" in (message := message_of(source))
    assert "No space left on device · set runtime.data_dir" in message


def test_one_line_is_said_where_nobody_watches(cats, capfd):
    source = cats()
    source.prepare()
    assert capfd.readouterr() == ("", f"preparing CatsVsDogs in {source.array_folder.parent}\n")


def test_warnings_of_the_decoder_are_not_shown(tmp_path):
    path = tmp_path / "image.png"
    image = Image.new("P", (4, 4))
    image.save(path, transparency=bytes(3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        [pixels] = images.decoded([path], size=2, resample="nearest", threads=1)
    assert pixels.shape == (3, 2, 2)


def test_folder_of_ones_own_needs_nothing_but_its_names(common, tmp_path, photographs):
    for i, name in enumerate(NAMES):
        path = tmp_path / "mine" / ("glass" if i < NUM_EACH else "wood") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photographs / name, path)
    settings = common | {"folder": str(tmp_path / "mine"), "classes": ["wood", "glass"], "num_classes": 2}
    settings |= {"size": 8, "shape": [3, 8, 8], "resample": "nearest", "mean": None, "std": None, "val_size": 2}
    settings |= {"num_train": 20, "test_size": 4, "test_split": "stratified", "skip": []}
    assert np.bincount(prepared(ImageFolder(**settings)).train_y).tolist() == [10, 10]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": [3, 16, 8]}, "dataset.shape must be [3, 16, 16] from dataset.size, got [3, 16, 8]"),
        ({"classes": ["dog"]}, "dataset.classes must be 2 different names (dataset.num_classes), got ['dog']"),
        ({"classes": ["dog", "dog"]}, "dataset.classes must be 2 different names (dataset.num_classes), got ['dog', "),
        (
            {"resample": "cubic"},
            "dataset.resample must be one of nearest, box, bilinear, hamming, bicubic, lanczos, got",
        ),
        ({"test_split": "head"}, "dataset.test_split must be one of stratified, tail, got 'head'"),
        ({"num_train": 0}, "dataset.num_train must be >= 1, got 0"),
        ({"test_size": 0}, "dataset.test_size must be >= 1, got 0"),
    ],
)
def test_arguments_that_do_not_fit_are_a_fault(cats, changes, message):
    with pytest.raises(ConfigFault) as fault:
        cats(**changes)
    assert message in str(fault.value)
