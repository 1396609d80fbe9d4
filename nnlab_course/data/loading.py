"""`load`: a dataset by its name, from a store, from files, by download, or a stand-in"""

# A plain module, edited here.

import difflib
import logging
import os
from functools import cache
from pathlib import Path

from torch import Tensor

from nnlab_course.data import digits, shapes
from nnlab_course.data.dataset import Dataset
from nnlab_course.data.download import download as fetch
from nnlab_course.data.known import KNOWN
from nnlab_course.data.store import (
    LOCK_TIMEOUT,
    Damaged,
    as_dataset,
    data_root,
    read_store,
    store_names,
    store_path,
    store_workspace,
    write_store,
)
from nnlab_course.files import shown

logger = logging.getLogger("nnlab_course.data")

EMBEDDED = {  # Name: how to build it, its classes, its source
    "digits": (
        digits.digits,
        KNOWN["mnist"].classes,
        "embedded in the course: handwritten digits (Alpaydin and Kaynak, 1998, UCI), CC BY 4.0",
    ),
    "shapes": (
        shapes.shapes,
        tuple(shapes.SHAPES),
        "embedded in the course: ten shapes drawn by code",
    ),
}
_STAND_INS = {"mnist": "digits", "cifar10": "shapes"}


def load(
    name: str,  # "mnist", "fashionmnist", "cifar10", "digits", "shapes", or a store in the root
    root: str | Path | None = None,  # The data folder, see `data_root`
    *,
    download: bool = True,  # Whether to fetch what isn't there; never if NNLAB_OFFLINE=1 is set
) -> Dataset:  # Images uint8 (N, C, H, W), labels int64 (N,)
    """Load a set of images by its name.

    Images are uint8 `(N, C, H, W)`, 0 to 255, labels int64 `(N,)`. It takes the first of: the store
    `<root>/<name>.safetensors`; the set's own files, unpacked or not, in the root or below it;
    torchvision's download; what the course carries in its place ("digits" for "mnist", "shapes"
    for "cifar10"), with a notice by `logging`. `name` and `source` of the result say which.

    **Raises:** `ValueError` if the name is unknown; `RuntimeError` if a file in the root is damaged
    (it says which), or the set can't be had and nothing stands in for it.
    """
    if name in EMBEDDED:
        return _load_embedded(name)
    root = data_root(root)
    store = store_path(name, root)
    if store.is_file():
        dataset = read_store(store)
        if name in KNOWN and dataset.name != name:
            raise Damaged(store, f"it holds {dataset.name!r}, which is not {name}")
        return dataset
    if name not in KNOWN:
        raise ValueError(_unknown(name, root))
    found = KNOWN[name].search(root)
    if found.files is not None:
        folder = root / KNOWN[name].folder
        return _store_or_stand_in(name, root, KNOWN[name].dataset(found.files, folder))
    if not (download and os.environ.get("NNLAB_OFFLINE", "0") in ("", "0")):
        why = "is not in the data folder"
        why += f" ({found.note})" if found.note else ""
        why += ", and downloading is off (download=False, NNLAB_OFFLINE)"
        return _stand_in(name, root, why)
    return _store_or_stand_in(name, root, None)


def _unknown(name: str, root: Path) -> str:
    """Say that there is no such dataset, which there are, and which may have been meant."""
    known, stores = sorted({*KNOWN, *EMBEDDED}), store_names(root)
    plain = name.lower().replace("-", "").replace("_", "")
    meant = difflib.get_close_matches(plain, [*known, *stores], n=1, cutoff=0.7)
    hint = f" Did you mean {meant[0]!r}?" if meant else ""
    if plain == "emnist":
        hint = (
            " EMNIST has to be prepared as a folder of pictures (make_store): they lie on their "
            "side, and its letters count from 1"
        )
    return (
        f"unknown dataset {name!r}; known: {', '.join(known)}; "
        f"stores in {shown(root)}: {', '.join(stores) or 'none'}.{hint}"
    )


@cache
def _build(name: str) -> dict[str, Tensor]:
    """Build one of the embedded sets, which takes a second, once for a process."""
    return EMBEDDED[name][0]()


def _load_embedded(name: str) -> Dataset:
    """Load one of the embedded sets; whoever changes it changes a copy."""
    _, classes, source = EMBEDDED[name]
    tensors = {key: tensor.clone() for key, tensor in _build(name).items()}
    return as_dataset(name, tensors, classes, source)


def _stand_in(
    name: str,
    root: Path,
    why: str,  # Why the set itself can't be had, as the end of a sentence
) -> Dataset:
    """Load what stands in for a set, and say so.

    **Raises:** `RuntimeError` if nothing stands in for it.
    """
    if name not in _STAND_INS:
        raise RuntimeError(
            f"{name} {why}, and nothing in the course can stand in for it. Load it once with a "
            f"network connection, or copy {name}.safetensors or its own files to {shown(root)}"
        )
    logger.warning(
        "%s %s. The course's own %s are used instead: fewer, and easier. "
        "To get %s, load it once with a network connection and a data folder (NNLAB_DATA) "
        "that can be written.",
        name,
        why,
        _STAND_INS[name],
        name,
    )
    return _load_embedded(_STAND_INS[name])


def _store_or_stand_in(
    name: str,
    root: Path,
    dataset: Dataset | None,  # What was read from the set's own files; None to download
) -> Dataset:
    """Write the store of a set and open it; make do without where that fails."""
    store = store_path(name, root)
    timeout = LOCK_TIMEOUT if dataset is None else 10.0  # what is there needn't wait for long
    try:
        with store_workspace(name, root, timeout=timeout) as workspace:
            if not store.is_file():  # it may have been written while we waited
                dataset = dataset or fetch(KNOWN[name], workspace)
                write_store(dataset, store)
    except OSError as error:
        # The plain reason: the error as a whole may name a folder, and end up in a notebook.
        reason = error.strerror or error
        if dataset is None:
            return _stand_in(name, root, f"could not be downloaded ({reason})")
        logger.warning(
            "%s could not be stored in the data folder (%s), so the next load will take as long.",
            name,
            reason,
        )
        return dataset
    return read_store(store)
