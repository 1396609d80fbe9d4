"""Read what a student has answered: a number, a list, an array or a tensor"""

# A plain module, edited here.

from collections.abc import Sequence
from itertools import islice
from typing import Any

import torch
from torch import Tensor


class NotAnswered(Exception):
    """There is no answer yet."""


class AnswerError(ValueError):
    """An answer that can't be compared; the text is for the student, `mistake` is a slug."""

    def __init__(self, message: str, mistake: str = "unreadable"):
        super().__init__(message)
        self.mistake = mistake


def is_unanswered(
    answer: Any,  # Whatever the student's name holds
    depth: int = 3,  # How many lists deep to look
) -> bool:
    """Tell whether an answer is still `...` or `None`, or a list with one of them inside."""
    if answer is None or answer is ...:
        return True
    if depth == 0 or not isinstance(answer, list | tuple | set):
        return False
    if any(callable(item) for item in islice(answer, 1000)):  # a network with something beside it
        return False
    return any(is_unanswered(item, depth - 1) for item in islice(answer, 1000))


_MOST_ENTRIES = 1_000_000


_MOST_IN_LISTS = 100_000  # Python's lists are slow to read


def _count(answer: Any, depth: int = 8) -> int:
    """Count the numbers in an answer, and refuse a list that is too long before it is read."""
    if isinstance(answer, Tensor):
        return answer.numel()
    if not isinstance(answer, list | tuple):
        size = getattr(answer, "size", 1)
        return size if isinstance(size, int) else 1
    if depth == 0:
        raise AnswerError("the lists are nested too deeply to be numbers")
    total = 0
    for item in answer:
        total += _count(item, depth - 1)
        if total > _MOST_IN_LISTS:
            raise AnswerError("the answer is a list with more than 100,000 entries", "too-large")
    return total


def as_tensor(
    answer: Any,  # A number, a nested list, an array or a tensor of numbers
) -> Tensor:  # float64, on the CPU, detached
    """Read an answer as a tensor of float64.

    **Raises:** `AnswerError` if the answer holds something other than real numbers, if its rows
    differ in length, or if it has more than a million entries (100,000 in lists).
    """
    if _count(answer) > _MOST_ENTRIES:
        raise AnswerError("the answer has more than a million entries", "too-large")
    try:
        if isinstance(answer, Sequence) and any(isinstance(item, Tensor) for item in answer):
            answer = [item.tolist() if isinstance(item, Tensor) else item for item in answer]
        # A subclass of Tensor could bring a comparison of its own.
        with torch._C.DisableTorchFunctionSubclass():
            tensor = torch.as_tensor(answer).detach()
            if tensor.is_complex():
                raise ValueError("complex numbers")
            return tensor.to("cpu", torch.float64).as_subclass(Tensor)
    except Exception as error:
        raise AnswerError(
            f"got a {type(answer).__name__} that can't be read as numbers ({str(error)[:200]}); "
            "give a number, a list of lists, an array or a tensor"
        ) from error
