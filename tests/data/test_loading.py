"""`load`: stand-ins, names that are none, locks, and the real data."""

import math
import os
from pathlib import Path

import pytest
import torch
from dataset_files import put_idx, put_store
from filelock import FileLock

from nnlab_course.data import (
    load,
    store,
)
from nnlab_course.data.known import KNOWN

REAL = os.environ.get("NNLAB_DATA")  # Read before the tests unset it


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


@pytest.mark.parametrize("name", ["digits", "shapes"])
def test_what_is_changed_is_a_copy(name):
    changed, unchanged = load(name), load(name)
    for part in (changed.train, changed.test):
        part.images.zero_()
        part.labels.zero_()
    again = load(name)
    for part in ("train", "test"):
        for field in ("images", "labels"):
            expected = getattr(getattr(unchanged, part), field)
            assert torch.equal(getattr(getattr(again, part), field), expected)
            assert expected.any()


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
