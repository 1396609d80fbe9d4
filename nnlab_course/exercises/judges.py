"""Judges: from an answer to a result, with the mistakes that are known"""

# A plain module, edited here.

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nnlab_course.exercises.answers import as_tensor
from nnlab_course.exercises.calling import call
from nnlab_course.exercises.diagnosis import diagnose, is_close
from nnlab_course.exercises.result import Result


@dataclass(frozen=True)
class Mistake:
    """A classic mistake: its slug, what to say, and what somebody answers who makes it."""

    slug: str
    message: str
    answer: Any


def compare(
    answer: Any,  # A number, nested list, array or tensor
    expected: Any,  # The reference, in any of the same forms
    mistakes: Sequence[Mistake] = (),  # With answers in any of the same forms
    *,
    atol: float = 1e-4,  # Largest difference that still counts as equal
    rtol: float = 1e-3,  # The same, relative to the expected value
) -> Result:
    """Compare a value with its reference, and recognise mistakes.

    **Raises:** `AnswerError` as `as_tensor` does.
    """
    answer, expected = as_tensor(answer), as_tensor(expected)
    if expected.ndim == 0 and answer.numel() == 1:
        answer = answer.reshape(())
    problem = diagnose(answer, expected, atol, rtol)
    if problem is None:
        return Result.right()
    for mistake in mistakes:
        if is_close(answer, as_tensor(mistake.answer), atol, rtol):
            return Result.wrong(mistake.message, mistake.slug)
    slug, message = problem
    return Result.wrong(message, slug)


@dataclass(frozen=True)
class SameValue:
    """Judge a number, list, array or tensor by its values."""

    expected: Any  # The reference
    mistakes: tuple[Mistake, ...] = ()  # Their answers are values
    atol: float = 1e-4  # Largest difference that still counts as equal
    rtol: float = 1e-3  # The same, relative to the expected value

    def __call__(self, answer: Any) -> Result:
        return compare(answer, self.expected, self.mistakes, atol=self.atol, rtol=self.rtol)


@dataclass(frozen=True)
class SameFunction:
    """Judge a function by what it returns."""

    reference: Callable[..., Any]  # What it should compute
    cases: tuple[tuple[Any, ...], ...]  # The arguments of each call
    mistakes: tuple[Mistake, ...] = ()  # Their answers are functions
    atol: float = 1e-4  # Largest difference that still counts as equal
    rtol: float = 1e-3  # The same, relative to the expected value
    # Draws other cases, for a marker; by default, the numbers of these are moved a little.
    draw: Callable[[torch.Generator], tuple[tuple[Any, ...], ...]] | None = None

    def __call__(self, answer: Any) -> Result:
        found = [as_tensor(call(answer, *case)) for case in self.cases]
        results = [
            self._compare(value, self.reference(*case), case)
            for value, case in zip(found, self.cases, strict=True)
        ]
        if all(results):
            return Result.right()
        for mistake in self.mistakes:
            made = (as_tensor(mistake.answer(*case)) for case in self.cases)
            if all(
                is_close(value, wrong, self.atol, self.rtol)
                for value, wrong in zip(found, made, strict=True)
            ):
                return Result.wrong(mistake.message, mistake.slug)
        return next(result for result in results if not result)

    def _compare(self, value: Tensor, expected: Any, case: tuple[Any, ...]) -> Result:
        result = compare(value, expected, atol=self.atol, rtol=self.rtol)
        expected, x = as_tensor(expected), case[0]
        if result.mistake != "value" or not isinstance(x, Tensor) or x.shape != expected.shape:
            return result
        off = (value - expected).abs() - (self.atol + self.rtol * expected.abs())
        worst = off.argmax()
        x_there, y_there = x.flatten()[worst], value.flatten()[worst]
        given = f"furthest off at x = {x_there:.3g}, where yours gives {y_there:.4g}"
        for side, mistake in (("<", "left-half"), (">", "right-half")):
            blamed = x < 0 if side == "<" else x > 0
            if blamed.any() and (off[~blamed] <= 0).all() and not blamed.all():
                return Result.wrong(f"only x {side} 0 is wrong; {given}", mistake)
        return Result.wrong(given, "value")
