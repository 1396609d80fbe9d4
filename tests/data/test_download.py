"""Downloads from a real local server, which is silent, lies or dies."""

import contextlib
import ctypes
import gzip
import io
import os
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from dataset_files import (
    IDX,
    arrays,
    digest,
    idx_files,
    put_batches,
    put_idx,
    put_store,
    same,
)

from nnlab_course.data import (
    download,
    load,
)


class Server(ThreadingHTTPServer):
    """Serves `files`, counts what was fetched, and can fall silent half-way."""

    daemon_threads = True

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/"
        self.files, self.hits, self.silent, self.pause = dict(files), Counter(), False, 0.0
        self.checksums = {name: digest(content) for name, content in self.files.items()}
        self.halfway, self.release = threading.Event(), threading.Event()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}).start()

    def handle_error(self, request, client_address):
        """Ignore clients that hang up."""

    def close(self):
        self.release.set()
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        name, server = self.path.strip("/"), self.server
        content = server.files[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if "Method" in self.headers:  # torchvision looks for redirections first
            return
        server.hits[name] += 1
        time.sleep(server.pause)
        self.wfile.write(content[: len(content) // 2])
        if server.silent:
            server.halfway.set()
            server.release.wait(60)
        self.wfile.write(content[len(content) // 2 :])

    def log_message(self, *args):
        """Be quiet."""


@pytest.fixture
def server():
    files = {f"{n}.gz": gzip.compress(c, mtime=0) for n, c in idx_files(arrays()).items()}
    server = Server(files)
    yield server
    server.close()


@pytest.fixture
def pool(children):
    with ProcessPoolExecutor(6, mp_context=children) as pool:
        yield pool


def make_read_only(folder):
    """Make a folder read-only for this process, root included; say whether that was possible."""
    if os.geteuid() != 0:
        folder.chmod(0o555)
        return True
    # Permissions don't bind root. A mount does; in a namespace of its own it ends with the process.
    if ctypes.CDLL(None).unshare(0x00020000) != 0:
        return False
    commands = ["--make-rprivate /", f"--bind {folder} {folder}", f"-o remount,ro,bind {folder}"]
    return all(subprocess.run(["mount", *command.split()]).returncode == 0 for command in commands)


def load_in_child(name, root, url, checksums, timeout=20, largest_file=None, read_only=False):
    """Load in another process, and report what came of it."""
    from torchvision import datasets

    os.environ.pop("NNLAB_OFFLINE", None)
    download.TIMEOUT = timeout
    if name == "cifar10":
        cifar = datasets.CIFAR10
        cifar.url, cifar.tgz_md5 = url + cifar.filename, checksums[cifar.filename]
        cifar.train_list = [[file, checksums[file]] for file, _ in cifar.train_list]
        cifar.test_list = [[file, checksums[file]] for file, _ in cifar.test_list]
        cifar.meta = cifar.meta | {"md5": checksums[cifar.meta["filename"]]}
    else:
        known = {"mnist": datasets.MNIST, "fashionmnist": datasets.FashionMNIST}[name]
        known.mirrors, known.resources = [url], [(f"{n}.gz", checksums[f"{n}.gz"]) for n in IDX]
    if largest_file:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    if read_only and not make_read_only(root):
        return None
    with contextlib.redirect_stderr(io.StringIO()) as stderr:
        dataset = load(name, root)
    return {
        "name": dataset.name,
        "source": dataset.source,
        "right": same(dataset, arrays(shape=dataset.train.images.shape[1:])),
        "notices": [line for line in stderr.getvalue().splitlines() if line.startswith(name)],
        "timeout": socket.getdefaulttimeout(),
    }


def content_of(root):
    return sorted(path.name for path in root.iterdir())


def test_download(tmp_path, server, pool):
    root = tmp_path / "not" / "yet"
    result = pool.submit(load_in_child, "mnist", root, server.url, server.checksums).result()
    assert result["right"]
    assert result["source"] == "MNIST (LeCun, Cortes and Burges, 1998)"
    assert result["notices"] == []
    assert result["timeout"] is None
    assert content_of(root) == [".mnist.lock", "mnist.safetensors"]
    assert server.hits == dict.fromkeys(server.files, 1)
    assert same(load("mnist", root), arrays())


@pytest.mark.parametrize("how", ["download", "files"])
def test_cifar10_in_torchvisions_layout(tmp_path, pool, how):
    content = arrays(shape=(3, 32, 32))
    root = tmp_path / "root"
    source = root if how == "files" else tmp_path
    checksums = put_batches(source / "cifar-10-batches-py", content)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        tar.add(source / "cifar-10-batches-py", "cifar-10-batches-py")
    server = Server({"cifar-10-python.tar.gz": archive.getvalue()})
    try:
        checksums |= server.checksums
        result = pool.submit(load_in_child, "cifar10", root, server.url, checksums).result()
    finally:
        server.close()
    assert result["right"]
    assert result["source"] == "CIFAR-10 (Krizhevsky, 2009)"
    assert sum(server.hits.values()) == (how == "download")
    assert {".cifar10.lock", "cifar10.safetensors"} <= set(content_of(root))
    assert load("cifar10", root, download=False).classes[9] == "truck"


def test_six_processes_fetch_once(tmp_path, server, pool):
    server.pause = 0.2  # long enough for all to meet at the lock
    jobs = [
        pool.submit(load_in_child, "mnist", tmp_path, server.url, server.checksums)
        for _ in range(6)
    ]
    results = [job.result() for job in jobs]
    assert all(result["right"] and not result["notices"] for result in results)
    assert server.hits == dict.fromkeys(server.files, 1)
    assert content_of(tmp_path) == [".mnist.lock", "mnist.safetensors"]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed_download_leaves_nothing_half_written(tmp_path, server, pool, children):
    server.silent = True
    arguments = ("mnist", tmp_path, server.url, server.checksums)
    child = children.Process(target=load_in_child, args=arguments)
    child.start()
    assert server.halfway.wait(30)
    waiting = pool.submit(load_in_child, *arguments)
    time.sleep(0.3)
    assert not (tmp_path / "mnist.safetensors").exists()
    assert any("mnist.download-" in name for name in content_of(tmp_path))
    server.silent = False
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    # Whoever waited takes over, and sweeps up.
    assert waiting.result()["right"]
    assert content_of(tmp_path) == [".mnist.lock", "mnist.safetensors"]
    assert server.hits["train-images-idx3-ubyte.gz"] == 2


def failure(pool, root, server, name="mnist", **changes):
    """Load what can't be downloaded; check what must hold however it failed."""
    result = pool.submit(
        load_in_child, name, root, server.url, server.checksums, **changes
    ).result()
    if result is None:
        pytest.skip("root can't mount here, so nothing is read-only for it")
    assert len(result["notices"]) == 1
    assert str(root) not in result["notices"][0]
    assert result["timeout"] is None
    assert not (root / f"{name}.safetensors").exists()
    assert not any("download-" in path for path in content_of(root))
    return result


def test_altered_download_is_not_used(tmp_path, server, pool):
    server.files["t10k-labels-idx1-ubyte.gz"] = gzip.compress(b"altered", mtime=0)
    result = failure(pool, tmp_path, server)
    assert result["name"] == "digits"
    assert "could not be downloaded (Error downloading t10k-labels" in result["notices"][0]
    assert "File not found or corrupted" in result["notices"][0]


def test_login_page_is_not_used(tmp_path, server, pool):
    server.files = dict.fromkeys(server.files, b"<!DOCTYPE html><title>Please log in</title>")
    assert failure(pool, tmp_path, server)["name"] == "digits"


def test_silent_server_is_given_up(tmp_path, server, pool):
    server.silent = True
    result = failure(pool, tmp_path, server, timeout=0.5)
    assert result["name"] == "digits"
    assert "timed out" in result["notices"][0]


def test_server_that_is_down(tmp_path, server, pool):
    server.close()
    result = failure(pool, tmp_path, server)
    assert result["name"] == "digits"
    assert "refused" in result["notices"][0]


def test_missing_file_on_the_server(tmp_path, server, pool):
    del server.files["train-labels-idx1-ubyte.gz"]  # the handler fails: the line goes dead
    assert failure(pool, tmp_path, server)["name"] == "digits"


@pytest.mark.skipif(sys.platform == "win32", reason="the limit on a file's size is POSIX's")
@pytest.mark.parametrize(
    ("largest_file", "name", "words"),
    [
        (8_000, "digits", "could not be downloaded"),  # less than the archive of the images
        (20_000, "mnist", "could not be stored"),  # more than any file, less than the store
    ],
)
def test_full_disk(tmp_path, server, pool, largest_file, name, words):
    result = failure(pool, tmp_path, server, largest_file=largest_file)
    assert result["name"] == name
    assert result["right"] == (name == "mnist")
    assert f"{words} in" in result["notices"][0] or words in result["notices"][0]
    assert "File too large" in result["notices"][0]


@pytest.mark.skipif(sys.platform == "win32", reason="folders can't be made read-only so")
class TestReadOnlyRoot:
    def test_store_is_loaded(self, tmp_path, server, pool):
        put_store(tmp_path, "mnist")
        arguments = ("mnist", tmp_path, server.url, server.checksums)
        result = pool.submit(load_in_child, *arguments, read_only=True).result()
        if result is None:
            pytest.skip("root can't mount here, so nothing is read-only for it")
        assert result["right"]
        assert result["notices"] == []
        assert content_of(tmp_path) == ["mnist.safetensors"]

    def test_torchvisions_files_are_used_from_memory(self, tmp_path, server, pool):
        put_idx(tmp_path)
        result = failure(pool, tmp_path, server, name="fashionmnist", read_only=True)
        assert result["right"]
        assert result["name"] == "fashionmnist"
        assert "could not be stored in the data folder (" in result["notices"][0]
        assert content_of(tmp_path) == ["FashionMNIST"]

    @pytest.mark.parametrize("lock", [False, True])
    def test_empty_root(self, tmp_path, server, pool, lock):
        if lock:
            (tmp_path / ".mnist.lock").touch()
        result = failure(pool, tmp_path, server, read_only=True)
        assert result["name"] == "digits"
        assert server.hits == {}


def test_root_that_is_a_file(tmp_path, caplog):
    (tmp_path / "root").write_text("not a folder")
    assert load("mnist", tmp_path / "root").name == "digits"
    assert "could not be downloaded (File exists)" in caplog.text
