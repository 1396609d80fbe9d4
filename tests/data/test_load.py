"""Loading: stores, torchvision's files, downloads from a real local server, one's own pictures."""

import contextlib
import ctypes
import gzip
import hashlib
import io
import json
import math
import multiprocessing
import os
import pickle
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from safetensors.numpy import save_file

from nnlab_course.data import (
    Dataset,
    Split,
    data_root,
    download,
    load,
    read_store,
    store,
)
from nnlab_course.data.known import KNOWN

REAL = os.environ.get("NNLAB_DATA")  # Read before the tests unset it
KINDS = [f"{part}_{kind}" for part in ("train", "test") for kind in ("images", "labels")]
IDX = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"]
IDX += [name.replace("train", "t10k") for name in IDX]

# Children are forked from a process that has imported everything once, and has one thread.
children = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
if sys.platform != "win32":
    children.set_forkserver_preload(["nnlab_course.data", "torchvision.datasets"])


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    """Run without the settings of the user who runs the tests."""
    monkeypatch.delenv("NNLAB_DATA", raising=False)
    monkeypatch.delenv("NNLAB_OFFLINE", raising=False)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def arrays(num_train=20, num_test=10, shape=(1, 28, 28), num_classes=10, seed=0):
    """Return the four arrays of a store, random but for the labels, which count up."""
    rng = np.random.default_rng(seed)
    result = {}
    for part, num in (("train", num_train), ("test", num_test)):
        result[f"{part}_images"] = rng.integers(256, size=(num, *shape), dtype=np.uint8)
        result[f"{part}_labels"] = np.arange(num, dtype=np.uint8) % num_classes
    return result


METADATA = {"classes": json.dumps([str(i) for i in range(10)]), "source": "a test"}


def put_store(root, name="tiny", metadata=METADATA, **changes):
    metadata = metadata and {"name": name} | metadata
    tensors = {key: value for key, value in (arrays() | changes).items() if value is not None}
    root.mkdir(exist_ok=True)
    save_file(tensors, root / f"{name}.safetensors", metadata=metadata)
    return root / f"{name}.safetensors"


def idx(array):
    """Return an array in IDX form."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + array.tobytes()


def idx_files(content):
    parts = [content["train_images"][:, 0], content["train_labels"]]
    parts += [content["test_images"][:, 0], content["test_labels"]]
    return {name: idx(part) for name, part in zip(IDX, parts, strict=True)}


def put_idx(root, folder="FashionMNIST", **changes):
    """Write files as torchvision leaves them."""
    raw = root / folder / "raw"
    raw.mkdir(parents=True)
    for name, content in (idx_files(arrays()) | changes).items():
        (raw / name).write_bytes(content)
    return raw


def put_batches(folder, content):
    """Write CIFAR-10's batches, 4 images in each, and return the MD5 of each file."""
    folder.mkdir(parents=True)
    batches = {"batches.meta": {"label_names": list(KNOWN["cifar10"].classes)}}
    for i in range(5):
        chosen = slice(4 * i, 4 * i + 4)
        batches[f"data_batch_{i + 1}"] = {
            "data": content["train_images"][chosen].reshape(4, -1),
            "labels": content["train_labels"][chosen].tolist(),
        }
    batches["test_batch"] = {
        "data": content["test_images"].reshape(len(content["test_images"]), -1),
        "labels": content["test_labels"].tolist(),
    }
    for name, batch in batches.items():
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
    return {name: digest((folder / name).read_bytes()) for name in batches}


