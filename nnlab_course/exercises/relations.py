"""Relations between a wrong answer and the right one that can be stated without giving it away"""

# A plain module, edited here.

import math
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import permutations

import torch
from torch import Tensor

from nnlab_course.exercises.places import Close, Found, Pairs, by_place


def relation_of_number(answer: Tensor, expected: Tensor, close: Close) -> Found:
    """Name the relation between a wrong number and the right one, in words without a direction."""
    if answer.ndim or not answer.isfinite():
        return None
    wrong, right = answer.item(), expected.item()
    holds = {
        "sign": close(-answer, expected),
        "power-of-ten": wrong * right > 0 and _is_power_of_ten(answer, expected, close),
        "factor-two": close(answer / 2, expected) or close(2 * answer, expected),
        "reciprocal": close(answer * expected, torch.ones_like(answer)) and right != 0,
        "square": wrong >= 0 and (close(answer.sqrt(), expected) or close(answer**2, expected)),
        "off-by-one": right == round(right)
        and (close(answer + 1, expected) or close(answer - 1, expected)),
        "complement": close(1 - answer, expected),
        "rounded": right != round(right) and wrong in (math.floor(right), math.ceil(right)),
        "digits": abs(right) >= 10 and _digits(wrong) == _digits(right),
        "other-sign": wrong * right < 0,
        "not-whole": right == round(right) and wrong != round(wrong),
    }
    slug = next((slug for slug, is_so in holds.items() if is_so), None)
    return slug and (slug, _OF_NUMBERS[slug].format(f"{wrong:.6g}"))


_OF_NUMBERS = {
    "sign": "the size is correct, the sign is not",
    "power-of-ten": "off by a power of ten: check the decimal point",
    "factor-two": "off by a factor of two",
    "reciprocal": "this is the reciprocal: the fraction is upside down",
    "square": "a square is missing, or one too many was taken",
    "off-by-one": "off by one: count both ends again",
    "complement": "this is one minus the expected value",
    "rounded": "this is rounded; more decimals are expected",
    "digits": "the digits are correct, their order is not",
    "other-sign": "{} is not correct, nor is its sign",
    "not-whole": "{} is not correct: the answer is a whole number",
}


def _is_power_of_ten(answer: Tensor, expected: Tensor, close: Close) -> bool:
    power = round(math.log10(answer / expected))
    return power != 0 and close(answer / 10.0**power, expected)


def _digits(number: float) -> Counter:
    return Counter(f"{abs(number):g}")


def relation_of_tensors(pairs: Pairs, close: Close) -> Found:
    """Name a relation that holds between all answers and what is expected."""
    if not all(answer.isfinite().all() for answer, _ in pairs):
        return None
    for find in (_same_shape, _by_transform, _by_reduction, _by_factor, by_place):
        if found := find(pairs, close):
            return found
    return None


def _holds(pairs: Pairs, close: Close, transform: Callable[[Tensor], Tensor]) -> bool:
    """Tell whether each answer is the transformed expected value."""
    try:
        return all(close(answer, transform(expected)) for answer, expected in pairs)
    except (RuntimeError, IndexError):
        return False  # a tensor of this shape has no such transform


def _same_shape(pairs: Pairs, close: Close) -> Found:
    """Name what can be seen where the numbers are right and only the shape isn't."""
    if all(answer.shape == expected.shape for answer, expected in pairs):
        return None
    answer, expected = next(pair for pair in pairs if pair[0].shape != pair[1].shape)
    got, asked = tuple(answer.shape), tuple(expected.shape)
    if all(close(a.squeeze(), e.squeeze()) for a, e in pairs):
        return "dimensions", f"the numbers are correct; expected shape {asked}, got {got}"
    if all(e.ndim == 2 and a.shape == e.T.shape for a, e in pairs):
        text = "the numbers are correct, but " if all(close(a.T, e) for a, e in pairs) else ""
        text += "rows and columns are swapped"
        return "transposed", f"{text}: expected shape {asked}, got {got}"
    if all(a.numel() == e.numel() and close(a.flatten(), e.flatten()) for a, e in pairs):
        return "dimensions", f"the numbers are correct; expected shape {asked}, got {got}"
    return None


_TRANSFORMS = (  # Of the expected value; in all of them the shape stays
    ("sign", "the sizes are correct, the sign is not", torch.neg),
    ("zero", "all values are 0", torch.zeros_like),
    ("transposed", "the values are correct, but rows and columns are swapped", torch.t),
    ("reversed", "the values are correct, but in reverse order", lambda e: e.flip(0)),
    ("reversed", "the values are correct, but each row is reversed", lambda e: e.flip(-1)),
    ("shifted", "the values are correct, but shifted by one place", lambda e: e.roll(1, 0)),
    ("shifted", "the values are correct, but shifted by one place", lambda e: e.roll(-1, 0)),
    ("shifted", "the values are correct, but shifted by one place", lambda e: e.roll(1, -1)),
    ("shifted", "the values are correct, but shifted by one place", lambda e: e.roll(-1, -1)),
    ("complement", "this is 1 minus the expected values", lambda e: 1 - e),
    ("reciprocal", "these are the reciprocals: the fraction is upside down", torch.reciprocal),
    ("square", "these are the squares of the expected values", torch.square),
    ("root", "these are the square roots of the expected values", torch.sqrt),
    ("absolute", "the sizes are correct, but the signs are lost", torch.abs),
    ("logarithm", "these are the logarithms of the expected values", torch.log),
    ("exponential", "these are the exponentials of the expected values", torch.exp),
    ("negative-cut", "correct where positive; negative values became 0", lambda e: e.clamp(min=0)),
    ("positive-cut", "correct where negative; positive values became 0", lambda e: e.clamp(max=0)),
    ("rounded", "whole numbers came out: the decimals are cut off", torch.trunc),
    ("rounded", "whole numbers came out: the values are rounded", torch.round),
    ("rounded", "whole numbers came out: the values are rounded down", torch.floor),
)


