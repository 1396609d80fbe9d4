"""Compare an answer with what is expected, and say how the two are related"""

# A plain module, edited here.

from collections.abc import Sequence

import torch
from torch import Tensor

from nnlab_course.exercises.relations import relation_of_number, relation_of_tensors

__all__ = ["diagnose", "is_close"]


def is_close(answer: Tensor, expected: Tensor, atol: float, rtol: float) -> bool:
    """Tell whether two tensors agree in shape and in every entry, within the tolerances."""
    return answer.shape == expected.shape and torch.allclose(answer, expected, rtol, atol)


def diagnose(
    answer: Tensor,  # float64
    expected: Tensor,  # float64
    atol: float,  # Largest difference that still counts as equal
    rtol: float,  # The same, relative to the expected value
) -> tuple[str, str] | None:  # Slug and text of what differs first, or None where nothing does
    """Say how `answer` differs from `expected`, without giving the expected values away."""
    return diagnose_all([answer], [expected], atol, rtol)


def diagnose_all(
    answers: Sequence[Tensor],  # What came out in each case
    expected: Sequence[Tensor],  # What should have come out
    atol: float,
    rtol: float,
) -> tuple[str, str] | None:
    """Say how several answers differ from what is expected of them.

    A relation is named only if it holds in every case.
    """
    pairs = list(zip(answers, expected, strict=True))
    wrong = [pair for pair in pairs if not is_close(*pair, atol, rtol)]
    if not wrong:
        return None

    def close(a: Tensor, b: Tensor) -> bool:
        return is_close(a, b, atol, rtol)

    if len(pairs) == 1 and expected[0].ndim == 0:
        found = relation_of_number(answers[0], expected[0], close)
    else:
        found = relation_of_tensors(pairs, close)
    return found or _first_difference(*wrong[0], atol, rtol)


def _first_difference(
    answer: Tensor, expected: Tensor, atol: float, rtol: float
) -> tuple[str, str]:
    """Describe the first difference where no relation is known."""
    if answer.ndim == 0 < expected.ndim:
        return "one-number", f"expected shape {tuple(expected.shape)}, got a single number"
    if answer.shape != expected.shape:
        return "shape", _describe_shapes(answer, expected)
    if not torch.isfinite(answer).all():
        return "not-finite", "some values are not finite (inf or nan)"
    if answer.ndim == 0:
        return "value", f"{float(answer):.6g} is not correct"
    off = (answer - expected).abs() - (atol + rtol * expected.abs())
    index = tuple(int(i) for i in torch.unravel_index(off.argmax(), off.shape))
    where = ", ".join(map(str, index))
    return "value", (
        f"{int((off > 0).sum())} of {off.numel()} entries are wrong; the largest error is at "
        f"[{where}], where yours is {answer[index]:.6g}"
    )


def _describe_shapes(answer: Tensor, expected: Tensor) -> str:
    """Say which shape came and which was expected; a decimal comma makes two numbers of one."""
    if expected.ndim:
        return f"expected shape {tuple(expected.shape)}, got {tuple(answer.shape)}"
    if answer.numel() == 0:
        return "expected one number, got none"
    if answer.shape == (2,) and (answer == answer.round()).all() and answer[1] >= 0:
        whole, decimals = (int(number) for number in answer)
        if expected != expected.round() or expected == float(f"{whole}.{decimals}"):
            return (
                f"expected one number, got two, {whole} and {decimals}; a decimal number is "
                f"written with a point: {whole}.{decimals}"
            )
    return f"expected one number, got {answer.numel()} (shape {tuple(answer.shape)})"
