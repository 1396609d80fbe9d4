"""One file with several datasets, and the packages if need be, for a room without a network"""

# A plain module, edited here.

import errno
import json
import lzma
import math
import re
import shutil
import struct
import sys
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from nnlab_course.data.known import KNOWN
from nnlab_course.data.loading import EMBEDDED
from nnlab_course.data.store import (
    Damaged,
    data_root,
    read_store,
    store_names,
    store_path,
    store_workspace,
    verify_store,
)
from nnlab_course.files import shown, whole_file

_STORE = re.compile(r"([A-Za-z0-9_-]{1,100})\.safetensors")
_WHEEL = re.compile(r"packages/[A-Za-z0-9_.+!-]{1,200}\.whl")
_INSTALL = re.compile(r"INSTALL\.txt")
_MANY, _DENSE = 64 * 2**20, 200  # A member of more bytes that shrank more than so is a bomb
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_HOW_TO_INSTALL = """\
This archive holds datasets of the neural-network lab course and, in packages/, the course itself
with all that it needs. On a computer without a network, with Python {python} and the same system:

1. Unzip this file into a folder, for instance with: python -m zipfile -e {archive} suitcase
2. python -m pip install --no-index --find-links suitcase/packages "nnlab-course[lab]"
3. nnlab data unpack {archive}
4. nnlab lab
"""


def pack(
    names: Sequence[str],  # Of datasets in the data folder
    path: str | Path,  # The archive; replaced if it is there
    root: str | Path | None = None,  # The data folder, see `data_root`
    *,
    packages: Path | None = None,  # A folder of wheels to put in, with a note on installing them
) -> None:
    """Write the stores of some datasets into one archive, whole or not at all.

    **Raises:** `ValueError` if there is no store of such a name; `RuntimeError` if one is damaged;
    `OSError` if the archive can't be written.
    """
    path, root = Path(path), data_root(root)
    stores = [store_path(name, root) for name in dict.fromkeys(names)]
    for store in stores:
        if not store.is_file():
            there = ", ".join(store_names(root)) or "none"
            raise ValueError(f"there is no {store.name} in {shown(root)}; datasets there: {there}")
        verify_store(store)
    with (
        whole_file(path) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        for store in stores:
            archive.write(store, store.name)
        for wheel in sorted(packages.glob("*.whl")) if packages else ():
            archive.write(wheel, f"packages/{wheel.name}", zipfile.ZIP_STORED)
        if packages:
            python = ".".join(map(str, sys.version_info[:2]))
            archive.writestr(
                "INSTALL.txt", _HOW_TO_INSTALL.format(archive=path.name, python=python)
            )


def unpack(
    path: str | Path,  # An archive that `pack` wrote
    root: str | Path | None = None,  # The data folder, see `data_root`
) -> list[str]:  # The names of the datasets that are there now, for `load`
    """Put the stores of an archive into the data folder, each whole or not at all.

    A store of the same name is replaced. Packages go into `packages`, a folder in the data folder;
    nothing of them is run or installed.

    **Raises:** `RuntimeError`, with the archive's name, if it is damaged or something else;
    `OSError` if the data folder can't be written.
    """
    path, root = Path(path), data_root(root)
    path.open("rb").close()  # a missing file is an OSError, whatever zipfile thinks of it
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_members(members)
            _check_space(members, root)
            return [name for member in members if (name := _unpack_one(archive, member, root))]
    except (
        *(RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError),
        *(NotImplementedError, ValueError, struct.error, OSError),
    ) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise  # the disk's; "invalid argument" is a place in the archive that can't be
        problem = error.problem if isinstance(error, Damaged) else shown(error).rstrip(".")
        if isinstance(error, OSError) or not problem:
            problem = "it was cut short or altered"
        raise RuntimeError(
            f"{shown(path)} can't be used: {problem}. Copy it again from where it was packed"
        ) from error


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    """Refuse what `pack` doesn't write, before anything is unpacked."""
    names = [member.filename for member in members]
    if len(set(names)) < len(names):
        raise RuntimeError("it holds two files of the same name")
    if not members:
        raise RuntimeError("it is empty")
    for member in members:
        name = shown(repr(member.filename))
        if not any(p.fullmatch(member.filename) for p in (_STORE, _WHEEL, _INSTALL)):
            raise RuntimeError(f"it holds {name}, which is no store's name")
        if member.compress_type not in _METHODS or member.flag_bits & 1:
            raise RuntimeError(f"{name} in it is encrypted, or compressed in a way of others")
        if member.file_size > max(_MANY, _DENSE * member.compress_size):
            gigabytes = member.file_size / 1e9
            raise RuntimeError(f"{name} in it would unpack to {gigabytes:,.1f} GB of nothing")


def _check_space(members: list[zipfile.ZipInfo], root: Path) -> None:
    """Refuse what doesn't fit onto the disk, before anything is written."""
    root.mkdir(parents=True, exist_ok=True)
    needed, free = sum(member.file_size for member in members), shutil.disk_usage(root).free
    if needed > free:
        text = f"No space left: {needed / 1e6:,.0f} MB are needed, {free / 1e6:,.0f} MB are free"
        raise OSError(errno.ENOSPC, text, str(root))


def _unpack_one(archive: zipfile.ZipFile, member: zipfile.ZipInfo, root: Path) -> str | None:
    """Put a member where it belongs; return its name if it is a dataset."""
    store = _STORE.fullmatch(member.filename)
    if store is None:
        if _WHEEL.fullmatch(member.filename):
            (root / "packages").mkdir(exist_ok=True)
            with archive.open(member) as source, whole_file(root / member.filename) as file:
                shutil.copyfileobj(source, file)
        return None
    name = store.group(1)
    with store_workspace(name, root):
        with archive.open(member) as source:
            _check_header(source, member)
        with (
            archive.open(member) as source,
            whole_file(root / member.filename, like_folder=True) as file,
        ):
            shutil.copyfileobj(source, file)
            file.flush()
            _check_store(Path(file.name), name)
    return name


def _check_header(source: BinaryIO, member: zipfile.ZipInfo) -> None:
    """Compare what the store's header announces with the member's size, before it is written."""
    size = int.from_bytes(source.read(8), "little")
    if not 2 <= size <= 2**20:
        raise RuntimeError(f"{member.filename} in it is no store")
    header = json.loads(source.read(size))
    ends = [entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"]
    sizes = [math.prod(entry["shape"]) for key, entry in header.items() if key != "__metadata__"]
    if not ends or member.file_size != 8 + size + max(ends) or sum(sizes) != max(ends):
        raise RuntimeError(f"{member.filename} in it was cut short")


def _check_store(path: Path, name: str) -> None:
    """Refuse a store that is damaged, or passes for another dataset."""
    verify_store(path)
    dataset = read_store(path)
    classes = KNOWN[name].classes if name in KNOWN else dataset.classes
    if dataset.name != name or dataset.classes != classes or name in EMBEDDED:
        raise RuntimeError(f"its {name}.safetensors holds {dataset.name!r}, which is not {name}")
