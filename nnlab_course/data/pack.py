"""One file with several datasets, for a classroom without a network"""

# A plain module, edited here.

import os
import re
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from nnlab_course.data import data_root, store_workspace, verify_store
from nnlab_course.files import whole_file


def pack(
    names: Sequence[str],  # Of datasets in the data folder
    path: str | Path,  # The archive; replaced if it is there
    root: str | Path | None = None,  # The data folder, see `data_root`
) -> None:
    """Write the stores of some datasets into one archive, whole or not at all.

    **Raises:** `ValueError` if there is no store of such a name; `RuntimeError` if one is damaged;
    `OSError` if the archive can't be written.
    """
    path, root = Path(path), data_root(root)
    stores = [root / f"{name}.safetensors" for name in names]
    for store in stores:
        if not store.is_file():
            there = ", ".join(sorted(file.stem for file in root.glob("*.safetensors"))) or "none"
            raise ValueError(f"there is no {store.name} in {root}; datasets there: {there}")
        verify_store(store)
    with (
        whole_file(path) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        for store in stores:
            archive.write(store, store.name)


def unpack(
    path: str | Path,  # An archive that `pack` wrote
    root: str | Path | None = None,  # The data folder, see `data_root`
) -> list[str]:  # The names of the datasets that are there now, for `load`
    """Put the stores of an archive into the data folder, each whole or not at all.

    A store of the same name is replaced.

    **Raises:** `RuntimeError`, with the archive's name, if it is damaged or something else;
    `OSError` if the data folder can't be written.
    """
    path, root = Path(path), data_root(root)
    path.open("rb").close()  # a missing file is an OSError, whatever zipfile thinks of it
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            for member in members:
                if not re.fullmatch(r"[A-Za-z0-9_-]+\.safetensors", member.filename):
                    raise RuntimeError(f"it holds {member.filename!r}, which is no store's name")
            for member in members:
                name = Path(member.filename).stem
                with store_workspace(name, root) as workspace:
                    store = Path(archive.extract(member, workspace))
                    verify_store(store)
                    os.replace(store, root / store.name)
    except (RuntimeError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise RuntimeError(
            f"{path} can't be used: {error}. Copy it again from where it was packed"
        ) from error
    return [Path(member.filename).stem for member in members]
