"""Find what was handed in: a folder or an archive, one notebook or many, a platform's names"""

# A plain module, edited here.

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from nnlab_course.grading.archives import Allowance, is_archive, is_foreign_archive, unpack_zip
from nnlab_course.grading.marks import Refused
from nnlab_course.grading.platforms import (
    Origin,
    is_notebook_name,
    is_platform_name,
    is_system_file,
    read_name,
    without_ending,
)
from nnlab_course.grading.shown import shown_path

_MOST_NOTEBOOKS = 20  # Of one student, in one place
_DEEPEST = 20
_OF_STUDENT = (1000, 2**28)  # Files and bytes that a student's archives may hold
_LINK = "a symbolic link, not followed"


@dataclass(frozen=True)
class HandedIn:
    """A file that was handed in, or a place where one is missing."""

    student: str
    path: Path
    problem: str = ""  # Why it isn't graded
    file: str = ""  # What to call it; by default, its path
    place: str = ""  # The name, in the class's folder, of what it belongs to
    platform_id: str = ""  # The platform's number for the student
    handed_in: float = 0.0  # Seconds since 1970
    late: bool = False  # The platform says so
    own_folder: bool = False  # Whether the files beside it are the same student's

    @property
    def label(self) -> str:
        """What to call it in a table."""
        return self.file or shown_path(self.path)


@dataclass(frozen=True)
class _Entry:
    """An entry of a folder."""

    name: str
    path: Path
    kind: str  # "link", "folder", "file"


def _entries(folder: Path) -> list[_Entry]:
    """List a folder, without what systems leave there.

    **Raises:** `OSError` if it can't be read.
    """
    with os.scandir(folder) as found:
        entries = [
            _Entry(
                entry.name,
                Path(entry.path),
                "link"
                if entry.is_symlink()
                else "folder"
                if entry.is_dir(follow_symlinks=False)
                else "file",
            )
            for entry in found
            if not is_system_file(entry.name)
        ]
    return sorted(entries, key=lambda entry: os.fsencode(entry.name))


def _is_download(folder: Path) -> bool:
    """Tell whether a learning platform has filled a folder with the work of several students."""
    try:
        return any(is_platform_name(entry.name) for entry in _entries(folder))
    except OSError:
        return False


def _time_of(path: Path) -> float:
    """Tell when something was handed in: by nbgrader's note beside it, or by its own date."""
    try:
        note = (path.parent / "timestamp.txt").read_text(encoding="utf-8", errors="replace")[:40]
        if match := re.match(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)", note):
            return datetime.fromisoformat(f"{match[1]} {match[2]}+00:00").timestamp()
    except (OSError, ValueError):
        pass
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0


def _looks_like_notebook(path: Path) -> bool:
    """Tell whether a file of another name begins as a notebook does."""
    name = path.name.lower()
    if path.suffix.lower() not in ("", ".json", ".txt") and ".ipynb" not in name:
        return False
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            return b'"cell_type"' in file.read(2**16)
    except OSError:
        return False


