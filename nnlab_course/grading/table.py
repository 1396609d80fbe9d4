"""The register: which notebook counts for whom, and the table of marks"""

# A plain module, edited here.

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnlab_course.files import write_whole
from nnlab_course.grading.marks import Fields, Mark
from nnlab_course.grading.rules import Rules, adjusted, late_by


@dataclass(frozen=True)
class Row(Fields):
    """What counts for a student in a lesson."""

    student: str
    lesson: str
    mark: Mark  # Of the notebook that counts
    note: str = ""
    late: str = ""  # By how much; empty if it was in time

    @property
    def points(self) -> float:
        """What the student has earned."""
        return self.mark.points

    @property
    def of(self) -> float:
        """What could be earned."""
        return self.mark.of


def _rank(mark: Mark, rules: Rules) -> tuple:
    """Sort first what counts."""
    graded = not mark.problem
    if rules.attempt == "last":
        return not graded, -mark.handed_in, mark.file
    return not graded, -mark.points, bool(late_by(mark, rules)), mark.file


def rows(
    marks: Sequence[Mark],
    rules: Rules | None = None,
) -> list[Row]:  # By student and lesson
    """Choose the notebook that counts for each student and lesson."""
    rules = rules or Rules()
    groups: dict[tuple[str, str], list[Mark]] = {}
    for mark in sorted((adjusted(mark, rules) for mark in marks), key=lambda m: _rank(m, rules)):
        groups.setdefault((mark.student, mark.lesson), []).append(mark)
    return [_row(groups[key], rules) for key in sorted(groups)]


def _row(marks: Sequence[Mark], rules: Rules) -> Row:
    chosen, *others = marks
    notes = [chosen.problem] if chosen.problem else []
    graded = sum(not mark.problem for mark in marks)
    if graded > 1 or (others and chosen.lesson):
        notes.append(f"the {rules.attempt} of {len(marks)} notebooks")
    notes += [mark.problem for mark in others if mark.problem]
    notes += chosen.notes
    notes += [
        f"{exercise.id}: {note}"
        for exercise in chosen.exercises
        for note in exercise.notes
        if "by your teacher" in note or "looks like your answer" in note
    ]
    note = "; ".join(dict.fromkeys(notes))
    return Row(chosen.student, chosen.lesson, chosen, note, late_by(chosen, rules))


def absent(students: Sequence[str], lesson: str) -> list[Row]:
    """Make rows for those who have handed in nothing."""
    note = "handed in nothing"
    return [
        Row(name, lesson, Mark(name, "", lesson=lesson, problem=note), note) for name in students
    ]


_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def safe_field(value: Any) -> Any:
    """Keep a spreadsheet from taking a text for a formula."""
    if not isinstance(value, str):
        return value
    is_formula = value[:1] in ("\t", "\r") or value.lstrip(" \n;,'\"")[:1] in _FORMULAS
    return f"'{value}" if value and is_formula else value


def exercise_key(number: str) -> list[int]:
    """Sort exercises by their numbers: 1.10 comes after 1.9."""
    return [int(part) for part in number.split(".") if part.isdigit()]


def exercise_ids(marks: Sequence[Mark]) -> list[str]:
    """List the numbers of exercises in their order."""
    ids = {exercise.id for mark in marks for exercise in mark.exercises}
    return sorted(ids, key=exercise_key)


def write_csv(
    marks: Sequence[Mark | Row],  # Notebooks, or the rows that were chosen of them
    path: Path,
) -> None:
    """Write the register: a row for each student and lesson, a column for each exercise."""
    chosen = [mark for mark in marks if isinstance(mark, Row)] or rows(marks)
    ids = exercise_ids([row.mark for row in chosen])
    text = io.StringIO(newline="")
    table = csv.writer(text, quoting=csv.QUOTE_ALL)
    table.writerow(["student", "lesson", "points", "of", *ids, "late", "note"])
    for row in chosen:
        points = {exercise.id: exercise.points for exercise in row.mark.exercises}
        facts = [row.student, row.lesson, row.points, row.of, *(points.get(i, "") for i in ids)]
        table.writerow([safe_field(fact) for fact in [*facts, row.late, row.note]])
    write_whole(path, text.getvalue(), private=True)