def digest(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def same(dataset, content):
    pairs = zip(
        KINDS,
        [dataset.train.images, dataset.train.labels, dataset.test.images, dataset.test.labels],
        strict=True,
    )
    return all(np.array_equal(tensor.numpy(), content[key]) for key, tensor in pairs)


class Trap:
    """Once pickled, makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


# --- splits and datasets ----------------------------------------------------------------


def some_split(num=10):
    content = arrays(num_train=num)
    return Split(
        torch.from_numpy(content["train_images"]), torch.from_numpy(content["train_labels"]).long()
    )


@pytest.mark.parametrize(
    "index",
    [slice(2, 5), torch.tensor([7, 0, 7]), torch.arange(10) % 2 == 0, slice(0, 0)],
    ids=["slice", "positions", "mask", "empty"],
)
def test_split_is_indexed_like_its_tensors(index):
    split = some_split()
    chosen = split[index]
    assert isinstance(chosen, Split)
    assert torch.equal(chosen.images, split.images[index])
    assert torch.equal(chosen.labels, split.labels[index])
    assert len(chosen) == len(chosen.labels)


def test_split_refuses_a_single_position():
    with pytest.raises(TypeError, match=r"slice or a tensor; one image is split\.images\[i\]"):
        some_split()[3]
    with pytest.raises(TypeError):
        next(iter(some_split()))


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (
            torch.zeros(2, 1, 4, 4),
            torch.zeros(2).long(),
            r"images are torch.float32 \(2, 1, 4, 4\)",
        ),
        (torch.zeros(2, 4, 4).byte(), torch.zeros(2).long(), r"not uint8 \(N, C, H, W\)"),
        (torch.zeros(2, 1, 4, 4).byte(), torch.zeros(2), "labels are torch.float32"),
        (torch.zeros(2, 1, 4, 4).byte(), torch.zeros(3).long(), "one for each of 2 images"),
        (torch.zeros(2, 1, 4, 4).byte(), torch.zeros(2, 1).long(), "one for each of 2 images"),
    ],
)
def test_split_refuses_other_tensors(images, labels, message):
    with pytest.raises(ValueError, match=message):
        Split(images, labels)


def test_validation_part_is_random_disjoint_and_repeatable():
    split = some_split(100)
    order = torch.arange(100)
    numbered = Split(split.images, order)
    train, validation = numbered.split(30, generator=generator(1))
    assert (len(train), len(validation)) == (70, 30)
    assert torch.equal(torch.cat([train.labels, validation.labels]).sort().values, order)
    assert torch.equal(train.images, split.images[train.labels])
    assert torch.equal(numbered.split(30, generator=generator(1))[1].labels, validation.labels)
    assert not torch.equal(numbered.split(30, generator=generator(2))[1].labels, validation.labels)


@pytest.mark.parametrize("num", [0, 10, 11, -1])
def test_validation_part_leaves_something_on_each_side(num):
    with pytest.raises(ValueError, match=f"can't take {num} out of 10 images"):
        some_split().split(num, generator=generator())


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_mean_and_std_are_exact(shape):
    images = torch.from_numpy(arrays(num_train=500, shape=shape)["train_images"])
    images[:, 0] //= 3
    split = Split(images, torch.zeros(500, dtype=torch.int64))
    dataset = Dataset("tiny", split, split[:1], ("one",), "a test")
    exact = images.double() / 255
    assert dataset.mean.dtype == dataset.std.dtype == torch.float32
    assert torch.allclose(dataset.mean.double(), exact.mean((0, 2, 3)), atol=1e-7)
    assert torch.allclose(dataset.std.double(), exact.std((0, 2, 3), correction=0), atol=1e-7)


def test_constant_images_have_no_spread():
    split = Split(torch.full((3, 1, 5, 5), 51, dtype=torch.uint8), torch.zeros(3).long())
    dataset = Dataset("grey", split, split, ("grey",), "a test")
    assert dataset.mean.tolist() == pytest.approx([0.2])
    assert dataset.std.tolist() == pytest.approx([0], abs=1e-7)


def test_dataset_refuses_labels_without_a_class_and_other_shapes():
    split = some_split()
    with pytest.raises(ValueError, match="labels go from 0 to 9, but there are 9 classes"):
        Dataset("tiny", split, split, tuple("012345678"), "a test")
    other = Split(torch.zeros(1, 3, 28, 28).byte(), torch.zeros(1).long())
    with pytest.raises(ValueError, match="differ"):
        Dataset("tiny", split, other, tuple("0123456789"), "a test")


def test_repr_tells_name_sizes_and_source():
    split = some_split()
    dataset = Dataset("tiny", split, split[:3], tuple("0123456789"), "a test")
    expected = "tiny: 10 training and 3 test images, 1x28x28, 10 classes. Source: a test"
    assert repr(dataset) == expected
    assert repr(split) == "10 images, 1x28x28"


# --- stores -----------------------------------------------------------------------------


def test_root_is_argument_then_environment_then_cache(monkeypatch, tmp_path):
    assert data_root() == store.user_cache_path("nnlab-course")
    monkeypatch.setenv("NNLAB_DATA", "~/elsewhere")
    assert data_root() == Path.home() / "elsewhere"
    assert data_root(tmp_path) == tmp_path
    put_store(tmp_path)
    monkeypatch.setenv("NNLAB_DATA", str(tmp_path))
    assert load("tiny").source == "a test"


def test_store_is_loaded(tmp_path, caplog):
    put_store(tmp_path)
    dataset = load("tiny", tmp_path)
    assert same(dataset, arrays())
    assert dataset.train.labels.dtype == torch.int64
    assert (dataset.name, dataset.source) == ("tiny", "a test")
    assert dataset.classes == tuple("0123456789")
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.safetensors"]
    assert caplog.messages == []


def test_store_precedes_torchvisions_files(tmp_path):
    put_idx(tmp_path)
    put_store(tmp_path, "fashionmnist")
    assert load("fashionmnist", tmp_path, download=False).source == "a test"


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux lists mapped files")
def test_a_store_is_mapped_and_not_read(tmp_path):
    # So it opens at once, however large; `make bench` times that.
    large = {"train_images": np.zeros((60_000, 1, 28, 28), np.uint8)}
    put_store(tmp_path, **large, train_labels=np.zeros(60_000, np.uint8))
    images = load("tiny", tmp_path).train.images
    mapped = [m for m in Path("/proc/self/maps").read_text().splitlines() if str(tmp_path) in m]
    ranges = [[int(end, 16) for end in m.split()[0].split("-")] for m in mapped]
    assert any(first <= images.data_ptr() < last for first, last in ranges)


@contextlib.contextmanager
def unprivileged():
    """Act as a user who is bound by permissions, also where root runs the tests."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)  # nobody
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are another matter on Windows")
def test_store_that_may_not_be_read():
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to others
        os.chmod(folder, 0o755)
        put_store(Path(folder), "mnist").chmod(0)
        with unprivileged(), pytest.raises(PermissionError, match=r"mnist\.safetensors"):
            load("mnist", folder)


def test_changing_loaded_images_leaves_the_store_alone(tmp_path):
    before = put_store(tmp_path).read_bytes()
    load("tiny", tmp_path).train.images.zero_()
    assert (tmp_path / "tiny.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_labels": None}, "train_labels"),
        ({"test_images": np.zeros((10, 1, 28, 28), np.float32)}, "images are torch.float32"),
        ({"test_images": np.zeros((10, 28, 28), np.uint8)}, r"not uint8 \(N, C, H, W\)"),
        ({"test_images": np.zeros((10, 3, 28, 28), np.uint8)}, "differ"),
        ({"train_images": np.zeros((19, 1, 28, 28), np.uint8)}, "one for each of 19 images"),
        ({"train_labels": np.arange(20, dtype=np.int64) % 10}, "train_labels is torch.int64"),
        (
            {"train_labels": np.arange(20, dtype=np.uint8)},
            "labels go from 0 to 19, but .* 10 classes",
        ),
        ({"metadata": None}, "its metadata lacks classes, name, source"),
        ({"metadata": {"classes": "[]"}}, "its metadata lacks source"),
        ({"metadata": METADATA | {"classes": "0, 1"}}, "Extra data"),
        ({"metadata": METADATA | {"classes": "10"}}, "not iterable"),
    ],
)
def test_store_of_other_content_is_refused(tmp_path, change, message):
    path = put_store(tmp_path, **change)
    with pytest.raises(RuntimeError, match=message) as caught:
        load("tiny", tmp_path)
    assert str(caught.value).startswith(f"{path} can't be used: ")
    assert str(caught.value).endswith("Delete it and load again.")


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-100],
        lambda content: content[:3],
        lambda content: b"",
        lambda content: b"\0" * 200,
        lambda content: content + b"more",
        lambda content: content.replace(b'"U8"', b'"F8"', 1),
        lambda content: b"<!DOCTYPE html><title>Please log in</title>",
    ],
    ids=["short", "three bytes", "empty", "zeros", "long", "header", "html"],
)
def test_damaged_store_is_refused(tmp_path, damage):
    path = put_store(tmp_path, "mnist")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RuntimeError, match=r"mnist\.safetensors can't be used: .*Delete it"):
        load("mnist", tmp_path)
    with pytest.raises(RuntimeError, match="Delete it and load again"):
        read_store(path)


