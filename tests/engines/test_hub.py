"""A class on JupyterHub: a lesson is released, fetched, submitted, collected, and marked by us."""

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from building import BIN, PROJECT
from hub import TEACHER, blocks, running_hub
from student_edition import read, worked_solutions
from walls import needs_bubblewrap

from nnlab_course.checks.autograd import EXERCISES
from nnlab_course.grading import read_register

LESSON, NOTEBOOK = "02_autograd", "02_autograd/02_autograd.ipynb"
ANSWERS = worked_solutions(read(PROJECT / "nbs" / "02_autograd.ipynb"))
LEFT_OUT = "one-entry"
POINTS = {exercise.slug: exercise.points for exercise in EXERCISES}
CHOSEN = {"course_id": "nnlab", "assignment_id": LESSON}


@pytest.fixture(scope="module")
def hub():
    with running_hub() as own:
        yield own


@pytest.fixture(scope="module")
def released(hub):
    """The lesson, released by the teacher, who has a copy of the repository."""
    copy = Path(f"/home/{TEACHER}/nnlab-course")
    (copy / "nbs").mkdir(parents=True)
    shutil.copy(PROJECT / "nbs" / "02_autograd.ipynb", copy / "nbs")
    shutil.copy(PROJECT / "nbgrader_config.py", copy)
    hub.shell(f"chown -R {TEACHER}: {copy}", "root")
    hub.shell(blocks("Release a lesson", "bash")[0], TEACHER)


def answered(notebook, answers):
    """Write answers into a notebook as it was handed out."""
    for cell in notebook["cells"]:
        assert "BEGIN SOLUTION" not in cell["source"]
        slug = cell["metadata"].get("nbgrader", {}).get("grade_id")
        cell["source"] = answers.get(slug, cell["source"])
    return notebook


@pytest.fixture(scope="module")
def anna(hub, released):
    """Anna's browser: she fetches, answers and submits by what the buttons call."""
    session, home = hub.log_in("anna"), f"{hub.address}/user/anna"
    assert session.post(f"{home}/assignments/fetch", json=CHOSEN).json()["success"]
    file = f"{home}/api/contents/{NOTEBOOK}"
    content = answered(session.get(file).json()["content"], ANSWERS)
    document = {"type": "notebook", "format": "json", "content": content}
    session.put(file, json=document).raise_for_status()
    assert session.post(f"{home}/assignments/submit", json=CHOSEN).json()["success"]
    return session


@pytest.fixture(scope="module")
def ben(hub, released):
    """Ben uses the commands in his account, and leaves an exercise out."""
    fetch, submit = blocks("Fetch and submit", "bash")[0].splitlines()
    hub.shell(fetch, "ben")
    path = Path("/home/ben", NOTEBOOK)
    answers = {slug: text for slug, text in ANSWERS.items() if slug != LEFT_OUT}
    path.write_text(json.dumps(answered(json.loads(path.read_text()), answers)))
    hub.shell(submit, "ben")


@pytest.fixture(scope="module")
def marks(hub, anna, ben):
    """What was collected by nbgrader, marked by us."""
    collect, grade = blocks("Collect and mark", "bash")[0].strip().rsplit("\n", 1)
    hub.shell(collect, TEACHER)
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    course = f"/home/{TEACHER}/course"
    done = subprocess.run(["bash", "-c", grade], cwd=course, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    hub.shell(f"chown -R {TEACHER}: {course}/../marks", "root")
    return read_register(Path(course, "../marks/marks.json"))


def test_only_the_class_gets_in_and_by_its_passwords(hub):
    assert hub.log_in("anna", password="guessed") is None
    assert hub.log_in("root") is None


@needs_bubblewrap
def test_marks_of_the_collected_folder_are_exact(marks):
    slugs = {exercise.id: exercise.slug for exercise in EXERCISES}
    found = {
        mark.student: {slugs[exercise.id]: exercise.points for exercise in mark.exercises}
        for mark in marks.records
    }
    assert found == {"anna": POINTS, "ben": POINTS | {LEFT_OUT: 0}}


@needs_bubblewrap
def test_the_time_is_that_of_submitting(marks):
    submitted = Path(f"/home/{TEACHER}/course/submitted")
    for mark in marks.records:
        note = (submitted / mark.student / LESSON / "timestamp.txt").read_text()
        moment = datetime.fromtimestamp(mark.handed_in, UTC)
        assert note.startswith(moment.strftime("%Y-%m-%d %H:%M:%S"))


def test_students_cannot_see_what_others_have_handed_in(hub, anna, ben):
    for place in ("/srv/nnlab/exchange/nnlab/inbound", "/home/anna", "/home/teacher"):
        told = hub.shell(f"ls {place}", "ben", check=False)
        assert "Permission denied" in told


@needs_bubblewrap
def test_feedback_comes_back_by_the_button(hub, marks, anna):
    hub.shell(blocks("Collect and mark", "bash")[1], TEACHER)
    home = f"{hub.address}/user/anna"
    fetched = anna.post(f"{home}/assignments/fetch_feedback", json=CHOSEN)
    assert fetched.json()["success"], fetched.text
    (page,) = Path("/home/anna", LESSON, "feedback").rglob("*.html")
    assert "Feedback for anna" in page.read_text()
