"""Put the student edition into a folder, and never touch what a student has written"""

# A plain module, edited here.

import hashlib
import json
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nnlab_course.files import write_whole


def packaged_lessons() -> Path:
    """Return the folder of the package that holds the student edition.

    **Raises:** `FileNotFoundError` in a checkout of the repository, where there is none.
    """
    folder = Path(__file__).parent / "lessons"
    if not folder.is_dir():
        raise FileNotFoundError(
            "this copy of the package holds no lessons: it is run from a checkout of the course. "
            "There, `make lab` makes the student edition and opens it"
        )
    return folder


def _places(path: Path) -> Iterator[Path]:
    """Yield the lesson's own place, and then those beside it."""
    yield path
    yield path.with_suffix(".new.ipynb")
    number = 2
    while True:
        yield path.with_suffix(f".new{number}.ipynb")
        number += 1


@dataclass(frozen=True)
class Laid:
    """What happened to one lesson.

    `action` is `"new"`, `"updated"`, `"unchanged"`, `"kept"` (changed by the student, and no newer
    edition exists) or `"beside"` (changed, and the newer edition is at `path`).
    """

    name: str
    path: Path
    action: str

    def __str__(self) -> str:
        told = {
            "kept": "yours, kept as it is",
            "beside": f"yours, kept as it is; a new edition is beside it: {self.path.name}",
        }
        return f"{self.name:24} {told.get(self.action, self.action)}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


_VERSION = re.compile(rb'("pygments_lexer": "ipython3",\s+"version": ")[^"]*')


def _for_this_python(notebook: bytes) -> bytes:
    """Name this version of Python in a notebook, as JupyterLab does when it opens one.

    A lesson that was only looked at, and saved by itself, is then no changed one.
    """
    return _VERSION.sub(rb"\g<1>" + platform.python_version().encode(), notebook)


def _lay_one(path: Path, content: bytes, record: dict[str, str]) -> Laid:
    """Lay a lesson at `path` or beside it, and note its digest in `record`."""
    digest = _digest(content)
    for place in _places(path):
        laid = record.get(place.name)
        if place.is_symlink() or (place.exists() and not place.is_file()):
            continue  # not ours: a link could lead to anywhere
        current = _digest(place.read_bytes()) if place.exists() else None
        if current is not None and current != digest:
            if laid == digest:  # the student works on this very edition
                return Laid(path.name, place, "kept")
            if laid != current:
                continue  # changed since it was laid
        if current != digest:
            write_whole(place, content, sync=False)
        record[place.name] = digest
        if place != path:
            return Laid(path.name, place, "beside")
        if current == digest:
            return Laid(path.name, place, "unchanged")
        return Laid(path.name, place, "new" if current is None else "updated")
    raise AssertionError("the places never end")


_RECORD = ".nnlab-lessons.json"


def _read_record(folder: Path) -> dict[str, str]:
    """Read which digests were laid; what can't be read counts as nothing laid."""
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def lay_out(
    lessons: Path | str,  # Folder of the student edition
    folder: Path | str,  # The student's folder; it is made if it isn't there
) -> list[Laid]:  # One for each lesson
    """Put the lessons into a folder, without touching what was changed there.

    **Raises:** `FileNotFoundError` if there are no lessons; `OSError` if the folder can't be made
    or written to.
    """
    sources = sorted(Path(lessons).glob("*.ipynb"))
    if not sources:
        raise FileNotFoundError(f"no notebooks in {lessons}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    record = _read_record(folder)
    try:
        return [
            _lay_one(folder / path.name, _for_this_python(path.read_bytes()), record)
            for path in sources
        ]
    finally:
        write_whole(folder / _RECORD, json.dumps(record, indent=1), sync=False)
