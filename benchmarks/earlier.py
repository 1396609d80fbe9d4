"""Marking a class, today and in an earlier state of the course, with nbgrader in the same run.

Both mark the same answers to the earlier lesson 2, each with its own package, in turn. Exercise 2.3
asks for more today, so that only lost marks are counted here, and wrong ones by `grading`.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from grading import (
    LESSON,
    NUM_CORES,
    NUM_STUDENTS,
    Outcome,
    grade_theirs,
    outcome,
    prepare_theirs,
    write_class,
)
from table import Result, median_ratio

HERE = Path(__file__).parents[1]
COMMIT = "4ebcc6c"  # Before the marker was made safe against hostile notebooks
ROUNDS = 2
MARK = """
import json, sys, time
from pathlib import Path
from nnlab_course.grading import Settings, grade_folder
submissions, out, num_workers = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
start = time.perf_counter()
marks = grade_folder(submissions, out, Settings(lesson="autograd"), num_workers=num_workers)
seconds = time.perf_counter() - start
records = marks["records"] if isinstance(marks, dict) else [vars(mark) for mark in marks.records]
print(json.dumps([seconds, {record["student"]: record["points"] for record in records}]))
"""


def checkout(place: Path) -> Path:
    """Unpack the earlier state."""
    archive = subprocess.run(
        ["git", "archive", COMMIT, "nnlab_course", "nbs"],
        cwd=HERE,
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    place.mkdir()
    subprocess.run(["tar", "-x", "-C", place], input=archive, check=True)
    return place


def mark(root: Path, submissions: Path, expected: dict[str, float]) -> Outcome:
    """Mark a class with the package below `root`, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = [submissions, Path(folder, "marks.csv"), str(NUM_CORES)]
        command = [sys.executable, "-c", MARK, *arguments]
        environment = os.environ | {"PYTHONPATH": str(root)}
        done = subprocess.run(
            command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True
        )
    seconds, marks = json.loads(done.stdout.splitlines()[-1])
    return outcome(seconds, marks, expected)


def earlier(num_students: int = NUM_STUDENTS) -> Iterator[Result]:
    """Mark a class by each in turn, and a sample of it by nbgrader."""
    with tempfile.TemporaryDirectory() as folder:
        roots = {"earlier": checkout(Path(folder, "earlier")), "today": HERE}
        lesson = roots["earlier"] / LESSON.relative_to(HERE)
        submissions = Path(folder, "submissions")
        expected = write_class(submissions, lesson, num_students)
        rates, lost = {name: [] for name in roots}, 0
        for _ in range(ROUNDS):
            for name, root in roots.items():
                found = mark(root, submissions, expected)
                rates[name].append(found.per_minute)
                lost += found.lost if name == "today" else 0
        theirs = grade_theirs(prepare_theirs(submissions, expected, lesson), expected)
    medians = {name: statistics.median(found) for name, found in rates.items()}
    medians["nbgrader"] = theirs.per_minute
    note = ", ".join(f"{name} {rate:.1f}" for name, rate in medians.items()) + " a minute"
    ratio = median_ratio(rates["today"], rates["earlier"])
    yield Result(f"Notebooks graded, over {COMMIT}", ratio, 0.9, False, note)
    marked = num_students - lost / ROUNDS
    yield Result("... students with a mark", marked, num_students, False, f"{lost} lost")
    yield Result("... over nbgrader", medians["today"] / theirs.per_minute, 4.0, False, "")
