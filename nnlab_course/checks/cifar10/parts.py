"""5.3: training, validation and test set"""

# A plain module, edited here.

from typing import Any

import torch

from nnlab_course.exercises import AnswerError, Exercise, Result, as_tensor, call

_NUM_VALID = 30
_TRAIN = torch.arange(100, dtype=torch.uint8).reshape(100, 1, 1, 1)
_TEST = torch.arange(200, 220, dtype=torch.uint8).reshape(20, 1, 1, 1)


def _read_parts(answer: Any) -> tuple[list[int], list[int], list[int]]:
    """Call the student's function, and return the numbers in each part."""
    parts = call(answer, _TRAIN, _TEST, _NUM_VALID)
    if not isinstance(parts, list | tuple) or len(parts) != 3:
        raise AnswerError("three tensors are asked for: to learn, to choose, to judge", "count")
    train, valid, test = (as_tensor(part) for part in parts)
    for part in (train, valid, test):
        if part.ndim != 4 or part.shape[1:] != (1, 1, 1):
            shape = tuple(part.shape)
            raise AnswerError(f"a part has the shape {shape}; images are (N, C, H, W)", "shape")
    return tuple(part.flatten().tolist() for part in (train, valid, test))


def _judge_parts(answer: Any) -> Result:
    """Follow each image into its part."""
    train, valid, test = _read_parts(answer)
    of_train, of_test = set(_TRAIN.flatten().tolist()), set(_TEST.flatten().tolist())
    everything = of_train | of_test
    share = "%d images are both in the part to learn from and in the part to choose by"
    problems = (
        (
            bool(of_test & set(valid)),
            "test-for-validation",
            "your validation part holds test images. Who chooses by them has nothing left to "
            "judge by: take it out of the training images",
        ),
        (bool(of_test & set(train)), "test-for-training", "it would learn from test images"),
        (
            set(test) != of_test or len(test) != len(of_test),
            "test-changed",
            "the third part is to be the test images, all of them and nothing else",
        ),
        (not everything >= {*train, *valid}, "other-images", "some images are not those given"),
        (
            bool(set(train) & set(valid)),
            "overlap",
            f"{share % len(set(train) & set(valid))}: what was learned from can't be judged by",
        ),
        (
            len(set(valid)) < len(valid) or len(set(train)) < len(train),
            "drawn-twice",
            "some images occur twice in a part: draw without putting back",
        ),
        (
            len(train) == _NUM_VALID != len(valid),
            "swapped",
            "the parts to learn from and to choose by are exchanged: the small one is to choose by",
        ),
        (
            len(valid) != _NUM_VALID,
            "size",
            f"the second part has {len(valid)} images, asked for are {_NUM_VALID}",
        ),
        (
            {*train, *valid} != of_train,
            "images-lost",
            f"{len(of_train) - len({*train, *valid})} training images are in neither part",
        ),
        (
            max(valid, default=0) - min(valid, default=0) == _NUM_VALID - 1,
            "not-shuffled",
            "the validation part is one run of the training images. If they are sorted by class, "
            "it has only some classes: draw at random",
        ),
    )
    for is_so, slug, message in problems:
        if is_so:
            return Result.wrong(message, slug)
    return Result.right()


three_parts = Exercise(
    id="5.3",
    slug="three-parts",
    title="Three parts",
    judges={"my_three_parts": _judge_parts},
    hints=(
        "Which of the three parts do you get for nothing? And out of which set does the second one "
        "have to come?",
        "`torch.randperm(n)` is a random order of the numbers from 0 to n − 1. Use it to index the "
        "images.",
        "Cut the random order in two: so many numbers for the second part, all the others for the "
        "first.",
    ),
    points=2,
)
