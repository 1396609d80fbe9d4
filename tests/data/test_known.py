"""MNIST, Fashion-MNIST and CIFAR-10 are found wherever their files were put."""

import gzip
import json
import pickle
import tarfile

import numpy as np
import pytest
from dataset_files import (
    IDX,
    METADATA,
    Trap,
    arrays,
    digest,
    idx,
    idx_files,
    put_batches,
    put_idx,
    put_store,
    same,
)

from nnlab_course.data import (
    load,
)
from nnlab_course.data.known import KNOWN


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
        (lambda name: name + ".gz", False),  # unzipped by the browser, with the name kept
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
