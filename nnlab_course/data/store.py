"""A dataset as one file: where it is kept, how it is written, read and verified"""

# A plain module, edited here.

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock, Timeout
from platformdirs import user_cache_path
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from torch import Tensor

from nnlab_course.data.dataset import Dataset, Split
from nnlab_course.files import shown, write_whole

LOCK_TIMEOUT = 900.0  # Seconds to wait for another program that fetches or writes the same dataset


class Damaged(RuntimeError):
    """A file of a dataset that was cut short, altered, or is something else."""

    def __init__(self, path: Path, problem: object) -> None:
        self.problem = shown(problem)
        super().__init__(f"{shown(path)} can't be used: {self.problem}. Delete it and load again.")


def data_root(
    root: str | Path | None = None,  # Takes precedence over NNLAB_DATA and the user's cache folder
) -> Path:
    """Say which folder data are kept in."""
    root = root or os.environ.get("NNLAB_DATA") or user_cache_path("nnlab-course")
    return Path(root).expanduser()


def store_path(name: str, root: Path) -> Path:
    """Say where the store of `name` is kept, and refuse what can't be a file's name anywhere."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name):
        raise ValueError(f"{shown(repr(name))} can't name a dataset; use letters, digits, - and _")
    return root / f"{name}.safetensors"


def store_names(root: Path) -> list[str]:
    """List the names of the stores in a folder."""
    names = [path.name.removesuffix(".safetensors") for path in root.glob("*.safetensors")]
    return sorted(name for name in names if re.fullmatch(r"[A-Za-z0-9_-]+", name))


# --- read -------------------------------------------------------------------------------


def read_store(
    path: Path,  # A file that `load` or `make_store` wrote
) -> Dataset:  # Its images are a memory map: what you change in them stays in memory
    """Open a store, and check that it holds what it should.

    Sizes, types and labels are checked. The checksum is not, since to compute it takes longer than
    everything else: `verify_store` does.

    **Raises:** `RuntimeError`, with the file's name, if it was cut short or is something else;
    `OSError` if it may not be read.
    """
    path.open("rb").close()  # safetensors would say of a file one may not read that there is none
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            keys = [f"{part}_{kind}" for part in ("train", "test") for kind in ("images", "labels")]
            tensors = {key: file.get_tensor(key) for key in keys}
        missing = {"name", "classes", "source"} - set(metadata)
        if missing:
            raise ValueError(f"its metadata lacks {', '.join(sorted(missing))}")
        classes = tuple(shown(name) for name in json.loads(metadata["classes"]))
        return as_dataset(shown(metadata["name"]), tensors, classes, shown(metadata["source"]))
    except (SafetensorError, TypeError, ValueError, RecursionError) as error:
        raise Damaged(path, error) from error


def as_dataset(
    name: str, tensors: dict[str, Tensor], classes: tuple[str, ...], source: str
) -> Dataset:
    """Make a dataset of the four uint8 tensors of a store."""
    for key in ("train_labels", "test_labels"):
        if str(tensors[key].dtype) != "torch.uint8":
            raise ValueError(f"{key} is {tensors[key].dtype}, not uint8")
    train = Split(tensors["train_images"], tensors["train_labels"].long())
    test = Split(tensors["test_images"], tensors["test_labels"].long())
    return Dataset(name, train, test, classes, source)


def verify_store(
    path: Path,  # A file that `load` or `make_store` wrote
) -> bool:  # True if the checksum is right, False if the store has none
    """Read every pixel and label of a store, and compare them with its checksum.

    A store that another program wrote may have none.

    **Raises:** `RuntimeError`, with the file's name, if they differ, or for what `read_store`
    refuses.
    """
    dataset = read_store(path)
    with safe_open(path, framework="pt") as file:
        expected = file.metadata().get("sha256")
    if expected is not None and checksum(dataset) != expected:
        raise Damaged(path, "its pixels or labels are not those that were written")
    return expected is not None


def checksum(dataset: Dataset) -> str:
    """Return the SHA-256 of all pixels and labels."""
    digest = sha256()
    for split in (dataset.train, dataset.test):
        for tensor in (split.images, split.labels.byte()):
            digest.update(f"{tuple(tensor.shape)}".encode())
            digest.update(tensor.contiguous().numpy())
    return digest.hexdigest()


# --- write ------------------------------------------------------------------------------


def write_store(dataset: Dataset, path: Path) -> None:
    """Write a store whole or not at all, readable by whoever can read its folder."""
    tensors = {}
    for part, split in {"train": dataset.train, "test": dataset.test}.items():
        tensors[f"{part}_images"] = split.images.numpy()
        tensors[f"{part}_labels"] = split.labels.byte().numpy()
    classes = json.dumps(dataset.classes)
    metadata = {"name": dataset.name, "classes": classes, "source": dataset.source}
    metadata["sha256"] = checksum(dataset)
    # Not safetensors' save_file: a full disk must be an OSError.
    write_whole(path, save(tensors, metadata), like_folder=True)


@contextmanager
def store_workspace(
    name: str,
    root: Path,  # Made if it isn't there
    *,
    timeout: float | None = None,  # Seconds to wait; LOCK_TIMEOUT if None
) -> Iterator[Path]:  # An empty folder in root, removed at the end
    """Wait until no other process fetches `name`, and lend a folder to fetch it in.

    **Raises:** `OSError` if root can't be written; `TimeoutError`, one of them, if another process
    doesn't end.
    """
    root.mkdir(parents=True, exist_ok=True)
    timeout = LOCK_TIMEOUT if timeout is None else timeout
    # Open to all: on a shared folder, another user must be able to take the lock.
    lock = FileLock(root / f".{name}.lock", timeout=timeout, mode=0o666)
    try:
        lock.acquire()
    except Timeout:
        raise TimeoutError(
            f"another program has been at work on {name} for {timeout:g} seconds; "
            "wait until it is done, or end it"
        ) from None
    try:
        for leftover in root.glob(f"{name}.download-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        with TemporaryDirectory(
            prefix=f"{name}.download-", dir=root, ignore_cleanup_errors=True
        ) as folder:
            yield Path(folder)
    finally:
        lock.release()