@pytest.mark.parametrize(
    "name", ["../tiny", "a/b", "a\\b", "..", ".", "", "/etc/tiny", "tiny.x", "C:"]
)
def test_names_that_are_no_names_are_refused(tmp_path, name):
    put_store(tmp_path)
    with pytest.raises(ValueError, match="can't name a dataset; use letters, digits, - and _"):
        load(name, tmp_path / "below")


def test_unknown_name_is_told_what_is_known(tmp_path):
    put_store(tmp_path, "leaves")
    with pytest.raises(ValueError, match="unknown dataset 'minst'") as caught:
        load("minst", tmp_path)
    for word in ("cifar10", "digits", "fashionmnist", "mnist", "shapes", "leaves", str(tmp_path)):
        assert word in str(caught.value)
    with pytest.raises(ValueError, match=r"stores in .*: none"):
        load("minst", tmp_path / "absent")


# --- torchvision's files ----------------------------------------------------------------


def test_torchvisions_files_become_a_store(tmp_path):
    put_idx(tmp_path)
    dataset = load("fashionmnist", tmp_path, download=False)
    assert same(dataset, arrays())
    assert dataset.classes[9] == "Ankle boot"
    assert dataset.source == "Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017)"
    for name in IDX:
        (tmp_path / "FashionMNIST" / "raw" / name).unlink()
    again = load("fashionmnist", tmp_path, download=False)
    assert same(again, arrays())
    assert repr(again) == repr(dataset)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [".fashionmnist.lock", "FashionMNIST", "fashionmnist.safetensors"]


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        (IDX[0], lambda c: c[:-1], "it holds 15,679 values, not 15,680"),
        (IDX[3], lambda c: c + b"x", "it holds 11 values, not 10"),
        (IDX[1], lambda c: b"", "does not begin like an IDX file of 1 dimensions"),
        (IDX[2], lambda c: c[:9], "does not begin like an IDX file of 3 dimensions"),
        (IDX[2], lambda c: b"\0\0\x0d" + c[3:], "does not begin like"),
        (IDX[0], lambda c: b"<html>" * 5000, "does not begin like"),
    ],
)
def test_damaged_idx_file_is_refused(tmp_path, name, damage, message):
    raw = put_idx(tmp_path)
    (raw / name).write_bytes(damage((raw / name).read_bytes()))
    with pytest.raises(RuntimeError, match=f"{name} can't be used: .*{message}.*Delete it"):
        load("fashionmnist", tmp_path)
    assert not (tmp_path / "fashionmnist.safetensors").exists()


