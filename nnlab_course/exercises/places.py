"""Where the wrong entries of an answer stand: in a row, on a diagonal, on a side of x"""

# A plain module, edited here.

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Pairs = Sequence[tuple[Tensor, Tensor]]  # Answer and expected value in each case, float64
Close = Callable[[Tensor, Tensor], bool]
Found = tuple[str, str] | None  # Slug, and a sentence for the student

_MOST_TO_PLACE = 2000


def _wrong(answer: Tensor, expected: Tensor, close: Close) -> Tensor:
    """Tell of each entry whether it is wrong."""
    entries = zip(answer.flatten(), expected.flatten(), strict=True)
    wrong = [not close(*entry) for entry in entries]
    return torch.tensor(wrong, dtype=torch.bool).reshape(answer.shape)


def by_place(pairs: Pairs, close: Close) -> Found:
    """Name the place of the wrong entries, if there is one."""
    if not all(answer.shape == expected.shape for answer, expected in pairs):
        return None
    masks = [_wrong(a, e, close) for a, e in pairs if a.ndim and a.numel() <= _MOST_TO_PLACE]
    if len(masks) < len(pairs) or any(mask.numel() < 3 for mask in masks):
        return None
    for slug, text, test in _PLACES:
        if all(not mask.any() or test(mask) for mask in masks):
            return slug, text
    return None


def _only(mask: Tensor, dim: int, index: int) -> bool:
    """Tell whether everything is right but what stands at one index of a dimension."""
    if not -mask.ndim <= dim < mask.ndim or mask.shape[dim] < 2:
        return False
    rest = mask.clone()
    rest.select(dim, index).fill_(False)
    return not rest.any()


def _only_diagonal(mask: Tensor) -> bool:
    return mask.ndim == 2 and not (mask & ~torch.eye(*mask.shape, dtype=torch.bool)).any()


def _only_off_diagonal(mask: Tensor) -> bool:
    return mask.ndim == 2 and not mask.diagonal().any()


def _every_other(mask: Tensor) -> bool:
    flat = mask.flatten()
    return any(not flat[i::2].any() and bool(flat[1 - i :: 2].all()) for i in (0, 1))


_PLACES = (
    ("first-entry", "only the first entry is wrong", lambda m: m.ndim == 1 and _only(m, 0, 0)),
    ("last-entry", "only the last entry is wrong", lambda m: m.ndim == 1 and _only(m, 0, -1)),
    ("one-entry", "all entries but one are correct", lambda m: m.sum() == 1),
    ("first-row", "only the first row is wrong", lambda m: _only(m, -2, 0)),
    ("last-row", "only the last row is wrong", lambda m: _only(m, -2, -1)),
    ("first-column", "only the first column is wrong", lambda m: m.ndim > 1 and _only(m, -1, 0)),
    ("last-column", "only the last column is wrong", lambda m: m.ndim > 1 and _only(m, -1, -1)),
    ("diagonal", "only the diagonal is wrong", _only_diagonal),
    ("off-diagonal", "only the diagonal is correct", _only_off_diagonal),
    ("every-other", "every other entry is wrong", _every_other),
)
# Where a function takes x entry by entry, its x says more.
PLACES = {
    "negative-cut",
    "positive-cut",
    "reversed",
    "order",
    "shifted",
    *(slug for slug, _, _ in _PLACES),
}


_WITH_INPUT = (  # Of the expected value and the input
    ("a factor x is missing or too many", lambda e, x: e * x),
    ("a factor x is missing or too many", lambda e, x: e / x),
    ("a term x is missing or too many", lambda e, x: e + x),
    ("a term x is missing or too many", lambda e, x: e - x),
    ("the sign is wrong, and a term x is missing or too many", lambda e, x: x - e),
)


def relation_to_input(
    inputs: Sequence[Any],  # Of each call, if it takes one argument
    answers: Sequence[Tensor],
    expected: Sequence[Tensor],
    close: Close,
) -> Found:
    """Name what a function has to do with its input, where it takes one tensor entry by entry."""
    rows = list(zip(inputs, answers, expected, strict=False))
    if len(rows) < len(answers) or not all(
        isinstance(x, Tensor) and x.shape == a.shape == e.shape and x.ndim for x, a, e in rows
    ):
        return None
    columns = zip(*rows, strict=True)
    x, answer, right = (torch.cat([t.flatten().double() for t in each]) for each in columns)
    if close(answer, x):
        return "input", "this is the input itself"
    for text, combine in _WITH_INPUT:
        if close(answer, combine(right, x)):
            return "input-too-many", text
    return _by_side(x, answer, right, close)


def _by_side(x: Tensor, answer: Tensor, expected: Tensor, close: Close) -> Found:
    """Name the values of x at which the answers are wrong, and the furthest of them."""
    wrong = _wrong(answer, expected, close)
    worst = (answer - expected).abs().nan_to_num(torch.inf).argmax()
    given = f"the largest error is at x = {x[worst]:.3g}, where yours gives {answer[worst]:.4g}"
    right = x[~wrong]
    if len(right):
        for side, slug, blamed in (("<", "left-half", x < 0), (">", "right-half", x > 0)):
            if not (wrong & ~blamed).any() and not blamed.all():
                return slug, f"only x {side} 0 is wrong; {given}"
        if x[wrong].min() > right.max():
            return "large-x", f"correct up to x = {right.max():.3g}, wrong above; {given}"
        if x[wrong].max() < right.min():
            return "small-x", f"correct down to x = {right.min():.3g}, wrong below; {given}"
        if right.abs().max() < x[wrong].abs().min():
            return "far-from-zero", f"correct for |x| up to {right.abs().max():.3g} only; {given}"
        if right.abs().min() > x[wrong].abs().max():
            return "near-zero", f"wrong for |x| up to {x[wrong].abs().max():.3g} only; {given}"
    return "value", given
