"""A teacher's rules: a deadline with exceptions, which attempt counts, points changed by hand"""

# A plain module, edited here.

import csv
import difflib
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from nnlab_course.grading.encodings import decode_table, delimiter_of
from nnlab_course.grading.marks import ExerciseMark, Mark, total


@dataclass(frozen=True)
class Adjustment:
    """Points that a teacher gives by hand."""

    student: str
    exercise: str  # Its number, such as "1.9"
    points: float
    comment: str = ""


@dataclass(frozen=True)
class Rules:
    """What a teacher decides about marks; it changes none of those in the journal."""

    deadline: float | None = None  # Seconds since 1970
    exceptions: Mapping[str, float] = field(default_factory=dict)  # Student -> another deadline
    attempt: str = "best"  # Or "last": which of several notebooks counts
    adjustments: tuple[Adjustment, ...] = ()


def read_time(text: str) -> float:
    """Read a time such as 2026-11-20, 2026-11-20T23:59 or one with +01:00; local if it says none.

    A day alone lasts until midnight.

    **Raises:** `ValueError` if it is no time.
    """
    text = text.strip().replace("Z", "+00:00")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no time such as 2026-11-20 or 2026-11-20T23:59") from error
    if len(text) <= 10:
        moment = moment.replace(hour=23, minute=59, second=59)
    return moment.timestamp()


def _read_table(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a small table with their line numbers.

    **Raises:** `ValueError` if a column is missing.
    """
    *_, text = decode_table(path.read_bytes())
    delimiter, start = delimiter_of(text)
    table = csv.DictReader(io.StringIO(text[start:], newline=""), delimiter=delimiter)
    names = {name.strip().lower(): name for name in table.fieldnames or ()}
    missing = [name for name in columns if name not in names]
    if missing:
        raise ValueError(
            f"{path} has no column {', '.join(missing)}; it needs {', '.join(columns)}"
        )
    for row in table:
        if any(value and value.strip() for value in row.values() if isinstance(value, str)):
            yield table.line_num, {name: (row[names[name]] or "").strip() for name in columns}


def read_exceptions(path: Path) -> dict[str, float]:
    """Read who has another deadline: a table of student, deadline.

    **Raises:** `ValueError` that names the line which can't be read.
    """
    exceptions = {}
    for line, row in _read_table(path, ("student", "deadline")):
        try:
            exceptions[row["student"]] = read_time(row["deadline"])
        except ValueError as error:
            raise ValueError(f"{path}, line {line}: {error}") from error
    return exceptions


def read_adjustments(path: Path) -> tuple[Adjustment, ...]:
    """Read points that are given by hand: a table of student, exercise, points, comment.

    **Raises:** `ValueError` that names the line which can't be read.
    """
    adjustments = []
    for line, row in _read_table(path, ("student", "exercise", "points", "comment")):
        try:
            points = float(row["points"].replace(",", "."))
        except ValueError:
            points = math.nan
        if not 0 <= points < math.inf:
            raise ValueError(f"{path}, line {line}: {row['points']!r} is no number of points")
        adjustments.append(Adjustment(row["student"], row["exercise"], points, row["comment"]))
    return tuple(adjustments)


def _who_then(name: str, students: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, sorted(students), 1)
    return f"; is it {close[0]}?" if close else ""


def misfits(rules: Rules, marks: Sequence[Mark]) -> list[str]:
    """Say which exceptions and adjustments fit nobody, no exercise, or give more than there is."""
    known = {
        (mark.student, exercise.id): exercise.of for mark in marks for exercise in mark.exercises
    }
    students = {mark.student for mark in marks}
    problems = [
        f"{name}, deadline: nobody of this name has handed in{_who_then(name, students)}"
        for name in rules.exceptions
        if name not in students
    ]
    for change in rules.adjustments:
        name = f"{change.student}, exercise {change.exercise}"
        of = known.get((change.student, change.exercise))
        if change.student not in students:
            problems.append(f"{name}: no such student{_who_then(change.student, students)}")
        elif of is None:
            problems.append(f"{name}: no such exercise in what was handed in")
        elif change.points > of:
            problems.append(f"{name}: {change.points:g} points, but it has {of:g}")
    return problems


def adjusted(mark: Mark, rules: Rules) -> Mark:
    """Give a notebook the points that a teacher has decided on."""
    own = {c.exercise: c for c in rules.adjustments if c.student == mark.student}
    if not own or not mark.exercises:
        return mark
    exercises = tuple(
        _changed(exercise, own[exercise.id]) if exercise.id in own else exercise
        for exercise in mark.exercises
    )
    points, of = total(exercises)
    return replace(mark, exercises=exercises, points=points, of=of)


def _changed(exercise: ExerciseMark, change: Adjustment) -> ExerciseMark:
    comment = f": {change.comment}" if change.comment else ""
    note = f"{change.points:g} instead of {exercise.points:g} points by your teacher{comment}"
    verdict = "right" if change.points >= exercise.of else "partly" if change.points else "wrong"
    points = min(change.points, exercise.of)
    return replace(exercise, points=points, verdict=verdict, notes=(note, *exercise.notes))


def late_by(mark: Mark, rules: Rules) -> str:
    """Say how late a notebook was; empty if it was in time."""
    deadline = rules.exceptions.get(mark.student, rules.deadline)
    if deadline is not None and mark.handed_in:
        return _duration(mark.handed_in - deadline)
    return "late" if mark.late and mark.student not in rules.exceptions else ""


def _duration(seconds: float) -> str:
    """Write how long something took: days and hours, or hours and minutes."""
    if seconds <= 0:
        return ""
    minutes = max(1, int(seconds // 60))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
