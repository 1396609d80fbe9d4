"""Judges: from an answer to a result, with the mistakes that are known"""

# A plain module, edited here.

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from nnlab_course.exercises.answers import AnswerError, as_tensor
from nnlab_course.exercises.calling import call
from nnlab_course.exercises.diagnosis import diagnose, diagnose_all, is_close
from nnlab_course.exercises.inputs import Case, as_arrays, as_float32, changed_arguments, move_case
from nnlab_course.exercises.places import PLACES, relation_to_input
from nnlab_course.exercises.result import Result

__all__ = ["Mistake", "SameFunction", "SameValue", "compare"]


@dataclass(frozen=True, init=False)
class Mistake:
    """A classic mistake: its slug, what to say, and what somebody answers who makes it."""

    slug: str
    message: str
    answers: tuple[Any, ...]  # Any of them gives it away

    def __init__(self, slug: str, message: str, *answers: Any):
        for name, value in (("slug", slug), ("message", message), ("answers", answers)):
            object.__setattr__(self, name, value)


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
    expected = as_tensor(expected)
    answer = _as_number(as_tensor(answer), expected)
    if is_close(answer, expected, atol, rtol):
        return Result.right()
    for mistake in mistakes:
        if any(is_close(answer, as_tensor(wrong), atol, rtol) for wrong in mistake.answers):
            return Result.wrong(mistake.message, mistake.slug)
    slug, message = diagnose(answer, expected, atol, rtol)
    return Result.wrong(message, slug)


def _as_number(answer: Tensor, expected: Tensor) -> Tensor:
    """Take a list of one number for the number, where one is expected."""
    return answer.reshape(()) if expected.ndim == 0 and answer.numel() == 1 else answer


@dataclass(frozen=True)
class SameValue:
    """Judge a number, list, array or tensor by its values."""

    expected: Any  # The reference
    mistakes: tuple[Mistake, ...] = ()  # Their answers are values
    atol: float = 1e-4  # Largest difference that still counts as equal
    rtol: float = 1e-3  # The same, relative to the expected value

    def __call__(self, answer: Any) -> Result:
        return compare(answer, self.expected, self.mistakes, atol=self.atol, rtol=self.rtol)


_OTHER_ARGUMENTS = {"dtype": as_float32, "numpy-on-tensor": as_arrays}
_MOST_DRAWS = 100


@dataclass(frozen=True)
class SameFunction:
    """Judge a function by what it returns."""

    reference: Callable[..., Any]  # What it should compute
    cases: tuple[Case, ...]  # The arguments of each call
    mistakes: tuple[Mistake, ...] = ()  # Their answers are functions
    atol: float = 1e-4  # Largest difference that still counts as equal
    rtol: float = 1e-3  # The same, relative to the expected value
    # Draws other cases; by default floats move a little, and integers keep their range.
    draw: Callable[[torch.Generator], tuple[Case, ...]] | None = None
    forbidden: tuple[str, ...] = ()  # What the function mustn't use, as `watching` names it

    def __call__(self, answer: Any) -> Result:
        expected = [as_tensor(self.reference(*case)) for case in self.cases]
        found = [_as_number(*pair) for pair in zip(self._ask(answer), expected, strict=True)]
        if self._agree(found, expected):
            return Result.right()
        for mistake in self.mistakes:
            if any(self._agree(found, self._values(wrong)) for wrong in mistake.answers):
                return Result.wrong(mistake.message, mistake.slug)
        slug, message = self._diagnose(found, expected)
        return Result.wrong(message, slug)

    def redrawn(self, generator: torch.Generator) -> "SameFunction":
        """Return the same judge with other cases, by which each mistake can still be seen.

        **Raises:** `ValueError` if no such cases are found, which is the author's mistake.
        """
        for _ in range(_MOST_DRAWS):
            cases = self.draw(generator) if self.draw else self._moved(generator)
            judge = replace(self, cases=tuple(cases))
            if judge.tells_mistakes():
                return judge
        raise ValueError("a mistake is right on all inputs that were drawn; give another `draw`")

    def tells_mistakes(self) -> bool:
        """Tell whether each known mistake differs from the reference on these cases."""
        expected = self._values(self.reference)
        wrong = (answer for mistake in self.mistakes for answer in mistake.answers)
        return not any(self._agree(self._values(answer), expected) for answer in wrong)

    def _moved(self, generator: torch.Generator) -> list[Case]:
        order = torch.randperm(len(self.cases), generator=generator).tolist()
        return [move_case(self.cases[number], generator) for number in order]

    def _ask(self, answer: Callable[..., Any]) -> list[Tensor]:
        """Call the student's function, and once more where only the inputs' kind is its problem."""
        ask = partial(call, answer, forbidden=self.forbidden)
        try:
            return [as_tensor(ask(*case)) for case in self.cases]
        except AnswerError as error:
            change = _OTHER_ARGUMENTS.get(error.mistake)
            if change is None:
                raise
            try:
                return [as_tensor(ask(*change(case))) for case in self.cases]
            except AnswerError:
                raise error from None

    def _values(self, function: Callable[..., Any]) -> list[Tensor | None]:
        """Call a function of ours; None where it can't be called with these arguments."""
        values = []
        for case in self.cases:
            try:
                values.append(as_tensor(function(*case)))
            except (RuntimeError, IndexError, ValueError, TypeError):
                values.append(None)
        return values

    def _agree(self, found: Sequence[Tensor], others: Sequence[Tensor | None]) -> bool:
        return all(
            other is not None and is_close(value, other, self.atol, self.rtol)
            for value, other in zip(found, others, strict=True)
        )

    def _diagnose(self, found: list[Tensor], expected: list[Tensor]) -> tuple[str, str]:
        """Say what is wrong with outputs that no known mistake explains."""
        general = diagnose_all(found, expected, self.atol, self.rtol)
        if general[0] not in {"value", "shape", *PLACES}:
            return general
        for words, cases in changed_arguments(self.cases):
            if self._agree(found, replace(self, cases=tuple(cases))._values(self.reference)):
                return "other-argument", f"this would be correct for {words}"
        close = partial(is_close, atol=self.atol, rtol=self.rtol)
        inputs = [case[0] for case in self.cases if len(case) == 1]
        special = relation_to_input(inputs, found, expected, close)
        return special if special and (special[0] != "value" or general[0] == "value") else general
