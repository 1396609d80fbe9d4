"""What must hold for the checks of every lesson, and for the cells in which they stand."""

import ast
import importlib
import json
import pkgutil
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from nnlab_course import checks
from nnlab_course.exercises import SameFunction, SameValue, as_tensor

NBS = Path(__file__).parents[2] / "nbs"
LESSONS = {path.stem.partition("_")[2]: path for path in sorted(NBS.glob("*.ipynb"))}
MODULES = [m.name for m in pkgutil.iter_modules(checks.__path__) if m.name != "common"]
EXERCISES = [
    exercise
    for module in MODULES
    for exercise in importlib.import_module(f"nnlab_course.checks.{module}").EXERCISES
]


def exercises_of(module):
    return importlib.import_module(f"nnlab_course.checks.{module}").EXERCISES


each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.slug)
each_module = pytest.mark.parametrize("module", MODULES)


def test_slugs_name_one_exercise_each():
    slugs = [exercise.slug for exercise in EXERCISES]
    assert len(set(slugs)) == len(slugs)
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*", slug) for slug in slugs)


@each_exercise
def test_an_exercise_is_complete(exercise):
    assert len(exercise.hints) >= 2
    assert exercise.points >= 1
    assert exercise.names
    assert exercise.title


def test_a_hint_that_names_a_section_names_one_that_there_is():
    for module in MODULES:
        notebook = json.loads(LESSONS[module].read_text(encoding="utf-8"))
        texts = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "markdown"]
        titles = {re.match(r"#+ (.*)", text)[1] for text in texts if text.startswith("#")}
        for exercise in exercises_of(module):
            for hint in exercise.hints:
                assert set(re.findall(r"section “(.+?)”", hint)) <= titles, exercise.slug


# --- the mistakes -------------------------------------------------------------------------------

MISTAKES = [
    pytest.param(judge, mistake, id=f"{exercise.slug}, {name}, {mistake.slug}")
    for exercise in EXERCISES
    for name, judge in exercise.judges.items()
    if isinstance(judge, SameValue | SameFunction)
    for mistake in judge.mistakes
]


@pytest.mark.parametrize(("judge", "mistake"), MISTAKES)
def test_a_mistake_is_no_right_answer_and_hides_behind_no_other(judge, mistake):
    if isinstance(judge, SameFunction):
        judge = replace(judge, forbidden=())  # ours may use what a student may not
    result = judge(mistake.answers[0])
    assert (result.verdict, result.mistake) == ("wrong", mistake.slug)
    assert result.message == mistake.message


NUMBERS = [
    pytest.param(exercise, judge, id=f"{exercise.slug}, {name}")
    for exercise in EXERCISES
    for name, judge in exercise.judges.items()
    if isinstance(judge, SameValue) and as_tensor(judge.expected).ndim == 0
]


@pytest.mark.parametrize(("exercise", "judge"), NUMBERS)
def test_neither_a_hint_nor_a_diagnosis_holds_the_number_that_is_asked_for(exercise, judge):
    expected = as_tensor(judge.expected)
    wrong = [judge(float(expected) + 1), judge(float(expected) * 3 + 7)]
    texts = [*exercise.hints, *(m.message for m in judge.mistakes), *(r.message for r in wrong)]
    for number in re.findall(r"[0-9]+(?:\.[0-9]+)?", " ".join(texts).replace("−", "-")):
        assert not judge(float(number)), number


# --- hostile answers ----------------------------------------------------------------------------


def raises(*arguments):
    raise RuntimeError("on purpose")


class Hostile:
    """Raises at any touch, its class included."""

    def __getattribute__(self, name):
        raise RuntimeError(name)


HOSTILE = {
    "raises": raises,
    "needs no argument": lambda: 1,
    "nan": float("nan"),
    "gives nan": lambda *arguments: float("nan"),
    "infinite": lambda *arguments: torch.full_like(torch.as_tensor(arguments[0]), float("inf")),
    "text": "seven",
    "gives text": lambda *arguments: "seven",
    "a class": dict,
    "an object": object(),
    "raises at any touch": Hostile(),
    "gives what raises at any touch": lambda *arguments: Hostile(),
    "huge": torch.zeros(1).expand(10**12),
    "gives something huge": lambda *arguments: torch.zeros(1).expand(10**12),
    "a long list": [0] * 1_500_000,
    "empty": [],
    "leaves": lambda *arguments: exit(),
    "itself": lambda *arguments: HOSTILE["itself"],
    "a bare module": torch.nn.Identity(),
}


@each_exercise
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_answer_is_wrong_and_raises_nothing(exercise, kind):
    result = exercise.check(*[HOSTILE[kind]] * len(exercise.names))
    assert (result.verdict, result.points) == ("wrong", 0)
    assert repr(result)
    assert result._repr_html_()


