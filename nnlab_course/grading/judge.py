"""Run a notebook in the sandbox and judge each answer as the student's own check saw it"""

# A plain module, edited here.

import hashlib
import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import ModuleType
from typing import Any

from nnlab_course.exercises import Exercise, Result, is_unanswered
from nnlab_course.grading.cells import (
    CellFacts,
    PreparedCell,
    as_python,
    modules_imported,
    read_cell,
)
from nnlab_course.grading.lessons import answer_names, exercise_variables, import_lesson
from nnlab_course.grading.marks import CellError, ExerciseMark, Mark, PartMark, total
from nnlab_course.grading.notebooks import Readable, misplaced
from nnlab_course.grading.shown import without_controls
from nnlab_course.sandbox import Limits, ProcessEnded, Sandbox, Submission
from nnlab_course.sandbox.messages import unreadable

# Lessons that train networks take minutes with the real data, on one core.
LIMITS = {"lenet": Limits.for_cells_of(120), "cifar10": Limits.for_cells_of(400)}
_MOST_NOTES = 20


def fresh(
    exercise: Exercise,
    seed: int,
) -> Exercise:  # The same exercise, with other inputs than the lesson shows
    """Draw new inputs for an exercise, so that the lesson's own are of no use."""
    return exercise.redrawn(seed)


def seed_for(seed: int, digest: str) -> int:
    """Draw a seed for one notebook: what its feedback gives away is of no use in another."""
    return int(hashlib.sha256(f"{seed} {digest}".encode()).hexdigest(), 16) % 2**31


def _exercise_mark(exercise: Exercise, result: Result, notes: Sequence[str] = ()) -> ExerciseMark:
    """Write a result as plain data."""
    parts = tuple(
        PartMark(part.name, part.verdict, without_controls(part.message), part.mistake)
        for part in result.parts
    )
    return ExerciseMark(
        id=exercise.id,
        title=exercise.title,
        points=round(result.points * exercise.points, 4),
        of=float(exercise.points),
        verdict=result.verdict,
        message=without_controls(result.message),
        mistake=result.mistake,
        parts=parts,
        notes=tuple(dict.fromkeys(notes)),
    )


