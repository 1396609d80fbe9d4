"""nbgrader takes a lesson as it is: it generates the assignment, grades and writes feedback."""

import os
import shutil
import warnings
from pathlib import Path

import nbformat
import pytest
from building import BIN, PROJECT
from forked_kernels import fork_kernels
from nbgrader.api import Gradebook
from nbgrader.apps.nbgraderapp import NbGraderApp
from student_edition import read, student_notebook, worked_solutions

from nnlab_course.checks.autograd import EXERCISES

LESSON = "02_autograd"
SOURCE = PROJECT / "nbs" / f"{LESSON}.ipynb"
POINTS = {exercise.slug: exercise.points for exercise in EXERCISES}

# What the student Wrong hands in; the other exercises are left unanswered.
WRONG = {
    "forward": "my_z2 = [[1.25] * 2] * 3\nmy_y1 = M * z2",  # one of two is right
    "far-from-the-output": (
        "my_grad_y_tilde = my_grad_x = my_grad_y = my_grad_z = my_grad_x_other_y = M.T"
    ),
    "one-entry": "growth_of_o = 1.5",
    "three-times": "y_grad_after_three = undefined_name",
    "bias": "def bias_gradient(G):\n    return G.sum(dim=1)",
}


def nbgrader(course, *arguments):
    """Run nbgrader in the folder of a course, away from the user's own settings."""
    home = str(course / "home")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nbgrader's own
        patch.chdir(course)
        patch.setenv("HOME", home)
        patch.setenv("JUPYTER_CONFIG_DIR", home)
        patch.setenv("NNLAB_OFFLINE", "1")
        patch.setenv("PATH", str(BIN), prepend=os.pathsep)  # where the command `alembic` is
        fork_kernels(patch)
        NbGraderApp.clear_instance()
        NbGraderApp.launch_instance(arguments)


def hand_in(course, student, answers):
    """Answer the released assignment, and put it where nbgrader expects submissions."""
    nb = read(course / "release" / LESSON / SOURCE.name)
    for cell in nb.cells:
        slug = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = answers.get(slug, cell.source)
    folder = course / "submitted" / student / LESSON
    folder.mkdir(parents=True)
    nbformat.write(nb, folder / SOURCE.name)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with one lesson, released, handed in by three students, graded, with feedback."""
    course = tmp_path_factory.mktemp("course")
    shutil.copy(PROJECT / "nbgrader_config.py", course)
    (course / "source" / LESSON).mkdir(parents=True)
    shutil.copy(SOURCE, course / "source" / LESSON)
    nbgrader(course, "generate_assignment", LESSON)
    hand_in(course, "right", worked_solutions(read(SOURCE)))
    hand_in(course, "wrong", WRONG)
    hand_in(course, "unanswered", {})
    nbgrader(course, "autograde", LESSON)
    nbgrader(course, "generate_feedback", LESSON)
    return course


def scores(course, student):
    """Read the points of a student from nbgrader's gradebook, by exercise."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        submission = gradebook.find_submission(LESSON, student)
        assert submission.max_score == sum(POINTS.values())
        grades = submission.notebooks[0].grades
        return {grade.name.removesuffix("-check"): grade.auto_score for grade in grades}


def feedback(course, student):
    (page,) = Path(course, "feedback", student, LESSON).glob("*.html")
    return page.read_text(encoding="utf-8")


def test_the_released_assignment_is_our_edition_but_for_the_directives(course):
    released = read(course / "release" / LESSON / SOURCE.name)
    own = student_notebook(read(SOURCE))
    tasks = {cell.source: cell for cell in released.cells}
    by_id = {cell.id: cell for cell in released.cells}
    for cell in own.cells:
        # The task of exercise 1.2 is `exercise-1-2` in our edition, for links to lead there.
        same = tasks[cell.source] if cell.id.startswith("exercise-") else by_id[cell.id]
        lines = [line for line in same.source.splitlines() if not line.startswith("#|")]
        assert "\n".join(lines).strip("\n") == cell.source


def test_the_right_submission_gets_all_points(course):
    assert scores(course, "right") == POINTS


def test_the_unanswered_submission_gets_none(course):
    assert scores(course, "unanswered") == dict.fromkeys(POINTS, 0)
    assert "not answered yet" in feedback(course, "unanswered")


def test_the_wrong_submission_gets_what_is_right_and_the_diagnosis(course):
    assert scores(course, "wrong") == dict.fromkeys(POINTS, 0) | {"forward": 1}
    page = feedback(course, "wrong")
    assert "the product is correct; z̃ must still be added" in page
    assert "you summed over the columns, within each row" in page
