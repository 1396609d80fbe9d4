"""Small stores and files in the forms of MNIST and CIFAR-10, for the tests of data."""

import hashlib
import json
import os
import pickle

import numpy as np
from safetensors.numpy import save_file

from nnlab_course.data.known import KNOWN

KINDS = [f"{part}_{kind}" for part in ("train", "test") for kind in ("images", "labels")]
IDX = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"]
IDX += [name.replace("train", "t10k") for name in IDX]


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
