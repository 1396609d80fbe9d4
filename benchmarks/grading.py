"""Grade a class of 200 on two cores, and a sample of it with nbgrader in the same run.

Measured by `make bench`, or alone by `benchmarks/run.py grading`. Every notebook's exact marks are
known beforehand: the class is made of lesson 2's worked solutions, with answers taken out, replaced
by classic mistakes, or broken.
"""

import copy
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from table import Result

from nnlab_course.grading import Settings, grade_folder, import_lesson

LESSON = Path(__file__).parents[1] / "nbs" / "02_autograd.ipynb"
NUM_STUDENTS, NUM_SAMPLED, NUM_CORES = 200, 8, 2
EXERCISES = {exercise.slug: exercise for exercise in import_lesson("autograd").EXERCISES}
SOLUTION = re.compile(r"^( *)### BEGIN SOLUTION\n(.*?)### END SOLUTION\n?", re.M | re.S)


@dataclass(frozen=True)
class Outcome:
    """What a class's grading came to."""

    per_minute: float  # Notebooks a minute, on two cores
    lost: int  # Students without a mark
    wrong: int  # Marks that differ from what is known


def answered(cell: nbformat.NotebookNode, kind: str) -> str:
    """Write a student's answer into the cell that holds the worked solution."""
    source = cell.source
    if kind == "right":
        return SOLUTION.sub(lambda match: match[2].rstrip(" "), source)
    if kind == "unanswered":
        return SOLUTION.sub(lambda match: f"{match[1]}...\n", source)
    if kind == "broken":
        return SOLUTION.sub(lambda match: f"{match[1]}((\n", source)
    return SOLUTION.sub(lambda match: f"{match[1]}{wrong_value(match[1], source)}\n", source)


def wrong_value(indent: str, source: str) -> str:
    """Write an answer that is wrong whatever the question: a function's, or a value."""
    return "return 17.0" if source.startswith("def ") else "[[17.0, 17.0], [17.0, 17.0]]"


def student(lesson: nbformat.NotebookNode, seed: int) -> tuple[nbformat.NotebookNode, float]:
    """Make a student's notebook, and tell the marks that it deserves."""
    rng, notebook, points = random.Random(seed), copy.deepcopy(lesson), 0.0
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        facts = cell.metadata.get("nbgrader", {})
        if not facts.get("solution"):
            continue
        (kind,) = rng.choices(["right", "wrong", "unanswered", "broken"], [12, 4, 3, 1])
        cell.source = answered(cell, kind)
        points += EXERCISES[facts["grade_id"]].points * (kind == "right")
    return notebook, points


def write_class(
    folder: Path,
    source: Path = LESSON,  # The notebook with the worked solutions
    num_students: int = NUM_STUDENTS,
) -> dict[str, float]:
    """Write the submissions, as nbgrader collects them, and tell each student's marks."""
    lesson, expected = nbformat.read(source, as_version=4), {}
    for seed in range(num_students):
        name = f"student-{seed:03}"
        notebook, expected[name] = student(lesson, seed)
        path = folder / name / "lesson2" / LESSON.name
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)
    return expected


def outcome(seconds: float, marks: dict[str, float], expected: dict[str, float]) -> Outcome:
    """Compare marks with what they should be."""
    lost = sum(name not in marks for name in expected)
    wrong = sum(abs(marks.get(name, -1) - points) > 1e-6 for name, points in expected.items())
    return Outcome(60 * len(expected) / seconds, lost, wrong - lost)


def grade_ours(submissions: Path, expected: dict[str, float]) -> Outcome:
    """Grade the whole class with `nnlab grade`."""
    out = submissions.with_name("marks.csv")
    start = time.perf_counter()
    register = grade_folder(submissions, out, Settings(lesson="autograd"), num_workers=NUM_CORES)
    seconds = time.perf_counter() - start
    marks = {mark.student: mark.points for mark in register.records}
    return outcome(seconds, marks, expected)


CONFIG = """
c = get_config()
c.CourseDirectory.root = {root!r}
c.CourseDirectory.db_url = "sqlite:///" + {root!r} + "/gradebook.db"
c.IncludeHeaderFooter.header = ""
c.Execute.timeout = 120
c.ExecutePreprocessor.timeout = 120
"""
MARKS = """
import json, sys
from nbgrader.api import Gradebook
with Gradebook(sys.argv[1]) as gradebook:
    print(json.dumps({s.student.id: s.score for s in gradebook.assignment_submissions("lesson2")}))
"""


def nbgrader(root: Path, *arguments: str) -> subprocess.Popen:
    """Start an nbgrader command in a course of its own."""
    tools = Path(sys.executable).parent  # nbgrader calls alembic by its name
    environment = os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    command = [tools / "nbgrader", *arguments]
    with (root / "log.txt").open("a") as log:
        return subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=log)


def prepare_course(root: Path, lesson: Path) -> None:
    """Make an nbgrader course with the lesson as its one assignment."""
    (root / "source" / "lesson2").mkdir(parents=True)
    shutil.copy(lesson, root / "source" / "lesson2")
    (root / "nbgrader_config.py").write_text(CONFIG.format(root=str(root)))
    if nbgrader(root, "generate_assignment", "lesson2").wait():
        raise RuntimeError(f"nbgrader generate_assignment failed: {(root / 'log.txt').read_text()}")


def prepare_theirs(
    submissions: Path, expected: dict[str, float], lesson: Path = LESSON
) -> dict[str, Path]:
    """Hand a sample to nbgrader: as many courses as cores. Tell who is in which."""
    sample = random.Random(0).sample(sorted(expected), min(NUM_SAMPLED, len(expected)))
    roots = [submissions.with_name(f"course-{number}") for number in range(NUM_CORES)]
    for root in roots:
        prepare_course(root, lesson)
    placed = {name: roots[number % NUM_CORES] for number, name in enumerate(sample)}
    for name, root in placed.items():
        shutil.copytree(submissions / name, root / "submitted" / name)
    return placed


def grade_theirs(placed: dict[str, Path], expected: dict[str, float]) -> Outcome:
    """Grade the sample with nbgrader, the courses side by side."""
    roots = sorted(set(placed.values()))
    start = time.perf_counter()
    running = [nbgrader(root, "autograde", "lesson2") for root in roots]
    for process in running:
        process.wait()
    seconds = time.perf_counter() - start
    marks = {}
    for root in roots:
        database = f"sqlite:///{root}/gradebook.db"
        command = [sys.executable, "-c", MARKS, database]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        marks |= json.loads(done.stdout)
    return outcome(seconds, marks, {name: expected[name] for name in placed})


def measure() -> tuple[Outcome, Outcome]:
    """Grade the class with `nnlab grade`, and the sample with nbgrader."""
    with tempfile.TemporaryDirectory() as folder:
        submissions = Path(folder, "submissions")
        submissions.mkdir()
        expected = write_class(submissions)
        placed = prepare_theirs(submissions, expected)
        return grade_ours(submissions, expected), grade_theirs(placed, expected)


def grading() -> Iterator[Result]:
    """Grade a class, and a sample of it with nbgrader, on two cores each."""
    ours, theirs = measure()
    note = f"{ours.per_minute:.0f} a minute against {theirs.per_minute:.1f}"
    ratio = ours.per_minute / theirs.per_minute
    yield Result("Notebooks graded, over nbgrader", ratio, 4.0, False, note)
    right = NUM_STUDENTS - ours.lost - ours.wrong
    note = f"{ours.lost} lost, {ours.wrong} wrong"
    yield Result("... right marks of the class", right, NUM_STUDENTS, False, note)
