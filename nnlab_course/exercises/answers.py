"""Read what a student has answered: a number, a list, an array or a tensor"""

# A plain module, edited here.

import re
from array import array
from collections import deque
from decimal import Decimal
from itertools import islice
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["AnswerError", "NotAnswered", "as_tensor", "is_unanswered"]


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
    """Tell whether an answer is still `...` or `None`, or a list with `...` or only `None`."""
    if answer is None or answer is ...:
        return True
    if depth == 0 or not isinstance(answer, list | tuple | set) or not answer:
        return False
    items = list(islice(answer, 1000))
    nothing = all(item is None for item in items)
    return nothing or any(i is not None and is_unanswered(i, depth - 1) for i in items)


_MOST_ENTRIES = 1_000_000
_MOST_IN_LISTS = 100_000  # Python's lists are slow to read
_DEEPEST = 8
_TOO_LARGE = "the answer has more than a million entries"
_LISTS = list | tuple | range | deque | array


def as_tensor(
    answer: Any,  # A number, a nested list, an array or a tensor of numbers
) -> Tensor:  # float64, on the CPU, detached
    """Read an answer as a tensor of float64.

    **Raises:** `AnswerError` if the answer holds something other than real numbers, if its rows
    differ in length, or if it has more than a million entries (100,000 in lists).
    """
    try:
        if isinstance(answer, Tensor):
            return _read_tensor(answer)
        if isinstance(answer, _LISTS):
            answer = _read_list(answer, [0])
        return torch.from_numpy(np.array(_read_item(answer), dtype=np.float64))
    except AnswerError:
        raise
    except OverflowError as error:
        raise AnswerError("a number in the answer is too large", "too-large") from error
    except Exception as error:
        raise AnswerError(_describe(answer), _slug_of(answer)) from error


def _read_tensor(answer: Tensor) -> Tensor:
    if answer.numel() > _MOST_ENTRIES:
        raise AnswerError(_TOO_LARGE, "too-large")
    # A subclass of Tensor could bring a comparison of its own.
    with torch._C.DisableTorchFunctionSubclass():
        if answer.is_complex():
            raise AnswerError("the answer holds complex numbers; give real ones", "complex")
        return answer.detach().to_dense().cpu().double().as_subclass(Tensor)


def _read_list(answer: Any, count: list[int], depth: int = _DEEPEST) -> list:
    """Read nested lists, and refuse them as soon as they are too deep or too long."""
    if depth == 0:
        raise AnswerError("the lists are nested too deeply to be numbers")
    items = []
    for item in answer:
        if isinstance(item, _LISTS):
            items.append(_read_list(item, count, depth - 1))
            continue
        item = _read_tensor(item).numpy() if isinstance(item, Tensor) else _read_item(item)
        count[0] += getattr(item, "size", 1)
        if count[0] > _MOST_IN_LISTS:
            raise AnswerError("the answer is a list with more than 100,000 entries", "too-large")
        items.append(item.tolist() if isinstance(item, np.ndarray) else item)
    return items


def _read_item(item: Any) -> Any:
    """Return what numpy makes a number of, or an array or list of numbers."""
    if isinstance(item, np.ndarray):
        if item.size > _MOST_ENTRIES:
            raise AnswerError(_TOO_LARGE, "too-large")
        if item.dtype.kind not in "biuf":
            item = [_read_item(entry) for entry in item.flat]
        return item
    if isinstance(item, list):
        return item
    if isinstance(item, Real | Decimal | np.bool_):
        return float(item)
    raise AnswerError(_describe(item), _slug_of(item))


def _slug_of(item: Any) -> str:
    if isinstance(item, str):
        return "text"
    if isinstance(item, list | tuple | deque):
        return "ragged"
    return "function-for-value" if callable(item) else "unreadable"


def _describe(item: Any) -> str:
    """Say why something isn't read as numbers, and what to give."""
    name = type(item).__name__
    if isinstance(item, str):
        if re.fullmatch(r"[1-9][0-9]{0,2}([, ][0-9]{3})+", item.strip()):
            return "got text; write the number without quotes, commas and spaces"
        number = item.strip().replace(",", ".")
        if re.fullmatch(r"[-+]?[0-9]*\.?[0-9]+(e[-+]?[0-9]+)?", number):
            return f"got text; write the number {number} without quotes"
        return f"got the text {item[:40]!r}; a number is expected, without quotes"
    if item is None:
        return "an entry is None; every entry must be a number"
    if isinstance(item, complex | np.complexfloating):
        return "the answer holds complex numbers; give real ones"
    if isinstance(item, list | tuple | deque):
        return "the rows of the list differ in length, or hold something other than numbers"
    if isinstance(item, nn.Module):
        return f"got a network ({name}); give a number, a list, an array or a tensor"
    if callable(item):
        called = getattr(item, "__name__", "")
        called = f", `{called}`" if called.isidentifier() and called != "function" else ""
        return f"got a function{called}; give the value that it returns, so call it first"
    return f"got a {name}, which can't be read as numbers; give a number, a list or a tensor"
