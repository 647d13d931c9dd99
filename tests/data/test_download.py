import hashlib
import sys
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from sweeplab.data.cifar import CIFAR10
from sweeplab.data.mnist import MNIST
from sweeplab.errors import DataFault


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Address of a server on loopback that serves `tmp_path`."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path)) as http:
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture
def published_mnist(server, tmp_path, write_idx, monkeypatch):
    """torchvision's MNIST, its server replaced by a folder of tiny files."""
    from torchvision import datasets

    folder = tmp_path / "published"
    written = write_idx(folder, zipped=True)
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"{server}/{folder.name}/"])
    monkeypatch.setattr(datasets.MNIST, "resources", [(path.name, md5(path)) for path in folder.iterdir()])
    return written


@pytest.fixture
def published_cifar(server, tmp_path, write_cifar, monkeypatch):
    """torchvision's CIFAR10, its server replaced by an archive of tiny files."""
    from torchvision import datasets

    folder, archive = tmp_path / CIFAR10.folder, tmp_path / "cifar.tar.gz"
    written = write_cifar(folder)
    (folder / "batches.meta").write_bytes((folder / "test_batch").read_bytes())
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, arcname=folder.name)
    monkeypatch.setattr(datasets.CIFAR10, "url", f"{server}/{archive.name}")
    monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", md5(archive))
    monkeypatch.setattr(datasets.CIFAR10, "train_list", [[n, md5(folder / n)] for n in CIFAR10.expected[:-1]])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [["test_batch", md5(folder / "test_batch")]])
    monkeypatch.setattr(datasets.CIFAR10, "_load_meta", lambda self: None)
    return written


def test_mnist_is_fetched_verified_and_unpacked(published_mnist, downloaded, capfd):
    source = downloaded(MNIST, download=True)
    source.prepare()
    np.testing.assert_array_equal(source.open().train_x[:, 0], published_mnist["train-images-idx3-ubyte"])
    out, err = capfd.readouterr()
    assert out == ""
    assert f"downloading MNIST to {source.raw_folder}" in err.splitlines()


def test_cifar_is_fetched_verified_and_unpacked(published_cifar, downloaded):
    source = downloaded(CIFAR10, download=True)
    source.prepare()
    np.testing.assert_array_equal(source.open().test_x, published_cifar["test_batch"][0])


def test_unpacking_that_was_interrupted_is_done_again(published_mnist, downloaded):
    """torchvision alone would take the file that was cut short for a whole one."""
    source = downloaded(MNIST, download=True)
    source.prepare()
    path = source.raw_folder / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:5000])
    assert not source.is_prepared()
    source.prepare()
    np.testing.assert_array_equal(source.open().train_x[:, 0], published_mnist["train-images-idx3-ubyte"])
    assert path.with_name(f"{path.name}.corrupt").stat().st_size == 5000


def test_download_that_was_interrupted_is_done_again(published_mnist, downloaded):
    source = downloaded(MNIST, download=True)
    source.raw_folder.mkdir(parents=True)
    (source.raw_folder / "train-images-idx3-ubyte.gz").write_bytes(b"\x1f\x8b\x08")
    source.prepare()
    np.testing.assert_array_equal(source.open().train_x[:, 0], published_mnist["train-images-idx3-ubyte"])


def test_server_out_of_reach_is_one_message(server, published_mnist, downloaded, monkeypatch):
    from torchvision import datasets

    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"{server}/nowhere/"])
    source = downloaded(MNIST, download=True)
    with pytest.raises(DataFault) as fault:
        source.prepare()
    message = str(fault.value)
    assert message.startswith("MNIST: no train-images-idx3-ubyte, ")
    assert f"in {source.raw_folder}; the download failed: Error downloading" in message
    assert "dataset=digits works at once" in message
    assert "\n" not in message


def test_file_that_is_not_the_published_one_is_refused(published_mnist, downloaded, tmp_path):
    (tmp_path / "published" / "train-images-idx3-ubyte.gz").write_bytes(b"something else")
    with pytest.raises(DataFault, match=r"the download failed: .*File not found or corrupted"):
        downloaded(MNIST, download=True).prepare()


def test_nothing_is_fetched_when_files_are_there(downloaded, write_idx, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)  # importing it would raise
    source = downloaded(MNIST, download=True)
    write_idx(source.raw_folder)
    source.prepare()
    assert len(source.open().train_y) == 60
