"""Call a student's function, and explain what it raises"""

# A plain module, edited here.

import copy
from collections.abc import Callable
from typing import Any

from nnlab_course.exercises.answers import AnswerError, NotAnswered, is_unanswered

_EXPLAINED = {
    "Boolean value of Tensor": (
        "`if`, `and`, `max` and `min` decide once, but x is a tensor of many numbers; decide for "
        "each of them with `torch.where`, `torch.clamp` or `torch.maximum`",
        "branch-on-tensor",
    ),
    "converted to Python scalars": (
        "functions of `math` take a single number, but x is a tensor of many; torch has a function "
        "of the same name",
        "math-on-tensor",
    ),
    "floating point": (
        "bytes and other whole numbers have no `mean` and no `std`; make floating-point numbers of "
        "them first, by `/ 255` or `.float()`",
        "bytes",
    ),
}


def call(
    function: Callable[..., Any],  # The student's
    *arguments: Any,  # Handed over as copies
) -> Any:
    """Call a student's function.

    **Raises:** `NotAnswered` if it returns `None` or `...`; `AnswerError` if it raises, or can't be
    called.
    """
    if not callable(function):
        raise AnswerError(f"is a {type(function).__name__}, not a function", "not-a-function")
    try:
        answer = function(*copy.deepcopy(arguments))
    except (NotAnswered, AnswerError):
        raise
    except (Exception, SystemExit) as error:
        text = f"{type(error).__name__}: {error}"[:300]
        for sign, (explanation, slug) in _EXPLAINED.items():
            if sign in text:
                raise AnswerError(f"your code raised {text}; {explanation}", slug) from error
        raise AnswerError(f"your code raised {text}", "raised") from error
    if is_unanswered(answer):
        raise NotAnswered("not answered yet: it returns nothing")
    return answer