def test_idx_files_that_do_not_belong_together_are_refused(tmp_path):
    put_idx(tmp_path, **{IDX[1]: idx(np.zeros(19, np.uint8))})
    with pytest.raises(RuntimeError, match=r"raw can't be used: .*one for each of 20 images"):
        load("fashionmnist", tmp_path)


def test_altered_mnist_is_refused(tmp_path):
    put_idx(tmp_path, "MNIST")  # well formed, but not MNIST
    with pytest.raises(RuntimeError, match=f"{IDX[0]} can't be used: its MD5 is .*Delete it"):
        load("mnist", tmp_path)


def test_incomplete_files_count_as_absent(tmp_path, caplog):
    (put_idx(tmp_path, "MNIST") / IDX[3]).unlink()
    assert load("mnist", tmp_path, download=False).name == "digits"
    assert "not in the data folder" in caplog.text


def test_torchvisions_old_pickles_are_not_opened(tmp_path):
    processed = tmp_path / "FashionMNIST" / "processed"
    processed.mkdir(parents=True)
    for name in ("training.pt", "test.pt"):
        (processed / name).write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    put_idx(tmp_path)
    assert same(load("fashionmnist", tmp_path, download=False), arrays())
    assert not (tmp_path / "sprung").exists()


def test_altered_batch_is_never_unpickled(tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name in KNOWN["cifar10"].files:
        (folder / name).write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(RuntimeError, match=r"data_batch_1 can't be used: its MD5 is .*Delete it"):
        load("cifar10", tmp_path)
    assert not (tmp_path / "sprung").exists()
    pickle.loads((folder / "test_batch").read_bytes())
    assert (tmp_path / "sprung").exists()  # the trap does work


def test_another_dataset_under_a_known_name_is_refused(tmp_path):
    put_store(tmp_path, "mnist", METADATA | {"name": "birds"})
    with pytest.raises(RuntimeError, match=r"it holds 'birds', which is not mnist\. Delete it"):
        load("mnist", tmp_path)


def test_names_in_a_store_are_harmless_to_print(tmp_path):
    classes = json.dumps(["\x1b[31m", *"123456789"])
    put_store(tmp_path, metadata={"classes": classes, "source": "a\u202etest\n"})
    dataset = load("tiny", tmp_path)
    assert (dataset.classes[0], dataset.source) == ("\\x1b[31m", "a\\u202etest\\n")


# --- files fetched by hand ---------------------------------------------------------------


@pytest.fixture
def tiny_mnist(monkeypatch):
    """Files in MNIST's form, whose checksums count as MNIST's."""
    files = idx_files(arrays())
    monkeypatch.setattr(
        "nnlab_course.data.known._MNIST", {name: digest(c) for name, c in files.items()}
    )
    return files


@pytest.mark.parametrize("place", ["", "MNIST/raw", "MNIST", "downloads/of/today"])
@pytest.mark.parametrize(
    ("rename", "zipped"),
    [
        (lambda name: name, False),
        (lambda name: name, True),
        (lambda name: name.replace("-idx", ".idx"), False),  # as 7-Zip unpacks it
        (lambda name: name.replace("-idx", ".idx"), True),
        (lambda name: name + " (1)", False),
        (lambda name: name.upper(), False),
    ],
)
def test_mnist_fetched_by_hand_is_found(tmp_path, tiny_mnist, caplog, place, rename, zipped):
    for name, content in tiny_mnist.items():
        path = tmp_path / place / (rename(name) + ".gz" * zipped)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content) if zipped else content)
    assert same(load("mnist", tmp_path, download=False), arrays())
    assert (tmp_path / "mnist.safetensors").is_file()
    assert caplog.messages == []


