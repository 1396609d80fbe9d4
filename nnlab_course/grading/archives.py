"""Open an archive that somebody has handed in: no more than agreed, nowhere else"""

# A plain module, edited here.

import lzma
import os
import stat
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from nnlab_course.grading.marks import Refused
from nnlab_course.grading.platforms import is_system_file

_MOST_FILES = 20_000
_MOST_BYTES = 4 * 2**30  # Of everything that is unpacked in one call
_MOST_OF_ONE = 64 * 2**20  # Of one file
_LONGEST_NAME = 255
_DEEPEST = 20
_FOREIGN = (".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst")
_ERRORS = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, EOFError),
    *(OSError, RuntimeError, ValueError),  # a password, a method that isn't known, a name
)


@dataclass
class Allowance:
    """What may still be unpacked: of a class's archive, by default."""

    files: int = _MOST_FILES
    bytes: int = _MOST_BYTES

    # Place -> why it isn't there
    problems: dict[str, str] = field(default_factory=dict)

    def take(self, size: int, files: int = 1) -> None:
        """Use some of it up.

        **Raises:** `Refused` if it isn't enough.
        """
        self.files, self.bytes = self.files - files, self.bytes - size
        if self.files < 0:
            raise Refused("an archive of too many files")
        if self.bytes < 0:
            raise Refused("an archive that is too large when unpacked")


def is_archive(path: Path) -> bool:
    """Tell whether a file is called as a zip archive is."""
    return path.suffix.lower() == ".zip"


def is_foreign_archive(name: str) -> bool:
    """Tell whether a file is called as an archive is that can't be opened here."""
    return name.lower().endswith(_FOREIGN)


def _place(name: str) -> PurePosixPath:
    """Read where a member of an archive belongs.

    **Raises:** `Refused` if that is outside.
    """
    place = PurePosixPath(name.replace("\\", "/"))
    if place.is_absolute() or ".." in place.parts or ":" in (place.parts or ("",))[0]:
        raise Refused("its name leads out of the archive")
    if len(place.parts) > _DEEPEST:
        raise Refused(f"folders nested deeper than {_DEEPEST}")
    if any(len(os.fsencode(part)) > _LONGEST_NAME for part in place.parts) or "\0" in name:
        raise Refused("its name is too long")
    return place


def _members(archive: zipfile.ZipFile) -> Iterator[tuple[zipfile.ZipInfo, PurePosixPath | str]]:
    """Yield the members of an archive that are files, with their places or what is wrong."""
    for member in archive.infolist():
        parts = PurePosixPath(member.filename).parts
        if member.is_dir() or any(is_system_file(part) for part in parts if part != ".."):
            continue
        kind = stat.S_IFMT(member.external_attr >> 16)
        try:
            if kind not in (0, stat.S_IFREG):
                raise Refused("a symbolic link, not followed" if stat.S_ISLNK(kind) else "no file")
            if member.flag_bits & 1:
                raise Refused("locked with a password")
            yield member, _place(member.filename)
        except (Refused, ValueError) as problem:
            yield member, str(problem)


def _extract(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, allowance: Allowance
) -> None:
    """Write one member, and count what really comes out, whatever its header says."""
    allowance.take(0)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    size = 0
    with archive.open(member) as source, open(path, "xb") as file:
        while block := source.read(2**16):
            size += len(block)
            if size > _MOST_OF_ONE:
                raise Refused(f"larger than {_MOST_OF_ONE // 2**20} MB when unpacked")
            allowance.take(len(block), files=0)
            file.write(block)
    when = _time_of(member)
    os.utime(path, (when, when))


def _time_of(member: zipfile.ZipInfo) -> float:
    try:
        return max(0.0, time.mktime((*member.date_time, 0, 0, -1)))
    except (ValueError, OverflowError):
        return 0.0


def unpack_zip(
    path: Path,  # A zip archive
    folder: Path,  # Where to; must be empty
    allowance: Allowance,  # For this and all others
) -> None:
    """Unpack an archive. What can't be unpacked is noted in the allowance, with the reason.

    **Raises:** `Refused` if it can't be opened at all, or holds too much.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for member, place in _members(archive):
                if isinstance(place, str):
                    allowance.problems[str(folder / _flat(member.filename))] = place
                    continue
                try:
                    _extract(archive, member, folder / place, allowance)
                except FileExistsError:
                    allowance.problems[str(folder / place)] = "twice in the archive"
                except _ERRORS as error:
                    if allowance.files < 0 or allowance.bytes < 0:
                        raise
                    (folder / place).unlink(missing_ok=True)
                    allowance.problems[str(folder / place)] = f"can't be unpacked: {error}"
    except Refused:
        raise
    except _ERRORS as error:
        raise Refused(f"a damaged zip archive ({error})") from error


def _flat(name: str) -> str:
    """Name a member whose own name leads elsewhere."""
    return name.replace("/", "_").replace("\\", "_").replace("\0", "_")[:100] or "_"
