"""Stores: opened at once, read whole or refused, whoever wrote them."""

import contextlib
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from dataset_files import (
    METADATA,
    arrays,
    put_idx,
    put_store,
    same,
)

from nnlab_course.data import (
    data_root,
    load,
    read_store,
    store,
)


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