def test_the_right_one_of_two_files_is_taken(tmp_path, tiny_mnist):
    raw = put_idx(tmp_path, "MNIST", **{IDX[0]: b"cut short"})
    (raw / f"{IDX[0]}.gz").write_bytes(gzip.compress(tiny_mnist[IDX[0]]))
    assert same(load("mnist", tmp_path, download=False), arrays())


def test_other_sets_files_of_the_same_name_are_not_mnist(tmp_path, caplog):
    put_idx(tmp_path)  # Fashion-MNIST's
    put_idx(tmp_path, "emnist-letters")
    assert load("mnist", tmp_path, download=False).name == "digits"
    assert load("fashionmnist", tmp_path, download=False).name == "fashionmnist"


def test_missing_files_are_named(tmp_path, caplog):
    (put_idx(tmp_path, "MNIST") / IDX[3]).unlink()
    assert load("mnist", tmp_path, download=False).name == "digits"
    note = f"mnist is not in the data folder (of its 4 files 3 were found; missing: {IDX[3]})"
    assert note in caplog.text


def test_a_cut_gzip_file_is_named(tmp_path, tiny_mnist):
    for name, content in tiny_mnist.items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content)[:-9])
    with pytest.raises(RuntimeError, match=f"{IDX[0]}.gz can't be used: Compressed file ended"):
        load("mnist", tmp_path, download=False)


def test_a_gzip_bomb_is_not_unpacked(tmp_path, tiny_mnist, monkeypatch):
    monkeypatch.setattr("nnlab_course.data.known._LARGEST", 100_000)
    for name in tiny_mnist:
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(bytes(10**7)))
    with pytest.raises(RuntimeError, match="it is larger than any file of this dataset"):
        load("mnist", tmp_path, download=False)


