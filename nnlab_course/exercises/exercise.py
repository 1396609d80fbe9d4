"""An exercise: its judges, its hints, and what it shows a student"""

# A plain module, edited here.

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from nnlab_course.exercises import progress
from nnlab_course.exercises.answers import AnswerError, NotAnswered, is_unanswered
from nnlab_course.exercises.hints import Hints, Solution, page_of
from nnlab_course.exercises.result import Result, combine

_FOLLOWING: dict[str, str] = {}  # An id: the one that follows, if it is not the next number
_TITLES: dict[str, str] = {}  # Of all exercises that have been imported, by id


@dataclass(frozen=True)
class Exercise:
    """An exercise: its task stands in the lesson; here are its checks and hints.

    `id` is `"1.1"`, `slug` names it in files, `judges` maps the name of each answer, in the order
    of `check`'s arguments, to its judge. `hints` lead from a nudge to nearly there. `points` is
    what the whole exercise is worth.

    A judge is a callable from an answer to a `Result`, and may raise `AnswerError` or
    `NotAnswered`. `SameValue` and `SameFunction` are the common ones; an exercise may bring its
    own:

    - `redrawn(generator)` returns the same judge with other inputs, shapes and order included. A
      marker calls it, so that knowing the lesson's inputs by heart earns nothing; in the lesson
      the inputs stay, so that a check always says the same. Each judge of a function or network
      needs it.
    - It calls the student's function by `call(function, *arguments, forbidden=...)`, never
      directly: that hands over copies, explains errors, and refuses what `watching` sees.
    """

    id: str
    slug: str
    title: str
    judges: Mapping[str, Callable[[Any], Result]]
    hints: tuple[str, ...]
    points: int = 1

    def __post_init__(self):
        _TITLES[self.id] = self.title

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the answers, in the order of `check`'s arguments."""
        return tuple(self.judges)

    def judge(self, *answers: Any) -> Result:
        """Judge the answers. Never raises on a bad answer, and leaves no trace."""
        name = f"Exercise {self.id}"
        if len(answers) != len(self.judges):
            asked = ", ".join(self.names)
            message = f"expected {len(self.judges)} answers ({asked}), got {len(answers)}"
            return replace(Result.wrong(message, "arguments"), name=name)
        parts = [
            replace(_result_of(judge, answer), name=answer_name)
            for (answer_name, judge), answer in zip(self.judges.items(), answers, strict=True)
        ]
        return combine(parts, name)

    def redrawn(self, seed: int) -> "Exercise":
        """Return the same exercise with other inputs for functions and networks.

        Who knows the lesson's by heart earns nothing. The same seed draws the same inputs.
        """
        generator = torch.Generator().manual_seed(seed)
        judges = {
            name: judge.redrawn(generator) if hasattr(judge, "redrawn") else judge
            for name, judge in self.judges.items()
        }
        return replace(self, judges=judges)

    def check(self, *answers: Any) -> Result:
        """Judge the answers, and in a notebook remember the result. Never raises."""
        result = self.judge(*answers)
        if progress.in_notebook():
            progress.MEMORY.keep(self.slug, result)
        return replace(result, next=self._next() if result else "")

    def _next(self) -> str:
        """Name the exercise that follows in the lesson, if there is one."""
        lesson, _, number = self.id.partition(".")
        following = f"{lesson}.{int(number) + 1}" if number.isdigit() else ""
        following = _FOLLOWING.get(self.id, following)
        return f"{following} {_TITLES[following]}" if following in _TITLES else ""

    def grade(self, *answers: Any) -> None:
        """Report the points to nbgrader.

        **Raises:** `AssertionError` with the diagnosis where no points were earned.
        """
        result = self.judge(*answers)
        assert result.points > 0, repr(result)
        if result.points < 1:
            sys.displayhook(round(result.points * self.points, 4))

    def hint(self, number: int = 1) -> "Hints":
        """Show the hints, folded; `number` is the one to open."""
        return Hints(self, number)

    def solution(self) -> "Solution":
        """Show the worked solution, where the teacher has published it."""
        return Solution(self.id, self.slug, page_of(self.id, self.title))


def in_lesson_order(*exercises: Exercise) -> tuple[Exercise, ...]:
    """Note the order of a lesson's exercises where it isn't that of their numbers."""
    ids = [exercise.id for exercise in exercises]
    _FOLLOWING.update(zip(ids, [*ids[1:], ""], strict=True))
    return exercises


def _result_of(judge: Callable[[Any], Result], answer: Any) -> Result:
    """Call a judge, and make a result of whatever happens."""
    try:
        if is_unanswered(answer):
            return Result.unanswered()
        return judge(answer)
    except NotAnswered as error:
        return Result.unanswered(str(error) or "not answered yet")
    except AnswerError as error:
        return Result.wrong(str(error), error.mistake)
    except Exception as error:  # an answer can be an object that raises at any touch
        return Result.wrong(f"it can't be checked ({type(error).__name__})", "unreadable")
