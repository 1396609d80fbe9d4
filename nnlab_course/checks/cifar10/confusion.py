"""5.6: the two classes that are confused most often"""

# A plain module, edited here.

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from nnlab_course.exercises import AnswerError, Exercise, Mistake, Result, SameFunction, call


def _counts(generator: torch.Generator, num_classes: int = 5) -> tuple[Tensor]:
    """Draw a confusion matrix: large on the diagonal, not symmetric, no two entries alike."""
    counts = torch.randperm(4 * num_classes**2, generator=generator)[: num_classes**2]
    return (counts.reshape(num_classes, -1) + 200 * torch.eye(num_classes).long(),)


def _one_sided(generator: torch.Generator, num_classes: int = 5) -> tuple[Tensor]:
    """Draw a matrix whose most confused pair is confused in one direction only."""
    (counts,) = _counts(generator, num_classes)
    counts[num_classes - 2, 0], counts[0, num_classes - 2] = 8 * num_classes**2, 0
    return (counts,)


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _draw(generator: torch.Generator) -> tuple[tuple[Tensor], ...]:
    """Draw matrices of several sizes."""
    *sizes, last = torch.randint(4, 9, (4,), generator=generator).tolist()
    return *(_counts(generator, size) for size in sizes), _one_sided(generator, last)


def _largest(values: Tensor) -> list[int]:
    """Return row and column of the largest entry."""
    return [int(index) for index in torch.unravel_index(values.argmax(), values.shape)]


def _both_ways(matrix: Tensor) -> Tensor:
    """Add up both directions; the diagonal becomes 0."""
    return matrix + matrix.T - 2 * matrix.diagonal().diag()


def _off_diagonal(matrix: Tensor) -> Tensor:
    return matrix - matrix.diagonal().diag()


def _least(matrix: Tensor) -> list[int]:
    return _largest(-_both_ways(matrix) - 10**6 * torch.eye(len(matrix)).long())


@dataclass(frozen=True)
class UnchangedArgument:
    """Judge a function as another judge does, and refuse it if it changes its first argument."""

    judge: SameFunction

    def __call__(self, answer: Any) -> Result:
        result = self.judge(answer)
        if result and _changes(answer, self.judge.cases[0][0]):
            message = (
                "the pair is right, but your function changes the matrix that it is given, and "
                "with "
                "it the one of the lesson: work on a copy, `matrix.clone()`"
            )
            return Result.wrong(message, "in-place")
        return result

    def redrawn(self, generator: torch.Generator) -> "UnchangedArgument":
        """Return the same judge with other matrices."""
        return replace(self, judge=self.judge.redrawn(generator))


def _changes(function: Callable[[Tensor], Any], matrix: Tensor) -> bool:
    """Tell whether a function changes its argument."""
    given = matrix.clone()
    try:
        call(lambda argument: [function(given)], matrix)
    except AnswerError:
        return False  # it was right before: what it raises now is no concern of this question
    return not torch.equal(given, matrix)


_ONE_DIRECTION = "you looked at one direction; count class a taken for b, and b taken for a"

confused_pair = Exercise(
    id="5.6",
    slug="confused-pair",
    title="The most confused pair",
    judges={
        "my_pair": UnchangedArgument(
            SameFunction(
                lambda matrix: sorted(_largest(_both_ways(matrix))),
                (*(_counts(_seeded(seed)) for seed in (0, 1, 3)), _one_sided(_seeded(4))),
                (
                    Mistake(
                        "diagonal",
                        "this is a class that is recognised, not a pair that is confused: leave "
                        "the diagonal out",
                        _largest,
                    ),
                    Mistake(
                        "diagonal",
                        "the diagonal decides here, but its entries are not confused: leave it out",
                        lambda matrix: _largest(matrix + matrix.T),
                    ),
                    Mistake(
                        "one-direction",
                        _ONE_DIRECTION,
                        lambda matrix: _largest(_off_diagonal(matrix)),
                    ),
                    Mistake(
                        "one-direction",
                        _ONE_DIRECTION,
                        lambda matrix: sorted(_largest(_off_diagonal(matrix))),
                    ),
                    Mistake(
                        "one-half",
                        "you looked above the diagonal only; what is below counts as well",
                        lambda matrix: _largest(matrix.triu(1)),
                    ),
                    Mistake(
                        "one-half",
                        "you looked below the diagonal only; what is above counts as well",
                        lambda matrix: _largest(matrix.tril(-1)),
                    ),
                    Mistake(
                        "difference",
                        "you subtracted the two directions; add them up",
                        lambda matrix: sorted(_largest((matrix - matrix.T).triu(1))),
                    ),
                    Mistake(
                        "product",
                        "you multiplied the two directions; add them up",
                        lambda matrix: sorted(_largest(_off_diagonal(matrix * matrix.T))),
                    ),
                    Mistake(
                        "descending",
                        "the pair is right; put the smaller label first",
                        lambda matrix: sorted(_largest(_both_ways(matrix)), reverse=True),
                    ),
                    Mistake(
                        "count",
                        "this is how often they are confused; return the two labels",
                        lambda matrix: _both_ways(matrix).max(),
                    ),
                    Mistake(
                        "flat-index",
                        "this is a position in the matrix, counted row by row; turn it into row "
                        "and "
                        "column",
                        lambda matrix: _both_ways(matrix).argmax(),
                    ),
                    Mistake("least", "this pair is confused least often", _least),
                ),
                draw=_draw,
            )
        )
    },
    hints=(
        "Which entries of the matrix are no confusions at all? Leave them out first.",
        "Entry (a, b) counts one direction. Which entry counts the other? `matrix.T` has it at the "
        "same place.",
        "`argmax` returns one number, the position row by row. `divmod` by the number of columns, "
        "or `torch.unravel_index`, turns it into row and column.",
    ),
    points=2,
)