def _by_transform(pairs: Pairs, close: Close) -> Found:
    for slug, text, transform in _TRANSFORMS:
        if _holds(pairs, close, transform):
            return slug, text
    for order in permutations(range(pairs[0][1].ndim)) if pairs[0][1].ndim > 2 else ():
        if _holds(pairs, close, lambda e, order=order: e.permute(order)):
            return "transposed", "the values are correct, but dimensions are swapped"
    if all(_signless(a, e, close) for a, e in pairs):
        return "signs", "the sizes are correct, but some signs are not"
    if all(a.shape == e.shape and close(_sorted(a), _sorted(e)) for a, e in pairs):
        return "order", "the values are correct, but not in their places"
    return None


def _signless(answer: Tensor, expected: Tensor, close: Close) -> bool:
    return close(answer.abs(), expected.abs())


def _sorted(values: Tensor) -> Tensor:
    return values.flatten().sort().values


_SUMMARIES = (
    ("the sum", torch.sum),
    ("the mean", torch.mean),
    ("the first part", lambda e, dim: e.select(dim, 0)),
    ("the last part", lambda e, dim: e.select(dim, -1)),
    ("the largest value", torch.amax),
    ("the smallest value", torch.amin),
)
_CUTS = (
    ("last", lambda e, dim: e.narrow(dim, 0, e.shape[dim] - 1)),
    ("first", lambda e, dim: e.narrow(dim, 1, e.shape[dim] - 1)),
)


def _reductions(ndim: int) -> Iterator[tuple[str, Callable[[Tensor], Tensor]]]:
    """List what makes a smaller tensor of one with so many dimensions."""
    for name, reduce in _SUMMARIES:
        if "part" not in name:
            yield name, reduce
        for dim in range(ndim):
            yield f"{name} along dimension {dim}", lambda e, r=reduce, d=dim: r(e, d)


def _cuts(ndim: int) -> Iterator[tuple[str, Callable[[Tensor], Tensor]]]:
    """List what leaves an end out."""
    for dim in range(ndim):
        for name, cut in _CUTS:
            yield f"the {name} entry along dimension {dim}", lambda e, c=cut, d=dim: c(e, d)


def _by_reduction(pairs: Pairs, close: Close) -> Found:
    """Name a part or a summary of the expected values, or one that is still to be taken."""
    if all(answer.shape == expected.shape for answer, expected in pairs):
        return None
    shapes = f"expected shape {tuple(pairs[0][1].shape)}, got {tuple(pairs[0][0].shape)}"
    swapped = [(expected, answer) for answer, expected in pairs]
    for what, cut in _cuts(pairs[0][1].ndim):
        if _holds(pairs, close, cut):
            return "too-short", f"{what} is missing: {shapes}"
        if _holds(swapped, close, cut):
            return "too-long", f"{what} is too much: {shapes}"
    for what, reduce in _reductions(pairs[0][1].ndim):
        if _holds(pairs, close, reduce):
            return "reduced", f"this is {what} of what is asked for: {shapes}"
    for what, reduce in _reductions(pairs[0][0].ndim):
        if _holds(swapped, close, reduce):
            return "not-reduced", f"take {what} of these values: {shapes}"
    return None


def _by_factor(pairs: Pairs, close: Close) -> Found:
    """Name one factor, or one offset, that separates all values from the expected ones."""
    if not all(answer.shape == expected.shape for answer, expected in pairs):
        return None
    answers = torch.cat([answer.flatten() for answer, _ in pairs])
    expected = torch.cat([expected.flatten() for _, expected in pairs])
    if len(expected.unique()) < 2:
        return _constant(answers)
    factor = ((answers * expected).sum() / expected.square().sum()).item()
    if factor and close(answers, factor * expected):
        return "factor", f"every value is {factor:.4g} times the expected one"
    offset = (answers - expected).mean().item()
    if close(answers, expected + offset):
        return "offset", f"every value is off by the same amount, {offset:+.4g}"
    if found := _constant(answers):
        return found
    if len(expected.unique()) > 3:
        design = torch.stack([expected, torch.ones_like(expected)], 1)
        slope, level = torch.linalg.lstsq(design, answers[:, None]).solution.flatten().tolist()
        if abs(slope) > 1e-6 and close(answers, slope * expected + level):
            text = f"every value is {slope:.4g} times the expected one, {level:+.4g}"
            return "factor-and-offset", text
    return None


def _constant(answers: Tensor) -> Found:
    if len(answers) > 1 and len(answers.unique()) == 1:
        return "constant", "all values are the same number"
    return None
