"""5.6: the two classes that are confused most often"""

# A plain module, edited here.

import torch
from torch import Tensor

from nnlab_course.exercises import Exercise, Mistake, SameFunction


def _counts(seed: int) -> tuple[Tensor]:
    """Draw a confusion matrix: large on the diagonal, not symmetric, no two entries alike."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.randperm(90, generator=generator)[:25].reshape(5, 5) + 200 * torch.eye(5).long(),)


def _largest(values: Tensor) -> list[int]:
    """Return row and column of the largest entry."""
    return [int(index) for index in torch.unravel_index(values.argmax(), values.shape)]


def _both_ways(matrix: Tensor) -> Tensor:
    """Add up both directions; the diagonal becomes 0."""
    return matrix + matrix.T - 2 * matrix.diagonal().diag()


def _off_diagonal(matrix: Tensor) -> Tensor:
    return matrix - matrix.diagonal().diag()


_MATRICES = tuple(map(_counts, (1, 12, 13)))

confused_pair = Exercise(
    id="5.6",
    slug="confused-pair",
    title="The most confused pair",
    judges={
        "my_pair": SameFunction(
            lambda matrix: sorted(_largest(_both_ways(matrix))),
            _MATRICES,
            (
                Mistake(
                    "diagonal",
                    "this is a class that is recognised, not a pair that is confused: leave the "
                    "diagonal out",
                    _largest,
                ),
                Mistake(
                    "one-direction",
                    "you looked at one direction; a as b and b as a belong together",
                    lambda matrix: _largest(_off_diagonal(matrix)),
                ),
                Mistake(
                    "one-direction",
                    "you looked at one direction; a as b and b as a belong together",
                    lambda matrix: sorted(_largest(_off_diagonal(matrix))),
                ),
                Mistake(
                    "one-half",
                    "you looked above the diagonal only; what is below counts as well",
                    lambda matrix: _largest(matrix.triu(1)),
                ),
                Mistake(
                    "descending",
                    "the pair is right; put the smaller label first",
                    lambda matrix: sorted(_largest(_both_ways(matrix)), reverse=True),
                ),
                Mistake(
                    "count",
                    "this says how often they are confused; which two classes are they?",
                    lambda matrix: _both_ways(matrix).max(),
                ),
                Mistake(
                    "flat-index",
                    "this is a position in the matrix read row by row; make row and column of it",
                    lambda matrix: _both_ways(matrix).argmax(),
                ),
                Mistake(
                    "least",
                    "this pair is confused least often",
                    lambda matrix: _largest(-_both_ways(matrix) - 10**6 * torch.eye(5).long()),
                ),
            ),
        )
    },
    hints=(
        "Which entries of the matrix are no confusions at all? Get them out of the way first.",
        "The entry (a, b) counts one direction. Which other entry belongs to it? `matrix.T` has "
        "it in the same place.",
        "`argmax` gives one number, the position row by row. `divmod` by the number of columns, or "
        "`torch.unravel_index`, makes two of it.",
    ),
    points=2,
)
