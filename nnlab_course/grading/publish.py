"""Bring marks to where they belong: tables, pages, the platform's roster, its feedback zip"""

# A plain module, edited here.

import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from nnlab_course.files import write_whole
from nnlab_course.grading.grade import alone, mark_folder, outputs_of, require_apart
from nnlab_course.grading.marks import Register
from nnlab_course.grading.platforms import read_name
from nnlab_course.grading.reports import feedback_pages, write_reports
from nnlab_course.grading.rosters import Matches, Roster, fill, match, read_roster
from nnlab_course.grading.rules import Rules, misfits
from nnlab_course.grading.settings import Settings
from nnlab_course.grading.shown import safe_file_name
from nnlab_course.grading.table import Row, absent, rows


@dataclass(frozen=True)
class Delivery:
    """Where marks go, and by which rules."""

    rules: Rules = field(default_factory=Rules)
    roster: Path | None = None  # The platform's table of grades
    grade_column: str | None = None
    feedback_zip: Path | None = None


@dataclass(frozen=True)
class Delivered:
    """What became of it."""

    rows: list[Row]
    missing: tuple[str, ...] = ()  # On the roster, and handed in nothing
    unmatched: tuple[str, ...] = ()  # Handed in something, and not on the roster
    misfits: tuple[str, ...] = ()  # Adjustments and exceptions that fit nothing


def deliver(register: Register, out: Path, delivery: Delivery) -> Delivered:
    """Write everything.

    **Raises:** `ValueError` if the roster can't be read; `OSError` if something can't be written.
    """
    chosen = rows(register.records, delivery.rules)
    lessons = sorted({row.lesson for row in chosen} - {""})
    roster = matches = None
    missing: Sequence[Row] = ()
    if delivery.roster:
        roster = read_roster(delivery.roster, delivery.grade_column, lessons)
        matches = match(roster, chosen)
        missing = absent(matches.missing, lessons[0] if len(lessons) == 1 else "")
    written = write_reports(register, out, delivery.rules, missing)
    if roster and matches:
        fill(roster, matches)
    if delivery.feedback_zip:
        folders = {row.student: feedback_folder(row, roster, matches) for row in chosen}
        write_feedback_zip(delivery.feedback_zip, feedback_pages(chosen), folders)
    problems = misfits(delivery.rules, register.records)
    return Delivered(
        written,
        matches.missing if matches else (),
        matches.unmatched if matches else (),
        tuple(problems) if register.shard == (1, 1) else (),
    )


def feedback_folder(row: Row, roster: Roster | None, matches: Matches | None) -> str:
    """Name a student's folder as Moodle does, where it is known how."""
    origin = read_name(row.mark.place)
    if origin.platform == "Moodle":
        return safe_file_name(f"{origin.student}_{origin.id}_assignsubmission_file_")
    if roster and matches and roster.platform == "Moodle":
        for number, own in matches.rows.items():
            if row.student == own[0].student:
                person = roster.people[number]
                return safe_file_name(f"{person.name}_{person.id}_assignsubmission_file_")
    return safe_file_name(row.student)


def write_feedback_zip(
    path: Path,
    pages: Mapping[str, str],  # Student -> page
    folders: Mapping[str, str],  # Student -> folder in the archive
) -> None:
    """Write every student's feedback into an archive, a folder for each."""

    def write(file: BinaryIO) -> None:
        taken: set[str] = set()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for student, page in sorted(pages.items()):
                folder = folders[student]
                while folder.casefold() in taken:
                    folder = re.sub(r"(_assignsubmission_file_|)$", r"-2\1", folder, count=1)
                taken.add(folder.casefold())
                entry = zipfile.ZipInfo(f"{folder}/feedback.html", (2000, 1, 1, 0, 0, 0))
                entry.external_attr = 0o600 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, page)

    write_whole(path, write, private=True)


def mark_and_deliver(
    submissions: Path,
    out: Path,
    settings: Settings,
    delivery: Delivery,
    num_workers: int | None = None,
    shard: tuple[int, int] = (1, 1),
) -> tuple[Register, Delivered]:
    """Mark a class, and bring the marks to where they belong. Errors as of `grade_folder`."""
    others = [path for path in (delivery.roster, delivery.feedback_zip) if path]
    zipped = [delivery.feedback_zip] if delivery.feedback_zip else []
    require_apart(submissions, [*outputs_of(out), *zipped])
    with alone(out):
        register = mark_folder(
            submissions, out, settings, num_workers=num_workers, shard=shard, ignored=others
        )
        return register, deliver(register, out, delivery)