@pytest.fixture
def tiny_cifar(tmp_path, monkeypatch):
    """CIFAR-10's batches in a folder, with checksums that count as CIFAR-10's."""
    folder = tmp_path / "made" / "cifar-10-batches-py"
    sums = put_batches(folder, arrays(shape=(3, 32, 32)))
    monkeypatch.setattr("nnlab_course.data.known.BatchSet.checksums", lambda self: sums)
    return folder


@pytest.mark.parametrize("place", ["", "downloads"])
@pytest.mark.parametrize("name", ["cifar-10-python.tar.gz", "cifar-10-python (1).tar.gz"])
def test_cifar10s_archive_is_found(tmp_path, tiny_cifar, place, name):
    root = tmp_path / "root"
    (root / place).mkdir(parents=True)
    with tarfile.open(root / place / name, "w:gz") as tar:
        tar.add(tiny_cifar, "cifar-10-batches-py")
    assert same(load("cifar10", root, download=False), arrays(shape=(3, 32, 32)))


@pytest.mark.parametrize("place", ["cifar-10-batches-py", "CIFAR/cifar-10-batches-py", "batches"])
def test_cifar10s_batches_are_found(tmp_path, tiny_cifar, place):
    root = tmp_path / "root"
    (root / place).parent.mkdir(parents=True)
    tiny_cifar.rename(root / place)
    assert same(load("cifar10", root, download=False), arrays(shape=(3, 32, 32)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.joinpath("test_batch").write_bytes(b"x"), "the MD5 of its test_batch is 9dd4"),
        (lambda p: p.joinpath("data_batch_3").unlink(), "it has no data_batch_3, not [0-9a-f]{32}"),
    ],
)
def test_an_altered_cifar10_archive_is_refused(tmp_path, tiny_cifar, change, message):
    change(tiny_cifar)
    root = tmp_path / "root"
    root.mkdir()
    with tarfile.open(root / "cifar-10-python.tar.gz", "w:gz") as tar:
        tar.add(tiny_cifar, "cifar-10-batches-py")
    with pytest.raises(RuntimeError, match=f"python.tar.gz can't be used: {message}"):
        load("cifar10", root, download=False)
    content = (root / "cifar-10-python.tar.gz").read_bytes()
    (root / "cifar-10-python.tar.gz").write_bytes(content[: len(content) // 2])
    with pytest.raises(RuntimeError, match=r"python.tar.gz can't be used: .*Delete it"):
        load("cifar10", root, download=False)


def test_cifar10_in_another_form_is_named(tmp_path, caplog):
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(b"")
    assert load("cifar10", tmp_path, download=False).name == "shapes"
    assert "(found cifar-10-binary.tar.gz, expected cifar-10-python.tar.gz)" in caplog.text


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("MNIST", "mnist"),
        ("Fashion-MNIST", "fashionmnist"),
        ("leafs", "leaves"),
    ],
)
def test_a_near_name_is_proposed(tmp_path, name, meant):
    put_store(tmp_path, "leaves")
    with pytest.raises(ValueError, match=f"unknown dataset '{name}'; .*Did you mean '{meant}'"):
        load(name, tmp_path)


def test_emnist_is_told_what_to_do(tmp_path):
    with pytest.raises(ValueError, match=r"EMNIST has to be prepared .* its letters count from 1"):
        load("emnist", tmp_path)