class Marker:
    """Judges the exercises of a lesson while a notebook runs.

    An exercise is judged after its last check cell, by what its names hold there, or held when they
    were answered last. Without a check cell, it is judged where it is answered last.
    """

    def __init__(self, cells: Sequence[str], lesson: ModuleType, seed: int):
        self.cells, self.lesson = cells, lesson
        self.exercises: list[Exercise] = [fresh(e, seed) for e in lesson.EXERCISES]
        self.prepared: list[PreparedCell] = [as_python(cell) for cell in cells]
        self.facts: list[CellFacts] = [read_cell(cell.source) for cell in self.prepared]
        self.names = frozenset(answer_names(lesson))
        self.checked, self.moments = self._find_moments()
        self.results: dict[str, Result] = {}
        self.answered: dict[str, Any] = {}
        self.stubs: set[str] = set()
        self.unreadable: set[tuple[int, str]] = set()
        self.session = None

    def _find_moments(self) -> tuple[set[str], dict[str, int]]:
        """Find the cell after which each exercise is judged, and which have a check cell."""
        variables = exercise_variables(self.lesson)
        checked, moments = set(), {}
        for exercise in self.exercises:
            own = {name for name, value in variables.items() if value.slug == exercise.slug}
            checks = [n for n, facts in enumerate(self.facts) if facts.checks & own]
            names = set(exercise.names)
            answers = [n for n, facts in enumerate(self.facts) if facts.answers & names]
            if checks and answers and checks[-1] >= answers[0]:
                checked.add(exercise.slug)
                moments[exercise.slug] = checks[-1]
            elif answers:
                moments[exercise.slug] = answers[-1]
        return checked, moments

    def run(self, sandbox: Sandbox, files: Mapping[str, bytes]) -> Submission:
        """Run the cells, with files beside the notebook, and judge what they answer."""
        sources = [cell.source for cell in self.prepared]
        submission = Submission(sandbox, sources, self.after, files)
        with suppress(ProcessEnded):
            submission.run()
        self.judge_at_end(submission)
        return submission

    def after(self, submission: Submission, number: int) -> None:
        """Look at what a cell has answered, and judge the exercises whose moment this is.

        **Raises:** `ProcessEnded` if an answer ends the process when it is looked at.
        """
        if submission.session is not self.session:  # what an earlier process held is gone
            self.session, self.answered, self.stubs = submission.session, {}, set()
        facts = self.facts[number]
        self.stubs = (self.stubs | facts.stubs & self.names) - facts.answers
        for name in facts.answers & self.names:
            value = self._look(submission, number, name)
            if not is_unanswered(value):
                self.answered[name] = value
        for exercise in self.exercises:
            is_due = self.moments.get(exercise.slug) == number
            if is_due and exercise.slug not in self.results:
                self._judge_now(exercise, submission, number)

    def _look(self, submission: Submission, number: int, name: str) -> Any:
        """Get what a name holds now; what ended the process once isn't looked at again."""
        if (number, name) in self.unreadable:
            return unreadable("unreadable_answer")
        try:
            return submission.look(name)
        except ProcessEnded:
            if not submission.time_has_run_out():
                self.unreadable.add((number, name))
            raise

    def _judge_now(self, exercise: Exercise, submission: Submission, number: int) -> None:
        answers = []
        for name in exercise.names:
            value = self.answered.get(name, ...)
            if (exercise.slug in self.checked and name not in self.stubs) or value is ...:
                now = self._look(submission, number, name)
                value = value if is_unanswered(now) else now
            answers.append(value)
        submission.limit_answers()
        result = exercise.judge(*answers)
        if result.verdict != "right" and submission.time_has_run_out():
            raise ProcessEnded("the time for the whole notebook was up")  # judged once more
        self.results[exercise.slug] = result

    def judge_at_end(self, submission: Submission) -> None:
        """Judge what wasn't judged on the way, and once more what may be right by now."""
        again = [exercise for exercise in self.exercises if self._may_be_better(exercise)]
        submission.collect([name for exercise in again for name in exercise.names])
        for exercise in again:
            try:
                result = self._judge_last(exercise, submission)
                if result.verdict != "right" and submission.time_has_run_out():
                    result = self._judge_last(exercise, submission)
            except ProcessEnded as end:
                result = Result.unanswered(f"not looked at: {end}")
            known = self.results.get(exercise.slug)
            if known is None or result.points > known.points:
                self.results[exercise.slug] = result

    def _judge_last(self, exercise: Exercise, submission: Submission) -> Result:
        """Judge an exercise by what its names hold when all cells have run."""
        answers = [
            self._before(name, submission) if is_unanswered(answer) else answer
            for name, answer in zip(exercise.names, submission.answers(exercise.names), strict=True)
        ]
        return exercise.judge(*answers)

    def _before(self, name: str, submission: Submission) -> Any:
        """Return what a name held when it was answered last, if that can still be asked."""
        return self.answered.get(name, ...) if self.session is submission.session else ...

    def _may_be_better(self, exercise: Exercise) -> bool:
        """Tell whether an exercise can be worth more at the end than at its check cell."""
        result = self.results.get(exercise.slug)
        if result is None:
            return True
        if result.verdict == "right":
            return False
        later = self.facts[self.moments[exercise.slug] + 1 :]
        changed = any(facts.answers & set(exercise.names) for facts in later)
        parts = result.parts or (result,)
        raised = any("your code raised" in part.message for part in parts)  # something missing
        return changed or raised or any(part.verdict == "unanswered" for part in parts)

    def exercises_of(self, number: int) -> list[Exercise]:
        """List the exercises that a cell answers."""
        facts = self.facts[number]
        touched = facts.answers | facts.stubs
        return [exercise for exercise in self.exercises if touched & set(exercise.names)]

    def changed_later(self, exercise: Exercise) -> Iterator[str]:
        """Say where an answer that counted was given another value afterwards."""
        result, moment = self.results[exercise.slug], self.moments.get(exercise.slug)
        if not result.points or moment is None:
            return
        for number in range(moment + 1, len(self.facts)):
            for name in sorted(self.facts[number].changes & set(exercise.names)):
                yield (
                    f"`{name}` is given another value in code cell {number + 1}, "
                    f"`{_first_line(self.cells[number])}`; what counts is the one before"
                )


def _first_line(cell: str) -> str:
    lines = [line for line in cell.splitlines() if line.strip()]
    return without_controls(lines[0].strip()[:80]) if lines else ""


def _line_of(cell: str, line: int | None) -> str:
    lines = cell.splitlines()
    if line and line <= len(lines):
        return without_controls(lines[line - 1].strip()[:80])
    return _first_line(cell)


