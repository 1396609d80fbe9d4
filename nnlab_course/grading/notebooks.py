"""Read a file that should be a notebook: its cells, or what it is instead"""

# A plain module, edited here.

import hashlib
import json
import os
import re
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from nnlab_course.grading.lessons import find_lesson, other_lesson
from nnlab_course.grading.marks import Refused
from nnlab_course.grading.settings import Settings
from nnlab_course.grading.submissions import HandedIn

_LARGEST_FILE = 32 * 2**20
_LARGEST_BESIDE = 8 * 2**20  # All files beside a notebook together
_MOST_BESIDE = 20
_MOST_CELLS = 1000
_KINDS = {  # How a file begins, and what it is
    b"PK\x03\x04": "a zip archive or an office document",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"\x1f\x8b": "a compressed file",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"\xd0\xcf\x11\xe0": "an office document",
    b"{\\rtf": "a text of a word processor",
    b"version https://git-lfs": "a pointer of Git LFS, without the file itself",
    b"\x7fELF": "a program",
}


@dataclass(frozen=True)
class NotebookContent:
    """What is read of a notebook."""

    cells: tuple[str, ...]  # Sources of the code cells
    texts: tuple[str, ...] = ()  # Sources of the others: Markdown, raw
    notes: tuple[str, ...] = ()  # How it had to be read
    python: tuple[int, ...] = ()  # The version with which it was run last, such as (3, 12)


@dataclass(frozen=True)
class Readable:
    """A notebook that can be marked, or the reason why not."""

    handed_in: HandedIn
    problem: str = ""
    digest: str = ""
    lesson: str = ""
    notebook: NotebookContent = field(default_factory=lambda: NotebookContent(()))
    beside: tuple[tuple[str, bytes], ...] = ()  # Small files in the same folder
    notes: tuple[str, ...] = ()


def read_file(path: Path) -> bytes:
    """Read a submission.

    **Raises:** `Refused` if it isn't a file of a reasonable size, or can't be read.
    """
    try:
        # Neither a link that was put there meanwhile, nor a pipe that nobody writes to.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode):
                raise Refused("not a file")
            if facts.st_size > _LARGEST_FILE:
                raise Refused(f"larger than {_LARGEST_FILE // 2**20} MB")
            return file.read(_LARGEST_FILE)
    except OSError as error:
        raise Refused(f"can't be read: {error.strerror}") from error


