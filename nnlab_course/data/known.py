"""The public datasets that `load` knows: their files, wherever they are, and their checksums"""

# A plain module, edited here.

import gzip
import math
import pickle
import re
import tarfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import md5
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nnlab_course.data.dataset import Dataset
from nnlab_course.data.store import Damaged, as_dataset

_LARGEST = 64 * 2**20  # Bytes; no file of these sets has more
_BROKEN = (gzip.BadGzipFile, EOFError, zlib.error)
_GZIP = b"\x1f\x8b"  # How a gzip file begins
_DEPTH = 3  # Folders below the root that are searched


@dataclass(frozen=True)
class FoundFiles:
    """What a search for the files of a set came to: all of them, or a note on what is missing."""

    files: dict[str, bytes] | None
    note: str = ""


@dataclass(frozen=True)
class Known(ABC):
    """A set that torchvision can download."""

    name: str
    torchvision: str  # The name of torchvision's class
    folder: str  # Where that class keeps its files, below its root
    files: tuple[str, ...]
    classes: tuple[str, ...]
    source: str

    @cached_property
    def torchvision_class(self) -> type:
        """Torchvision's class for this set."""
        from torchvision import datasets  # takes seconds, and only the first load needs it

        return getattr(datasets, self.torchvision)

    @abstractmethod
    def checksums(self) -> dict[str, str]:
        """Return the MD5 of each file, where it is known."""

    @abstractmethod
    def search(self, root: Path) -> FoundFiles:
        """Look for the files in a folder and below it, by their names and their checksums.

        **Raises:** `RuntimeError`, with the file's name, if one was altered.
        """

    @abstractmethod
    def tensors(self, files: dict[str, bytes]) -> dict[str, Tensor]:
        """Make the four tensors of a store of the content of the files."""

    def dataset(self, files: dict[str, bytes], folder: Path) -> Dataset:
        """Make the dataset; `folder` is named where the files don't belong together."""
        try:
            return as_dataset(self.name, self.tensors(files), self.classes, self.source)
        except ValueError as error:
            raise Damaged(folder, error) from error

    def choose(self, found: dict[str, list[Path]]) -> FoundFiles:
        """Read, of the files that go by each name, the first with the right checksum."""
        missing = [name for name in self.files if name not in found]
        if missing:
            there = len(self.files) - len(missing)
            note = f"of its {len(self.files)} files {there} were found; missing: "
            return FoundFiles(None, note + ", ".join(missing) if there else "")
        return FoundFiles({name: self._first_right(name, found[name]) for name in self.files})

    def _first_right(self, name: str, paths: list[Path]) -> bytes:
        expected, problems = self.checksums().get(name), []
        for path in paths:
            try:
                content = _read(path)
            except Damaged as error:
                problems.append(error)
                continue
            digest = md5(content, usedforsecurity=False).hexdigest()
            if expected in (None, digest):
                return content
            problems.append(Damaged(path, f"its MD5 is {digest}, not {expected}"))
        raise problems[0]


def _walk(folder: Path, depth: int = _DEPTH) -> Iterator[Path]:
    """Yield the files of a folder and of those below it, nearest first."""
    try:
        paths = sorted(folder.iterdir())
    except OSError:  # no data can be taken from there
        return
    yield from (path for path in paths if path.is_file())
    for path in paths:
        if (
            depth
            and path.is_dir()
            and not path.name.startswith(".")
            and ".download-" not in path.name
        ):
            yield from _walk(path, depth - 1)


def _read(path: Path) -> bytes:
    """Read a file, unzipped if it begins like a gzip file: browsers unzip and keep the name."""
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == _GZIP
            raw.seek(0)
            with gzip.open(raw) if zipped else raw as file:
                content = file.read(_LARGEST + 1)
    except _BROKEN as error:
        raise Damaged(path, error) from error
    if len(content) > _LARGEST:
        raise Damaged(path, "it is larger than any file of this dataset")
    return content


# --- MNIST and Fashion-MNIST ------------------------------------------------------------