def test_a_held_lock_ends_in_a_sentence(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(store, "LOCK_TIMEOUT", 0.1)
    monkeypatch.setattr("nnlab_course.data.loading.LOCK_TIMEOUT", 0.1)
    with FileLock(tmp_path / ".mnist.lock"):
        assert load("mnist", tmp_path).name == "digits"
        with (
            pytest.raises(
                TimeoutError, match=r"another program has been at work on mnist for 0\.1"
            ),
            store.store_workspace("mnist", tmp_path),
        ):
            pass
    assert "could not be downloaded (another program has been at work on mnist" in caplog.text


def test_a_stores_mode_is_its_folders(tmp_path):
    put_idx(tmp_path)
    before = os.umask(0o077)
    try:
        load("fashionmnist", tmp_path, download=False)
    finally:
        os.umask(before)
    mode = (tmp_path / "fashionmnist.safetensors").stat().st_mode & 0o777
    assert mode == 0o600 | tmp_path.stat().st_mode & 0o444


# --- stand-ins --------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "stand_in"), [("mnist", "digits"), ("cifar10", "shapes")])
@pytest.mark.parametrize("switch", ["argument", "environment"])
def test_stand_in_is_announced(tmp_path, caplog, monkeypatch, name, stand_in, switch):
    if switch == "environment":
        monkeypatch.setenv("NNLAB_OFFLINE", "1")
    dataset = load(name, tmp_path / "absent", download=switch == "environment")
    assert dataset.name == stand_in
    assert dataset.source.startswith("embedded in the course: ")
    (notice,) = caplog.messages
    assert notice.startswith(f"{name} is not in the data folder, and downloading is off")
    assert f"own {stand_in} are used instead" in notice
    assert f"To get {name}, load it once with a network connection" in notice
    assert "\n" not in notice
    assert str(tmp_path) not in notice
    assert not (tmp_path / "absent").exists()


def test_nothing_stands_in_for_fashionmnist(tmp_path):
    with pytest.raises(RuntimeError, match=r"fashionmnist is not in the data folder.* copy"):
        load("fashionmnist", tmp_path, download=False)


def test_embedded_data_asked_for_by_name_are_silent(tmp_path, caplog):
    assert len(load("digits", tmp_path).train) == 12_000
    assert load("shapes", tmp_path).classes[8] == "star"
    assert caplog.messages == []
    assert list(tmp_path.iterdir()) == []


# --- downloads --------------------------------------------------------------------------


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
def pool():
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
    start = time.perf_counter()
    with contextlib.redirect_stderr(io.StringIO()) as stderr:
        dataset = load(name, root)
    return {
        "name": dataset.name,
        "source": dataset.source,
        "right": same(dataset, arrays(shape=dataset.train.images.shape[1:])),
        "notices": [line for line in stderr.getvalue().splitlines() if line.startswith(name)],
        "seconds": time.perf_counter() - start,
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
def test_killed_download_leaves_nothing_half_written(tmp_path, server, pool):
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
    assert result["seconds"] < 10


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


# --- the real data ----------------------------------------------------------------------


def real(name):
    known = KNOWN[name]
    files = [Path(REAL or "", known.folder, file) for file in known.files]
    store = Path(REAL or "", f"{name}.safetensors")
    there = REAL and (store.is_file() or all(file.is_file() for file in files))
    return pytest.mark.skipif(not there, reason=f"NNLAB_DATA names no folder with {name}")


@real("mnist")
def test_real_mnist():
    mnist = load("mnist", REAL, download=False)
    assert mnist.train.images.shape == (60_000, 1, 28, 28)
    assert mnist.test.images.shape == (10_000, 1, 28, 28)
    assert mnist.train.labels[:6].tolist() == [5, 0, 4, 1, 9, 2]
    assert mnist.mean.item() == pytest.approx(0.1307, abs=5e-5)
    assert mnist.std.item() == pytest.approx(0.3081, abs=5e-5)
    assert mnist.classes == tuple("0123456789")
    start = time.perf_counter()
    load("mnist", REAL, download=False)
    assert time.perf_counter() - start < 0.1


@real("cifar10")
def test_real_cifar10():
    cifar10 = load("cifar10", REAL, download=False)
    assert torch.bincount(cifar10.train.labels).tolist() == [5000] * 10
    assert torch.bincount(cifar10.test.labels).tolist() == [1000] * 10
    assert cifar10.train.images.shape == (50_000, 3, 32, 32)
    assert cifar10.mean.tolist() == pytest.approx([0.4914, 0.4822, 0.4465], abs=2e-3)
    assert cifar10.std.tolist() == pytest.approx([0.2470, 0.2435, 0.2616], abs=3e-3)
    assert cifar10.classes[:3] == ("airplane", "automobile", "bird")


@real("fashionmnist")
def test_real_fashionmnist():
    fashion = load("fashionmnist", REAL, download=False)
    assert math.prod(fashion.train.images.shape) == 60_000 * 28 * 28
    assert fashion.mean.item() == pytest.approx(0.2860, abs=5e-5)
