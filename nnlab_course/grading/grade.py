"""A folder of notebooks in, a table of marks, feedback for each student and a summary out"""

# A plain module, edited here.

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from filelock import FileLock, Timeout
from tqdm import tqdm

from nnlab_course.grading.journal import Journal
from nnlab_course.grading.judge import unmarked
from nnlab_course.grading.marks import Mark, Register
from nnlab_course.grading.notebooks import Readable, read_submission
from nnlab_course.grading.parts import in_part, listing_of
from nnlab_course.grading.reports import write_reports
from nnlab_course.grading.rules import Rules
from nnlab_course.grading.settings import Settings
from nnlab_course.grading.submissions import find_submissions
from nnlab_course.grading.workers import grade_all
from nnlab_course.sandbox import SandboxError, visible_folders


def _holds(folder: Path, path: Path) -> bool:
    """Tell whether a path is a folder or lies in it."""
    return folder.resolve() in (path.resolve(), *path.resolve().parents)


def _require_hidden(path: Path, settings: Settings) -> None:
    """Refuse a folder that students' code could read."""
    for folder in [*visible_folders(), *([settings.data] if settings.data else [])]:
        if _holds(folder, path):
            raise SandboxError(
                f"{path} lies in {folder}, which students' code can read; use another folder"
            )


def outputs_of(out: Path) -> list[Path]:
    """List what `nnlab grade` writes: all of it is named after the table."""
    endings = (".csv", ".json", ".html", ".journal", ".lock", "")
    return [out.with_suffix(ending) for ending in endings]


def require_apart(submissions: Path, outputs: Sequence[Path]) -> None:
    """Refuse to write where the submissions are.

    **Raises:** `ValueError` if an output is, holds, or lies among the submissions.
    """
    for path in outputs:
        if _holds(submissions, path):
            raise ValueError(
                f"{path} lies among the submissions; write the marks somewhere else (--out)"
            )
        if _holds(path, submissions):
            raise ValueError(
                f"the submissions lie in {path}, where the feedback goes; use another --out"
            )


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Make sure that no other grader writes to the same files.

    **Raises:** `RuntimeError` if one does.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(out.with_suffix(".lock"), timeout=0, mode=0o600):
            yield
    except Timeout as error:
        message = f"another grader is writing {out.stem}; wait for it, or use another --out"
        raise RuntimeError(message) from error


def grade_folder(
    folder: Path,  # One folder, notebook or archive for each student; or an archive of all
    out: Path,  # The table of marks, ending in .csv
    settings: Settings,
    *,
    num_workers: int | None = None,  # By default, one for each core
    shard: tuple[int, int] = (1, 1),  # (3, 10): the third of ten parts
    rules: Rules | None = None,  # Deadline, attempts, adjustments
) -> Register:
    """Grade a folder of submissions, and write the reports.

    **Raises:** `SandboxError` if there is no sandbox, or if submissions or marks lie where a
    student's code could read them; `OSError` if the folder can't be read; `ValueError` if the marks
    are to lie among the submissions; `RuntimeError` if another grader writes to the same table.
    """
    require_apart(folder, outputs_of(out))
    with alone(out):
        register = mark_folder(folder, out, settings, num_workers=num_workers, shard=shard)
        write_reports(register, out, rules)
    return register


def mark_folder(
    folder: Path,
    out: Path,
    settings: Settings,
    *,
    num_workers: int | None = None,
    shard: tuple[int, int] = (1, 1),
    ignored: Sequence[Path] = (),  # Files among the submissions that are none
) -> Register:
    """Grade a folder of submissions; write only the journal. Arguments as for `grade_folder`."""
    if not settings.unsafe:
        _require_hidden(folder, settings)
        _require_hidden(out, settings)
    require_apart(folder, outputs_of(out))
    with tempfile.TemporaryDirectory(prefix="nnlab-unpacked-") as workspace:
        everything = find_submissions(folder, Path(workspace), ignored=ignored)
        own = in_part(everything, shard)
        found = told_apart([read_submission(item, settings) for item in own])
        with closing(Journal(out.with_suffix(".journal"), settings, settings.seed)) as journal:
            settings = replace(settings, seed=journal.seed)
            marks = list(_graded(found, settings, journal, num_workers))
    marks.sort(key=lambda mark: mark.file)  # as `merge` does
    return Register(
        seed=journal.seed,
        edition=journal.edition,
        listing=listing_of(everything),
        shard=shard,
        submissions=len(marks),
        records=tuple(marks),
    )


def _graded(
    found: Sequence[Readable], settings: Settings, journal: Journal, num_workers: int | None
) -> Iterator[Mark]:
    """Yield a mark for each submission: from the journal, from what is known, or by grading."""
    todo: list[Readable] = []
    for readable in found:
        if readable.problem:
            yield unmarked(readable)
        elif known := journal.find(readable):
            yield _renewed(known, readable)
        else:
            todo.append(readable)
    num_workers = num_workers or len(os.sched_getaffinity(0))
    graded = grade_all(todo, settings, num_workers)
    for mark in tqdm(graded, "graded", len(todo), unit="notebook", disable=None):
        journal.add(mark)
        yield mark


def _renewed(known: Mark, readable: Readable) -> Mark:
    """Take from the journal what marking found out, and the rest as it is now."""
    now = unmarked(readable)
    return replace(
        now,
        points=known.points,
        of=known.of,
        exercises=known.exercises,
        errors=known.errors,
        passed_over=known.passed_over,
        notes=known.notes,
    )


def told_apart(found: Sequence[Readable]) -> list[Readable]:
    """Give different names to students of one name: a platform's numbers tell them apart.

    Moodle numbers a student anew for each assignment, Canvas doesn't: two numbers within one lesson
    are two students.
    """
    numbers: dict[tuple[str, str], set[str]] = {}
    for readable in found:
        item = readable.handed_in
        if item.platform_id:
            numbers.setdefault((item.student, readable.lesson), set()).add(item.platform_id)
    doubled = {student for (student, lesson), ids in numbers.items() if lesson and len(ids) > 1}
    return [
        replace(
            readable,
            handed_in=replace(item, student=f"{item.student} ({item.platform_id})"),
        )
        if (item := readable.handed_in).student in doubled and item.platform_id
        else readable
        for readable in found
    ]
