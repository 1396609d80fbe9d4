"""Feedback for each student, the teacher's summary, and where the files go"""

# A plain module, edited here.

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from nnlab_course.exercises.result import SYMBOLS, as_html
from nnlab_course.files import write_whole
from nnlab_course.grading.journal import write_register
from nnlab_course.grading.judge import explain_cell_error
from nnlab_course.grading.marks import Mark, Register
from nnlab_course.grading.rules import Rules
from nnlab_course.grading.shown import without_surrogates
from nnlab_course.grading.statistics import (
    VERDICTS,
    ExerciseStatistics,
    FrequentMistake,
    distribution,
    exercise_statistics,
    frequent_mistakes,
)
from nnlab_course.grading.table import Row, exercise_key, rows, write_csv


def _code(text: str) -> Markup:
    """Escape a text as checks do, and show what stands between backticks as code."""
    return Markup(as_html(text))


@cache
def _templates() -> Environment:
    """Load the templates; whatever is filled in is escaped."""
    loader = PackageLoader("nnlab_course.grading")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {
        "code": _code,
        "points": lambda value: f"{value:g}",
        "in_order": lambda exercises: sorted(exercises, key=lambda own: exercise_key(own.id)),
        "symbol": SYMBOLS.__getitem__,
        "file_name": lambda path: Path(path).name,
        "explained": explain_cell_error,
    }
    return environment


def _render(template: str, **values: object) -> str:
    return without_surrogates(_templates().get_template(template).render(**values))


def _as_rows(entries: Sequence[Mark | Row]) -> list[Row]:
    """Take rows as they are, and choose them of notebooks."""
    return [e for e in entries if isinstance(e, Row)] or rows(entries)


def feedback_html(
    student: str,
    chosen: Sequence[Row | Mark],  # The student's rows
) -> str:
    """Write a student's feedback: what the checks say, and which cells failed."""
    title = f"Feedback for {student}"
    return _render("feedback.html", title=title, student=student, rows=_as_rows(chosen))


@dataclass(frozen=True)
class _LessonSummary:
    """What the summary shows of a lesson."""

    name: str
    rows: list[Row]
    distribution: list[tuple[str, int]]
    exercises: list[ExerciseStatistics]
    mistakes: list[FrequentMistake]

    @property
    def most(self) -> int:
        return max(1, *(count for _, count in self.distribution))


def _lesson_summary(name: str, chosen: Sequence[Row]) -> _LessonSummary:
    own = [row for row in chosen if row.lesson == name and row.mark.exercises]
    mistakes = frequent_mistakes(own)[:15]
    return _LessonSummary(name, own, distribution(own), exercise_statistics(own), mistakes)


def summary_html(
    chosen: Sequence[Row | Mark],
    feedback: Mapping[str, str],  # Student -> address of the feedback, relative to the summary
) -> str:
    """Write the teacher's summary."""
    chosen = _as_rows(chosen)
    names = sorted({row.lesson for row in chosen} - {""})
    return _render(
        "summary.html",
        title="Marks",
        verdicts=VERDICTS,
        rows=chosen,
        lessons=[_lesson_summary(name, chosen) for name in names],
        feedback={row.student: feedback.get(row.student, "") for row in chosen},
    )


def _feedback_names(students: Sequence[str]) -> dict[str, str]:
    """Choose a file name for each student's feedback: the student's own, where that is possible."""
    names, taken = {}, set()
    for student in students:
        name = re.sub(r"[/\\\0]", "_", student) + ".html"
        if len(os.fsencode(name)) > 200 or name.casefold() in taken or name.startswith("."):
            name = f"{hashlib.sha256(student.encode()).hexdigest()}.html"
        taken.add(name.casefold())
        names[student] = name
    return names


def feedback_pages(chosen: Sequence[Row]) -> dict[str, str]:
    """Write every student's feedback."""
    by_student: dict[str, list[Row]] = {}
    for row in chosen:
        by_student.setdefault(row.student, []).append(row)
    return {student: feedback_html(student, own) for student, own in by_student.items()}


def write_reports(
    register: Register,
    out: Path,  # The table's path, ending in .csv; the others are put beside it
    rules: Rules | None = None,
    missing: Sequence[Row] = (),  # Those who have handed in nothing
) -> list[Row]:
    """Write the table, its JSON, the summary, and a folder of feedback, for their owner only."""
    chosen = [*rows(register.records, rules), *missing]
    chosen.sort(key=lambda row: (row.student, row.lesson))
    folder = out.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    pages = feedback_pages(chosen)
    names = _feedback_names(sorted(pages))
    for student, page in pages.items():
        write_whole(folder / names[student], page, private=True, sync=False)
    addresses = {student: quote(f"{folder.name}/{name}") for student, name in names.items()}
    write_register(register, out.with_suffix(".json"))
    summary = summary_html(chosen, addresses)
    write_whole(out.with_suffix(".html"), summary, private=True)
    write_csv(chosen, out)
    return chosen