_MNIST = {  # Files in IDX form, and the MD5 of each
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
# As downloads by hand are called: with .gz or without, dots for hyphens, a number from the browser.
_IDX_NAME = re.compile(
    r"(train|t10k)[-._ ](images|labels)[-._ ](idx[13])[-._ ]ubyte( ?\(\d+\))?(\.gz)?", re.IGNORECASE
)
_OTHERS = re.compile(r"fashion|emnist|kmnist|qmnist|not-?mnist|kuzushiji", re.IGNORECASE)


class IdxSet(Known):
    """A set of four files in IDX form."""

    def checksums(self) -> dict[str, str]:
        return _MNIST if self.name == "mnist" else {}

    def search(self, root: Path) -> FoundFiles:
        found: dict[str, list[Path]] = {}
        for path in [*(root / self.folder / name for name in self.files), *_walk(root)]:
            match = _IDX_NAME.fullmatch(path.name)
            other = _OTHERS.search(str(path.parent.relative_to(root)))
            if match and path.is_file() and bool(other) == (self.name == "fashionmnist"):
                found.setdefault("-".join(match.groups()[:3]).lower() + "-ubyte", []).append(path)
        return self.choose(found)

    def tensors(self, files: dict[str, bytes]) -> dict[str, Tensor]:
        tensors = {}
        for part, prefix in {"train": "train", "test": "t10k"}.items():
            for kind, ndim in {"images": 3, "labels": 1}.items():
                name = f"{prefix}-{kind}-idx{ndim}-ubyte"
                tensor = _from_idx(files[name], ndim, Path(self.folder, name))
                tensors[f"{part}_{kind}"] = tensor[:, None] if ndim == 3 else tensor
        return tensors


def _from_idx(
    content: bytes,
    ndim: int,  # Number of dimensions: 3 for images, 1 for labels
    path: Path,  # To name in errors
) -> Tensor:  # uint8
    """Read unsigned bytes in IDX form.

    **Raises:** `RuntimeError` if the header is another, or the size isn't what the header says.
    """
    data = np.frombuffer(content, np.uint8).copy()
    start = 4 + 4 * ndim
    if data.size < start or data[:4].tolist() != [0, 0, 8, ndim]:
        raise Damaged(path, f"it does not begin like an IDX file of {ndim} dimensions")
    shape = data[4:start].view(">u4").tolist()
    if data.size - start != math.prod(shape):
        raise Damaged(path, f"it holds {data.size - start:,} values, not {math.prod(shape):,}")
    return torch.from_numpy(data[start:]).reshape(shape)


# --- CIFAR-10 ---------------------------------------------------------------------------

_ARCHIVE = re.compile(r"cifar-10-python( ?\(\d+\))?\.(tar\.gz|tgz|tar)", re.IGNORECASE)
_OTHER_FORM = re.compile(r"cifar-10-(binary|matlab)\.|cifar-100-", re.IGNORECASE)


class BatchSet(Known):
    """CIFAR-10: pickled batches, which are opened only after their checksums were right."""

    def checksums(self) -> dict[str, str]:
        cifar = self.torchvision_class
        meta = (cifar.meta["filename"], cifar.meta["md5"])
        return dict([*cifar.train_list, *cifar.test_list, meta])

    def search(self, root: Path) -> FoundFiles:
        found: dict[str, list[Path]] = {}
        paths = list(_walk(root))
        for path in [*(root / self.folder / name for name in self.files), *paths]:
            if path.name in self.files and path.is_file():
                found.setdefault(path.name, []).append(path)
        chosen = self.choose(found)
        if chosen.files is None:
            for path in (path for path in paths if _ARCHIVE.fullmatch(path.name)):
                return FoundFiles(self._unpack(path))
            for path in (path for path in paths if _OTHER_FORM.match(path.name)):
                note = f"found {path.name}, expected cifar-10-python.tar.gz"
                return FoundFiles(None, chosen.note or note)
        return chosen

    def _unpack(self, path: Path) -> dict[str, bytes]:
        """Read the batches out of the archive, and compare their checksums."""
        files, expected = {}, self.checksums()
        try:
            with path.open("rb") as file:
                mode = "r:gz" if file.read(2) == _GZIP else "r:"  # nothing else is published
            with tarfile.open(path, mode) as archive:
                for member in archive:
                    if member.size > _LARGEST:
                        raise Damaged(path, "a file in it is larger than any of this dataset")
                    name = Path(member.name).name
                    if name in self.files and member.isfile():
                        files[name] = archive.extractfile(member).read()
        except (*_BROKEN, tarfile.TarError, ValueError, OverflowError) as error:
            raise Damaged(path, error) from error
        for name in self.files:
            digest = md5(files.get(name, b""), usedforsecurity=False).hexdigest()
            if digest != expected[name]:
                found = (
                    f"the MD5 of its {name} is {digest}" if name in files else f"it has no {name}"
                )
                raise Damaged(path, f"{found}, not {expected[name]}")
        return files

    def tensors(self, files: dict[str, bytes]) -> dict[str, Tensor]:
        tensors = {}
        for part, prefix in {"train": "data_batch", "test": "test_batch"}.items():
            names = [name for name in self.files if name.startswith(prefix)]
            batches = [pickle.loads(files[name], encoding="latin1") for name in names]
            images = torch.from_numpy(np.concatenate([batch["data"] for batch in batches]))
            labels = [label for batch in batches for label in batch["labels"]]
            tensors[f"{part}_images"] = images.reshape(-1, 3, 32, 32)
            tensors[f"{part}_labels"] = torch.tensor(labels, dtype=torch.uint8)
        return tensors


# --- the list ---------------------------------------------------------------------------

_CLOTHES = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
]
_ALL = (
    IdxSet(
        *("mnist", "MNIST", "MNIST/raw", tuple(_MNIST), tuple("0123456789")),
        source="MNIST (LeCun, Cortes and Burges, 1998)",
    ),
    IdxSet(
        *("fashionmnist", "FashionMNIST", "FashionMNIST/raw", tuple(_MNIST)),
        classes=(*_CLOTHES, "Ankle boot"),
        source="Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017)",
    ),
    BatchSet(
        *("cifar10", "CIFAR10", "cifar-10-batches-py"),
        files=(*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta"),
        classes=tuple(
            [
                "airplane",
                "automobile",
                "bird",
                "cat",
                "deer",
                "dog",
                "frog",
                "horse",
                "ship",
                "truck",
            ]
        ),
        source="CIFAR-10 (Krizhevsky, 2009)",
    ),
)
KNOWN = {known.name: known for known in _ALL}
