"""The lessons that can be marked, and to which of them a notebook belongs"""

# A plain module, edited here.

import importlib
import pkgutil
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from types import ModuleType

from nnlab_course.exercises import Exercise
from nnlab_course.grading.marks import Refused

PACKAGE = Path(str(files("nnlab_course")))
DATA_SETS = {"lenet": ("mnist",), "cifar10": ("cifar10",)}  # What the lessons load


def lesson_names() -> list[str]:
    """List the lessons that have exercises."""
    modules = pkgutil.iter_modules([str(PACKAGE / "checks")])
    return sorted(module.name for module in modules if module.name != "common")


def import_lesson(name: str) -> ModuleType:
    """Import the checks of a lesson."""
    return importlib.import_module(f"nnlab_course.checks.{name}")


def answer_names(lesson: ModuleType) -> list[str]:
    """List the names of all answers of a lesson."""
    return [name for exercise in lesson.EXERCISES for name in exercise.names]


def exercise_variables(lesson: ModuleType) -> dict[str, Exercise]:
    """Map what a notebook calls its exercises, as in `exercises.logistic.check(…)`, to them."""
    return {name: value for name, value in vars(lesson).items() if isinstance(value, Exercise)}


def _share(lesson: str, words: set[str]) -> float:
    """Tell what share of a lesson's answers are named."""
    names = answer_names(import_lesson(lesson))
    return sum(name in words for name in names) / len(names)


def find_lesson(
    cells: Sequence[str],
) -> str:
    """Name the lesson to which a notebook belongs.

    **Raises:** `Refused` if no lesson's answers are named in it.
    """
    words = set(re.findall(r"\w+", "\n".join(cells)))
    best = max(lesson_names(), key=lambda lesson: _share(lesson, words))
    if not _share(best, words):
        raise Refused("no answer to any exercise of the course in it")
    return best


def other_lesson(
    cells: Sequence[str],
    lesson: str,  # As which it is marked
) -> str:  # Empty if it may well be that one
    """Name the lesson to which a notebook belongs, if none of another one's answers are in it."""
    words = set(re.findall(r"\w+", "\n".join(cells)))
    try:
        likely = find_lesson(cells)
    except Refused:
        return ""
    return likely if _share(likely, words) > _share(lesson, words) else ""