class _Search:
    """Looks through folders and archives; `workspace` is where archives are unpacked."""

    def __init__(self, workspace: Path | None, ignored: Sequence[Path]):
        self.workspace, self.ignored = workspace, [path.resolve() for path in ignored]
        self.names: list[tuple[Path, str]] = []  # Where archives were unpacked, what they are
        self.problems: dict[str, str] = {}
        self.told: set[str] = set()
        self.allowance = Allowance()

    def unpacked(self, path: Path) -> Path:
        """Unpack an archive within what is allowed still, and return the folder.

        **Raises:** `Refused` if it can't be opened.
        """
        if self.workspace is None:
            raise Refused("an archive; unpack it first")
        folder = self.workspace / str(len(self.names))
        folder.mkdir(mode=0o700)
        self.names.insert(0, (folder, self.label(path)))
        try:
            unpack_zip(path, folder, self.allowance)
        finally:
            self.problems |= self.allowance.problems
        return folder

    def label(self, path: Path) -> str:
        """Name a file as the teacher knows it, in an archive or not."""
        for folder, name in self.names:
            if path == folder:
                return name
            if folder in path.parents:
                return f"{name}/{shown_path(path.relative_to(folder))}"
        return shown_path(path)

    def found(
        self, origin: Origin, place: str, path: Path, problem: str = "", own_folder: bool = False
    ) -> HandedIn:
        return HandedIn(
            shown_path(origin.student),
            path,
            problem,
            self.label(path),
            place,
            origin.id,
            origin.handed_in or _time_of(path),
            origin.late,
            own_folder,
        )

    def everything(self, folder: Path, depth: int = 0) -> Iterator[HandedIn]:
        """Yield the work of a class."""
        for entry in _entries(folder):
            if entry.path.resolve() in self.ignored:
                continue
            origin = read_name(entry.name)
            try:
                yield from self.submission(entry, origin, depth)
            except (OSError, Refused) as error:
                reason = getattr(error, "strerror", None)
                problem = f"can't be read: {reason}" if reason else str(error)
                yield self.found(origin, entry.name, entry.path, problem)
        if depth == 0:
            yield from self.left_over(folder)

    def left_over(self, folder: Path) -> Iterator[HandedIn]:
        """Yield what could not be unpacked, and is no student's that is known."""
        for path, problem in self.problems.items():
            if path not in self.told:
                place = Path(path).relative_to(folder) if folder in Path(path).parents else path
                name = Path(place).parts[0]
                yield self.found(read_name(name), name, Path(path), problem)

    def submission(self, entry: _Entry, origin: Origin, depth: int) -> Iterator[HandedIn]:
        """Yield what an entry of a class's folder holds."""
        path = entry.path
        if entry.kind == "link":
            yield self.found(origin, entry.name, path, _LINK)
            return
        if is_archive(path):
            self.allowance = Allowance(*_OF_STUDENT)
            path = _without_wrapper(self.unpacked(path), entry.path.stem)
        elif entry.kind == "file":
            problem = "only the platform's own note" if origin.note_only else ""
            yield self.found(origin, entry.name, path, problem)
            return
        if depth < 3 and not origin.platform and _is_download(path):
            yield from self.everything(path, depth + 1)
        else:
            yield from self.of_student(path, origin, entry.name)

    def of_student(self, folder: Path, origin: Origin, place: str) -> Iterator[HandedIn]:
        """Yield a student's notebooks, or what is there instead."""
        found, others = [], []
        self.allowance = Allowance(*_OF_STUDENT)
        for path, problem in self.walk(folder):
            if problem or is_notebook_name(path.name):
                found.append(self.found(origin, place, path, problem, True))
            else:
                others.append(path)
        if all(item.problem for item in found):
            alike = [path for path in others if _looks_like_notebook(path)]
            found += [self.found(origin, place, path, "", True) for path in alike]
        if not found:
            problem = "only an online text" if origin.note_only else _nothing_in(folder, others)
            found = [self.found(origin, place, folder, problem)]
        yield from found[:_MOST_NOTEBOOKS]
        if len(found) > _MOST_NOTEBOOKS:
            problem = f"more than {_MOST_NOTEBOOKS} notebooks; the others were not looked at"
            yield self.found(origin, place, folder, problem)

    def walk(self, folder: Path) -> Iterator[tuple[Path, str]]:
        """Yield the files below a folder, and what can't be looked at, with the reason."""
        waiting = [(folder, 0)]
        while waiting:
            place, depth = waiting.pop()
            try:
                entries = _entries(place)
            except OSError as error:
                yield place, f"can't be read: {error.strerror}"
                continue
            folders = []
            for entry in entries:
                problem, inner = self.look(entry, depth)
                if problem or inner is None:
                    yield entry.path, problem
                else:
                    folders.append((inner, depth + 1))
            waiting += reversed(folders)
        for path, problem in self.problems.items():
            if folder in Path(path).parents:
                self.told.add(path)
                yield Path(path), problem

    def look(self, entry: _Entry, depth: int) -> tuple[str, Path | None]:
        """Tell what is wrong with an entry, or which folder is to be looked into."""
        if entry.kind == "link":
            return _LINK, None
        if entry.kind == "file" and is_archive(entry.path):
            try:
                return "", self.unpacked(entry.path)
            except Refused as error:
                return str(error), None
        if entry.kind == "file" and is_foreign_archive(entry.name):
            return "an archive of a kind that isn't opened; hand in the notebook or a zip", None
        if entry.kind == "file":
            return "", None
        if depth >= _DEEPEST:
            return f"folders nested deeper than {_DEEPEST}, not looked into", None
        return "", entry.path


def _nothing_in(folder: Path, others: Sequence[Path]) -> str:
    """Say that there is no notebook, and what there is."""
    if not others:
        return "no notebook in this folder"
    named = ", ".join(shown_path(path.relative_to(folder)) for path in others[:5])
    more = f" and {len(others) - 5} more" if len(others) > 5 else ""
    return f"no notebook in this folder; it holds {named}{more}"


def _without_wrapper(folder: Path, stem: str) -> Path:
    """Go into the one folder that an archive of a whole folder consists of."""
    entries = _entries(folder)
    if len(entries) != 1 or entries[0].kind != "folder" or is_platform_name(entries[0].name):
        return folder
    inside = _entries(entries[0].path)
    notebooks = any(is_notebook_name(entry.name) for entry in inside)
    is_wrapper = entries[0].name == stem or len(inside) > 1 or _is_download(entries[0].path)
    return entries[0].path if is_wrapper and not notebooks else folder


def _class_folder(source: Path, search: _Search) -> Path:
    """Find the folder that has an entry for each student."""
    if is_archive(source) and source.is_file():
        return _without_wrapper(search.unpacked(source), source.stem)
    entries = _entries(source)
    only = entries[0] if len(entries) == 1 else None
    if only and only.kind == "file" and is_archive(only.path) and not is_platform_name(only.name):
        return _class_folder(entries[0].path, search)
    return source


def find_submissions(
    folder: Path,  # Or a zip archive
    workspace: Path | None = None,  # An empty folder for what is unpacked; None: unpack nothing
    *,
    ignored: Sequence[Path] = (),  # Files among them that aren't submissions
) -> list[HandedIn]:  # In alphabetical order
    """List what was handed in: a folder, a notebook or an archive for each student.

    **Raises:** `OSError` if the folder can't be read; `Refused` if the archive can't.
    """
    search = _Search(workspace, ignored)
    found = list(search.everything(_class_folder(folder, search)))
    handed_in = {item.student for item in found if not item.problem}
    notes = ("only the platform's own note", "only an online text")
    return _told_apart(
        [item for item in found if item.problem not in notes or item.student not in handed_in]
    )


def _told_apart(found: Sequence[HandedIn]) -> list[HandedIn]:
    """Give different names to students whose names differ only in what can't be shown."""
    places: dict[str, set[bytes]] = {}
    for item in found:
        if item.place and not is_platform_name(item.place):
            raw = os.fsencode(without_ending(item.place))
            places.setdefault(item.student, set()).add(raw)
    apart = {student: sorted(raws) for student, raws in places.items() if len(raws) > 1}
    return [
        replace(item, student=f"{item.student} ({1 + apart[item.student].index(raw)})")
        if item.student in apart
        and (raw := os.fsencode(without_ending(item.place))) in apart[item.student]
        else item
        for item in found
    ]
