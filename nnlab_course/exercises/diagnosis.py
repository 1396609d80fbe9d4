"""Compare an answer with what is expected, and say how they differ"""

# A plain module, edited here.

import torch
from torch import Tensor


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
    if is_close(answer, expected, atol, rtol):
        return None
    if answer.shape != expected.shape:
        if expected.ndim == 2 and answer.shape == expected.T.shape:
            return (
                "transposed",
                f"the shape is {tuple(answer.shape)}, transposed from what is asked",
            )
        return "shape", f"the shape is {tuple(answer.shape)}, asked for is {tuple(expected.shape)}"
    if not torch.isfinite(answer).all():
        return "not-finite", "some values are not finite (inf or nan)"
    if answer.ndim == 2 and is_close(answer.T, expected, atol, rtol):
        return "transposed", "the values are right, but rows and columns are swapped"
    if is_close(-answer, expected, atol, rtol):
        return "sign", "the size is right, the sign is not"
    if answer.ndim == 0:
        return "value", f"{float(answer):.6g} is not it"
    return _diagnose_entries(answer, expected, atol, rtol)


def _diagnose_entries(
    answer: Tensor, expected: Tensor, atol: float, rtol: float
) -> tuple[str, str]:
    """Compare two tensors of one shape, entry by entry."""
    ordered = [torch.sort(values.flatten()).values for values in (answer, expected)]
    if is_close(*ordered, atol, rtol):
        return "order", "the numbers are right, but not in their places"
    factor = (answer * expected).sum() / expected.square().sum()
    if len(expected.unique()) > 1 and is_close(answer, factor * expected, atol, rtol) and factor:
        return "factor", "all entries are off by one and the same factor"
    off = (answer - expected).abs() - (atol + rtol * expected.abs())
    index = tuple(int(i) for i in torch.unravel_index(off.argmax(), off.shape))
    where = ", ".join(map(str, index))
    wrong = int((off > 0).sum())
    return "value", (
        f"{wrong} of {off.numel()} entries differ; furthest off is [{where}], {answer[index]:.6g}"
    )
