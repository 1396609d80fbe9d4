"""Call a student's function, watch what it uses, and explain what it raises"""

# A plain module, edited here.

import copy
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from nnlab_course.exercises.answers import AnswerError, NotAnswered, is_unanswered
from nnlab_course.exercises.errors import explain
from nnlab_course.exercises.watching import watching

__all__ = ["IN_PLACE", "call"]

IN_PLACE = "in-place"  # Forbid it, and a function mustn't change its arguments


def call(
    function: Callable[..., Any],  # The student's
    *arguments: Any,  # Handed over as copies
    forbidden: Sequence[str] = (),  # What it must not use; see `watching`
) -> Any:
    """Call a student's function. It gets copies, so that it can't change the lesson's inputs.

    **Raises:** `NotAnswered` if it returns `None` or `...`; `AnswerError` if it raises, uses
    something forbidden, or can't be called.
    """
    if not callable(function):
        kind = type(function).__name__
        raise AnswerError(f"expected a function, got a {kind}", "not-a-function")
    try:
        answer = _call(function, copy.deepcopy(arguments), tuple(forbidden))
    except (NotAnswered, AnswerError):
        raise
    except (Exception, SystemExit) as error:
        raise explain(error) from error
    if is_unanswered(answer):
        raise NotAnswered("not answered yet: the function returns nothing")
    return answer


def _call(function: Callable[..., Any], arguments: tuple, forbidden: tuple[str, ...]) -> Any:
    """Call it here, or have a marker's stand-in call it where it lives."""
    if hasattr(type(function), "call_watched"):
        return function.call_watched(forbidden, *arguments)
    return call_watched(function, *arguments, forbidden=forbidden)


def _differ(before: Any, after: Any) -> bool:
    return isinstance(after, Tensor) and not (
        before.shape == after.shape and torch.equal(before, after)
    )


def call_watched(
    function: Callable[..., Any], *arguments: Any, forbidden: Sequence[str] = ()
) -> Any:
    """Call a function in the process in which it lives, and look at what only this one can see.

    **Raises:** `AnswerError` if it uses something forbidden (or changes an argument, where
    `"in-place"` is), or returns values with indices; what the function raises.
    """
    before = copy.deepcopy(arguments) if IN_PLACE in forbidden else ()
    with watching(forbidden) if forbidden else nullcontext():
        answer = function(*arguments)
    if any(_differ(*pair) for pair in zip(before, arguments, strict=False)):
        raise AnswerError(
            "your function changes the tensor that it is given, and so the data of whoever calls "
            "it; begin with a new one: `x.clone()` or `torch.zeros_like(x)`",
            IN_PLACE,
        )
    if type(answer).__module__ == "torch.return_types":
        name = type(answer).__name__.rpartition(".")[2]
        raise AnswerError(
            f"the second argument of `{name}` is `dim`, so it returns values and indices; to "
            "compare with a number use `torch.clamp`, for the values alone `.values`",
            "values-and-indices",
        )
    return answer