def _cell_errors(marker: Marker, submission: Submission) -> Iterator[CellError]:
    """Describe what went wrong in cells, with the student's own code."""
    for number, error in sorted(submission.errors.items()):
        message = re.sub(r"\s*\((cell|<)[^()]*line \d+\)$", "", error["message"])
        if re.search(r"\b(input|getpass)\(", marker.cells[number]):
            message += "; nobody answers `input()` when a notebook is marked"
        yield CellError(
            cell=number + 1,
            type=without_controls(error["type"]),
            message=without_controls(message),
            line=error["line"],
            code=_line_of(marker.cells[number], error["line"]),
            exercises=tuple(exercise.id for exercise in marker.exercises_of(number)),
        )


def explain_cell_error(error: CellError) -> str:
    """Say what went wrong in a cell, in one sentence."""
    where = f" in line {error.line}" if error.line else ""
    if not error.type:
        return f"your cell was left out: {error.message}: `{error.code}`"
    if error.type in ("SyntaxError", "IndentationError", "TabError"):
        return f"your cell does not run: {error.message}{where}: `{error.code}`"
    said = f"{error.type}: {error.message}" if error.message else error.type
    return f"your cell stops{where}: {said}: `{error.code}`"


def _notes(
    marker: Marker, exercise: Exercise, errors: Sequence[CellError], readable: Readable
) -> list[str]:
    """Say of an exercise what could not be marked, and what was marked."""
    result = marker.results[exercise.slug]
    notes = list(marker.changed_later(exercise))
    if result.verdict != "right":
        notes += [explain_cell_error(error) for error in errors if exercise.id in error.exercises]
        if any(part.verdict == "unanswered" for part in result.parts or (result,)):
            notes.append(misplaced(readable.notebook, exercise.names))
    return [note for note in notes if note][:_MOST_NOTES]


def _is_installed(module: str) -> bool:
    try:
        return module in sys.modules or importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _circumstances(
    marker: Marker, errors: Sequence[CellError], readable: Readable
) -> Iterator[str]:
    """Say what is different here from where the student has worked."""
    theirs, ours = readable.notebook.python, sys.version_info[:2]
    if theirs > ours and any(error.type == "SyntaxError" for error in errors):
        theirs, ours = (".".join(map(str, version)) for version in (theirs, ours))
        yield f"written with Python {theirs}, marked with {ours}"
    imported = set().union(*(modules_imported(cell.source) for cell in marker.prepared))
    everything = "\n".join([*marker.cells, *(name for name, _ in readable.beside)])
    for name in sorted(imported - {"google"}):
        if f"{name}.py" not in everything and not _is_installed(name):
            yield f"`{name[:40]}` isn't installed where notebooks are marked, and was passed over"


def mark_notebook(
    readable: Readable,
    sandbox: Sandbox,
    seed: int,
    limits: Limits | None = None,  # None: what the lesson needs
) -> Mark:
    """Run a notebook and judge its answers, in the trusted process."""
    sandbox.limits = limits or LIMITS.get(readable.lesson, Limits())
    seed = seed_for(seed, readable.digest)
    marker = Marker(readable.notebook.cells, import_lesson(readable.lesson), seed)
    submission = marker.run(sandbox, dict(readable.beside))
    errors = tuple(_cell_errors(marker, submission))
    exercises = tuple(
        _exercise_mark(
            exercise, marker.results[exercise.slug], _notes(marker, exercise, errors, readable)
        )
        for exercise in marker.exercises
    )
    points, of = total(exercises)
    passed_over = [line for cell in marker.prepared for line in cell.passed_over]
    passed_over = [without_controls(line[:100]) for line in passed_over][:_MOST_NOTES]
    return replace(
        unmarked(readable),
        points=points,
        of=of,
        exercises=exercises,
        errors=errors,
        passed_over=tuple(dict.fromkeys(passed_over)),
        notes=(*readable.notes, *list(_circumstances(marker, errors, readable))[:_MOST_NOTES]),
    )


def unmarked(readable: Readable, problem: str = "") -> Mark:
    """Write down what is known of a notebook before it runs."""
    found = readable.handed_in
    return Mark(
        student=found.student,
        file=found.label,
        digest=readable.digest,
        lesson=readable.lesson,
        problem=without_controls(problem or readable.problem),
        notes=readable.notes,
        place=without_controls(found.place),
        platform_id=found.platform_id,
        handed_in=found.handed_in,
        late=found.late,
    )
