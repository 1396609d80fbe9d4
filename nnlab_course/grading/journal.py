"""What is marked so far: a file that grows line by line and survives a crash"""

# A plain module, edited here.

import hashlib
import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from nnlab_course.files import write_whole
from nnlab_course.grading.lessons import PACKAGE
from nnlab_course.grading.marks import FORMAT, Mark, Register, as_plain, from_plain
from nnlab_course.grading.notebooks import Readable
from nnlab_course.grading.settings import Settings


@dataclass(frozen=True)
class _Head:
    """The first line: what the marks in the file belong to."""

    edition: str
    seed: int
    format: str = FORMAT


def edition_of(settings: Settings) -> str:
    """Tell apart what may lead to other marks: the package with its checks, and the settings."""
    digest = hashlib.sha256(repr(replace(settings, seed=0)).encode())
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


class Journal:
    """The marks so far.

    A file that was cut short loses its last line only. One that belongs to another edition of the
    checks, or to other settings, is begun again.

    **Raises:** `ValueError` if the file is no journal.
    """

    def __init__(self, path: Path, settings: Settings, seed: int | None):
        self.path, self.marks, self.edition = path, {}, edition_of(settings)
        old, *lines = self._read() or [None]
        if old and old.edition == self.edition and seed in (None, old.seed):
            self.marks = {(mark.file, mark.digest): mark for mark in lines}
            seed = old.seed
        self.seed = secrets.randbelow(2**31) if seed is None else seed
        head = _Head(self.edition, self.seed)
        lines = [_line(entry) for entry in (head, *self.marks.values())]
        write_whole(path, "".join(lines), private=True)
        self.file = path.open("a", encoding="utf-8")

    def _read(self) -> list:
        """Read the head and the marks; lines that were cut short are left out."""
        if not self.path.exists():
            return []
        lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        parsed = []
        for number, line in enumerate(lines):
            try:
                parsed.append(from_plain(Mark if parsed else _Head, json.loads(line)))
            except (ValueError, RecursionError) as error:
                if number == 0 and not _is_older(line):
                    message = f"{self.path} is no journal of nnlab grade; move it out of the way"
                    raise ValueError(f"{message}, or give another --out") from error
                if number == 0:
                    return []
        return parsed

    def find(self, readable: Readable) -> Mark | None:
        """Return the mark of a file that was graded before and is the same still."""
        return self.marks.get((readable.handed_in.label, readable.digest))

    def add(self, mark: Mark) -> None:
        """Write down a mark. What wasn't graded is looked at again the next time.

        **Raises:** `OSError`, with the file's name, if the disk is full.
        """
        if mark.problem:
            return
        try:
            self.file.write(_line(mark))
            self.file.flush()
            os.fsync(self.file.fileno())
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from error

    def close(self) -> None:
        with suppress(OSError):  # what could not be written has been told
            self.file.close()


def _is_older(line: str) -> bool:
    """Tell whether this was the first line of a journal in an earlier edition of the package."""
    try:
        head = json.loads(line)
    except ValueError:
        return False
    return isinstance(head, dict) and "edition" in head and "seed" in head


def _line(entry: _Head | Mark) -> str:
    return json.dumps(as_plain(entry)) + "\n"


def write_register(register: Register, path: Path) -> None:
    """Write the marks of a class as JSON."""
    write_whole(path, json.dumps(as_plain(register), indent=1), private=True)


def read_register(path: Path) -> Register:
    """Read what `write_register` wrote.

    **Raises:** `ValueError` if it is something else.
    """
    try:
        return register_from(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from error


def register_from(document: object) -> Register:
    """Make a register of plain data.

    **Raises:** `ValueError` if it is something else.
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"not a file of marks of this version ({FORMAT})")
    return from_plain(Register, document)