def _decode(content: bytes) -> str:
    """Read a text in whatever encoding an editor may have saved it."""
    for mark, encoding in (
        (b"\xff\xfe\x00\x00", "utf-32"),
        (b"\x00\x00\xfe\xff", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if content.startswith(mark):
            return content.decode(encoding)
    if content[:2] in (b"{\x00", b"\x00{"):
        return content.decode("utf-16-le" if content[1] == 0 else "utf-16-be")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        if not content.lstrip()[:1] == b"{":
            raise
        return content.decode("cp1252", "replace")


def _kind(content: bytes, text: str) -> str:
    """Say what a file is that isn't JSON."""
    for start, kind in _KINDS.items():
        if content.startswith(start):
            return f", but {kind}"
    start = text.lstrip()[:2000].lower()
    if not start:
        return ", the file is empty"
    if re.match(r"<!doctype html|<html|<\?xml|<!--|<head|<body|<script", start):
        return ", but a web page; download the notebook itself, not the page that shows it"
    if not start.startswith("{"):
        is_code = re.search(r"(?m)^(import |from \w+ import |def |# %%|#!.*python)", start)
        return ", but a Python script" if is_code else f", but begins with {start[:20].strip()!r}"
    return ""


def _broken(text: str, error: ValueError) -> str:
    """Say where JSON is broken."""
    if not isinstance(error, json.JSONDecodeError):
        return ": a number in it has thousands of digits"  # which is all that json refuses itself
    left = text[error.pos :].strip()
    if not left or "Unterminated string" in error.msg:
        return f": the file is cut short in line {text.count(chr(10)) + 1}"
    return f": line {error.lineno} can't be read ({error.msg})"


def _sides(text: str) -> tuple[list[str], int]:
    """Return the two sides of unresolved git conflicts, and the line of the first one, or 0."""
    sides, first, state = ([], []), 0, ""
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        mark = line[:7]
        if mark in ("<<<<<<<", "|||||||", ">>>>>>>") or (mark == "=======" and state):
            first = first or number
            state = "" if mark == ">>>>>>>" else mark
            continue
        if state in ("", "<<<<<<<"):
            sides[0].append(line)
        if state in ("", "======="):
            sides[1].append(line)
    return (["".join(side) for side in sides] if first else []), first


def _parse(content: bytes) -> tuple[object, tuple[str, ...]]:
    """Read JSON, and say what had to be done to it.

    **Raises:** `Refused` with a description of what the file is instead.
    """
    head = "not a notebook: it isn't JSON"
    try:
        text = _decode(content)
    except UnicodeDecodeError as error:
        raise Refused(f"{head}{_kind(content, '') if content else ''}") from error
    try:
        return json.loads(text), ()
    except RecursionError as error:
        raise Refused(f"{head}: it is nested too deeply") from error
    except ValueError as error:
        sides, line = _sides(text)
        for which, side in zip(("first", "second"), sides, strict=False):
            with suppress(ValueError, RecursionError):
                note = f"unresolved git conflict at line {line}; marked with its {which} side"
                return json.loads(side), (note,)
        with suppress(ValueError, RecursionError):  # a longer file that was written over
            document, end = json.JSONDecoder().raw_decode(text.lstrip())
            if isinstance(document, dict) and text.lstrip()[end:].strip():
                return document, ("what follows after the notebook's end was left out",)
        conflict = f": unresolved git conflict at line {line}" if line else ""
        reason = conflict or _kind(content, text) or _broken(text, error)
        raise Refused(f"{head}{reason}") from error


_MARKS = re.compile(r"[*`<>/\w\s=\":;-]{0,40}?(<{7}|={7}|>{7})(?![<=>])")


def _first_side(cells: Sequence[dict]) -> list[dict]:
    """Leave out the second side of conflicts that a merge of notebooks has put into Markdown."""
    kept, state = [], ""
    for cell in cells:
        is_text = cell.get("cell_type") in ("markdown", "raw")
        found = _MARKS.match(_source(cell)[:200]) if is_text else None
        mark = found[1][0] if found else ""
        if mark and (mark == "<" or state):
            state = "" if mark == ">" else mark
        elif state != "=":
            kept.append(cell)
    return kept if not state else list(cells)


def _converted(document: dict) -> dict:
    """Bring a notebook of an old format into format 4."""
    try:
        import nbformat
    except ImportError as error:
        raise Refused(
            "a notebook of an old format; to read it, install nbformat (pip install nbformat)"
        ) from error
    version = document.get("nbformat", 3)
    try:
        module = nbformat.versions[version]
        notebook = module.to_notebook_json(document) if version > 1 else module.reads(document)
        return nbformat.convert(notebook, 4)
    except Exception as error:  # what an old and strange file does to a converter isn't foreseen
        raise Refused(
            f"a notebook of format {str(version)[:20]!r} that can't be converted "
            f"({type(error).__name__})"
        ) from error


def _source(cell: dict) -> str:
    source = cell.get("source", "")
    lines = source if isinstance(source, list) else [source]
    if not all(isinstance(line, str) for line in lines):
        raise Refused("not a notebook: a cell's source isn't text")
    text = "".join(lines).encode("utf-8", "replace").decode()
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _python_of(document: dict) -> tuple[int, ...]:
    """Tell with which Python a notebook was run; empty if it doesn't say."""
    match document.get("metadata"):
        case {"language_info": {"version": str(version)}}:
            found = re.match(r"(\d{1,3})\.(\d{1,3})", version)
            return tuple(map(int, found.groups())) if found else ()
    return ()


def parse_notebook(
    content: bytes,  # Of a file that should be a notebook
) -> NotebookContent:
    """Read the cells of a notebook.

    **Raises:** `Refused` if it is no notebook.
    """
    document, notes = _parse(content)
    if isinstance(document, dict) and isinstance(document.get("worksheets"), list):
        document = _converted(document)
        notes = (*notes, "converted from an old notebook format")
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        is_shortcut = isinstance(document, dict) and "doc_id" in document
        reason = ", but a shortcut to a file on Google Drive, without the file itself"
        raise Refused(
            f"not a notebook{reason if is_shortcut else ' of format 4: it has no list of cells'}"
        )
    everything = [cell for cell in document["cells"] if isinstance(cell, dict)]
    cells = _first_side(everything)
    if len(cells) < len(everything):
        notes = (*notes, "unresolved git conflict among its cells; marked with its first side")
    code = tuple(_source(cell) for cell in cells if cell.get("cell_type") == "code")
    texts = tuple(_source(c) for c in cells if c.get("cell_type") in ("markdown", "raw"))
    if len(code) > _MOST_CELLS:
        raise Refused(f"more than {_MOST_CELLS} code cells")
    return NotebookContent(code, texts, notes, _python_of(document))


def code_cells(
    content: bytes,  # Of a file that should be a notebook
) -> list[str]:
    """Return the source of a notebook's code cells.

    **Raises:** `Refused` if it is no notebook.
    """
    return list(parse_notebook(content).cells)


def _files_beside(path: Path) -> tuple[tuple[str, bytes], ...]:
    """Read the small files in a notebook's folder."""
    try:
        names = sorted(os.listdir(path.parent))[:1000]
    except OSError:
        return ()
    files, size = [], 0
    for name in names:
        if name.startswith(".") or name.lower().endswith((".ipynb", ".zip")):
            continue
        try:
            if (facts := os.lstat(path.parent / name)).st_size + size > _LARGEST_BESIDE:
                continue
            if stat.S_ISREG(facts.st_mode) and len(files) < _MOST_BESIDE:
                files.append((name, read_file(path.parent / name)))
                size += facts.st_size
        except (OSError, Refused):
            continue
    return tuple(files)


def read_submission(
    found: HandedIn,
    settings: Settings,
) -> Readable:
    """Read what was handed in, as text, and find out where it belongs."""
    if found.problem:
        return Readable(found, found.problem)
    digest = ""
    try:
        content = read_file(found.path)
        digest = hashlib.sha256(content).hexdigest()
        notebook = parse_notebook(content)
        lesson = settings.lesson
        own, notes = lesson or find_lesson([*notebook.cells, *notebook.texts]), notebook.notes
    except Refused as reason:
        return Readable(found, str(reason), digest)
    if lesson and (other := other_lesson(notebook.cells, lesson)):
        notes = (*notes, f"this looks like lesson {other}, and was marked as {lesson}")
    files = _files_beside(found.path) if found.own_folder else ()
    if files:
        rest = [name.encode("utf-8", "backslashreplace") + data for name, data in files]
        digest = hashlib.sha256(b"\0".join([content, *rest])).hexdigest()
    return Readable(found, "", digest, own, notebook, files, notes)


def misplaced(
    notebook: NotebookContent,
    names: Sequence[str],  # Of the answers to one exercise
) -> str:  # Empty if there is none
    """Find a cell that looks like an answer, but isn't code."""
    for text in notebook.texts:
        for name in names:
            if re.search(rf"(?m)^\s*(def\s+{name}\s*\(|{name}\s*(:[^=\n]*)?=[^=])", text):
                line = text.strip().splitlines()[0]
                return (
                    f"the cell that begins with `{line[:60]}` looks like your answer, but it is "
                    "Markdown or raw text; make it a code cell"
                )
    return ""
