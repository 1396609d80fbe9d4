"""5.3: training, validation and test set"""

# A plain module, edited here.

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from nnlab_course.exercises import AnswerError, Exercise, Result, as_tensor, call

_FEWEST_GAPS = 4  # Sizes of gaps between the images of a random draw; fewer are a pattern


@dataclass(frozen=True)
class ThreeParts:
    """Judge a split of a dataset by following every image, which is one byte of its own."""

    train: Sequence[int]  # The bytes of the training images, in order, all different
    test: Sequence[int]
    num_valid: int

    def __call__(self, answer: Any) -> Result:
        train, valid, test = self._read(answer)
        for is_so, slug, message in self._problems(train, valid, test):
            if is_so:
                return Result.wrong(message, slug)
        return Result.right()

    def redrawn(self, generator: torch.Generator) -> "ThreeParts":
        """Return the same judge with other images, of other numbers."""
        numbers = torch.randperm(256, generator=generator).tolist()
        num_train, num_test = (
            int(torch.randint(*limits, (), generator=generator)) for limits in ((90, 150), (15, 40))
        )
        num_valid = int(torch.randint(20, 36, (), generator=generator))
        return ThreeParts(numbers[:num_train], numbers[num_train : num_train + num_test], num_valid)

    def _read(self, answer: Any) -> tuple[list[int], ...]:
        """Call the student's function, and return the numbers in each part."""
        parts = call(answer, _as_images(self.train), _as_images(self.test), self.num_valid)
        if not isinstance(parts, list | tuple) or len(parts) != 3:
            message = "return three tensors: training, validation and test images"
            raise AnswerError(message, "count")
        return tuple(_read_part(part) for part in parts)

    def _problems(
        self, train: list[int], valid: list[int], test: list[int]
    ) -> Iterator[tuple[bool, str, str]]:
        """Yield what may be wrong with a split: whether it is, its slug and its message."""
        yield from self._foreign_images(train, valid, test)
        shared = set(train) & set(valid)
        yield (
            bool(shared),
            "overlap",
            f"{len(shared)} images are both in the training and in the validation set: what a "
            "network was trained on can't validate it",
        )
        yield (
            len(set(valid)) < len(valid) or len(set(train)) < len(train),
            "drawn-twice",
            "some images occur twice in a part: draw without replacement",
        )
        yield from self._sizes(train, valid)
        yield (
            self._has_pattern(valid),
            "not-shuffled",
            "the validation images lie at regular places among the training images. If these are "
            "sorted, the validation set is not like the training set: draw at random",
        )

    def _foreign_images(
        self, train: list[int], valid: list[int], test: list[int]
    ) -> Iterator[tuple[bool, str, str]]:
        of_test, given = set(self.test), {*self.train, *self.test}
        yield (
            bool(of_test & set(valid)),
            "test-for-validation",
            "your validation set holds test images, so the test set can no longer give an "
            "unbiased result: take the validation images out of the training images",
        )
        yield (
            bool(of_test & set(train)),
            "test-for-training",
            "your training set holds test images",
        )
        yield (
            sorted(test) != sorted(self.test),
            "test-changed",
            "the third part must be the test images, all of them and nothing else",
        )
        yield (
            not given >= {*train, *valid},
            "other-images",
            "some images are not those given: their pixels have changed",
        )

    def _sizes(self, train: list[int], valid: list[int]) -> Iterator[tuple[bool, str, str]]:
        asked, left = self.num_valid, len(self.train) - len({*train, *valid})
        yield (
            len(train) == asked != len(valid),
            "swapped",
            "training and validation set are swapped: the small one is for validation",
        )
        yield (
            len(valid) != asked,
            "size",
            f"the validation set has {len(valid)} images, expected {asked}",
        )
        yield left > 0, "images-lost", f"{left} training images are in neither part"

    def _has_pattern(self, valid: list[int]) -> bool:
        """Tell whether images lie in a run, in two, or at equal distances."""
        places = sorted(self.train.index(number) for number in valid)
        return len({after - before for before, after in pairwise(places)}) < _FEWEST_GAPS


def _as_images(numbers: Sequence[int]) -> Tensor:  # (N, 1, 1, 1), uint8
    return torch.tensor(numbers, dtype=torch.uint8).reshape(-1, 1, 1, 1)


def _read_part(part: Any) -> list[int]:
    """Return the byte of each image of a part."""
    if type(part).__name__ == "Subset":
        message = (
            "a part is a `Subset`, as `random_split` returns it, not a tensor: index the images "
            "with its numbers, `train_images[part.indices]`"
        )
        raise AnswerError(message, "subset")
    images = as_tensor(part)
    if images.ndim != 4 or images.shape[1:] != (1, 1, 1):
        message = f"a part has the shape {tuple(images.shape)}, expected images (N, C, H, W)"
        raise AnswerError(message, "shape")
    return images.flatten().tolist()


three_parts = Exercise(
    id="5.3",
    slug="three-parts",
    title="Three parts",
    judges={"my_three_parts": ThreeParts(range(100), range(200, 220), 30)},
    hints=(
        "One of the three parts needs no work at all. And which of the two sets must the "
        "validation "
        "images come from?",
        "`torch.randperm(n)` is a random order of the numbers from 0 to n − 1. Use it to index the "
        "images.",
        "Cut the random order in two: the first `num_valid` numbers for the validation set, all "
        "others for the training set.",
    ),
    points=2,
)