@each_exercise
@pytest.mark.parametrize("answer", [..., None, [...]], ids=str)
def test_no_answer_is_unanswered(exercise, answer):
    result = exercise.check(*[answer] * len(exercise.names))
    assert (result.verdict, result.points, result.mistake) == ("unanswered", 0, None)


@each_exercise
def test_a_function_that_returns_nothing_is_unanswered(exercise):
    result = exercise.check(*[lambda *arguments: None] * len(exercise.names))
    functions = [isinstance(judge, SameFunction) for judge in exercise.judges.values()]
    if all(functions):
        assert (result.verdict, result.points) == ("unanswered", 0)
    else:
        assert result.points == 0


# --- the cells of the lessons -------------------------------------------------------------------


def cells_of(module):
    """The cells of the lesson, each with its source as one text."""
    cells = json.loads(LESSONS[module].read_text(encoding="utf-8"))["cells"]
    return [cell | {"source": "".join(cell["source"])} for cell in cells]


def test_every_lesson_has_at_least_four_exercises():
    for module in MODULES:
        assert len(exercises_of(module)) >= 4


@each_module
def test_the_lesson_holds_its_exercises_in_order(module):
    headings = [
        re.match(r"### Exercise (\S+) · (.+)", cell["source"]).groups()
        for cell in cells_of(module)
        if cell["cell_type"] == "markdown" and cell["source"].startswith("### Exercise")
    ]
    place = {exercise.id: number for number, exercise in enumerate(exercises_of(module))}
    assert dict(headings) == {exercise.id: exercise.title for exercise in exercises_of(module)}
    order = [place[number] for number, _ in headings]
    assert len(order) == len(place)
    # Those of the section "Further" come last, in their own order.
    assert sum(after < before for before, after in pairwise(order)) <= 1


@each_module
def test_an_exercise_is_a_task_an_answer_a_check_a_hint_and_a_solution(module):
    cells = cells_of(module)
    for exercise in exercises_of(module):
        (start,) = (
            number
            for number, cell in enumerate(cells)
            if cell["source"].startswith(f"### Exercise {exercise.id} ·")
        )
        answer, check, hint, solution = cells[start + 1 : start + 5]
        marks = {"schema_version": 3, "task": False}
        assert answer["metadata"]["nbgrader"] == marks | {
            "grade_id": exercise.slug,
            "solution": True,
            "grade": False,
            "locked": False,
        }
        assert check["metadata"]["nbgrader"] == marks | {
            "grade_id": f"{exercise.slug}-check",
            "solution": False,
            "grade": True,
            "locked": True,
            "points": exercise.points,
        }
        variable = f"exercises.{exercise.slug.replace('-', '_')}"
        arguments = ", ".join(exercise.names)
        # A long call is broken into lines.
        found = (
            " ".join(check["source"].split())
            .replace("( ", "(")
            .replace(" )", ")")
            .replace(",)", ")")
        )
        assert found == (
            f"### BEGIN HIDDEN TESTS {variable}.grade({arguments}) "
            f"### END HIDDEN TESTS {variable}.check({arguments})"
        )
        assert hint["source"] == f"{variable}.hint()"
        assert solution["source"] == f"{variable}.solution()"


def assigned(source):
    """The names that a cell defines at its top level."""
    tree = ast.parse(source)
    names = {node.name for node in tree.body if hasattr(node, "name")}
    stored = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    return names | {node.id for node in stored if isinstance(node.ctx, ast.Store)}


@each_module
def test_an_answer_defines_its_names_with_the_solution_and_without(module):
    answers = {
        cell["metadata"]["nbgrader"]["grade_id"]: cell["source"]
        for cell in cells_of(module)
        if cell["metadata"].get("nbgrader", {}).get("solution")
    }
    for exercise in exercises_of(module):
        source = answers[exercise.slug]
        assert source.count("### BEGIN SOLUTION") == source.count("### END SOLUTION") >= 1
        stub = re.sub(r"### BEGIN SOLUTION.*?### END SOLUTION", "...", source, flags=re.DOTALL)
        for text in (source, stub):
            assert set(exercise.names) <= assigned(text), text


@each_module
def test_the_solutions_are_right_as_the_stored_outputs_say(module):
    stored = {
        cell["metadata"]["nbgrader"]["grade_id"]: cell["outputs"]
        for cell in cells_of(module)
        if cell["metadata"].get("nbgrader", {}).get("grade")
    }
    for exercise in exercises_of(module):
        (output,) = stored[f"{exercise.slug}-check"]
        assert "".join(output["data"]["text/plain"]).startswith("✔"), exercise.id


@each_module
def test_a_lesson_tells_the_progress(module):
    assert any(cell["source"] == "exercises.progress()" for cell in cells_of(module))
