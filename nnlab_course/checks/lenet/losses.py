"""4.5 and 4.6: what a loss means, and the cross-entropy from logits"""

# A plain module, edited here.

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from nnlab_course.checks.common.inputs import draw_numbers
from nnlab_course.checks.common.turns import InTurn
from nnlab_course.exercises import Exercise, Mistake, SameFunction, SameValue


def _batches(seed: int, *sizes: int) -> tuple[Tensor, Tensor]:
    """Draw the mean losses of some batches, float64; the sizes are int64."""
    return draw_numbers(len(sizes), seed=seed).abs() + 0.5, torch.tensor(sizes)


reading_the_loss = Exercise(
    id="4.5",
    slug="reading-the-loss",
    title="Read the loss",
    judges={
        "my_first_loss": SameValue(
            math.log(100),
            (
                Mistake(
                    "ten-classes",
                    "this is the loss for 10 classes; here there are 100",
                    math.log(10),
                ),
                Mistake(
                    "base-ten", "this is the logarithm to the base 10; use the natural one", 2.0
                ),
                Mistake(
                    "base-two",
                    "this is the logarithm to the base 2; use the natural one",
                    math.log2(100),
                ),
                Mistake(
                    "probability", "this is the probability of the right class, not the loss", 0.01
                ),
                Mistake("wrong-class", "this is the probability of a wrong answer", 0.99),
                Mistake(
                    "negative",
                    "the logarithm of a probability is negative, a loss is positive",
                    -math.log(100),
                ),
            ),
            atol=0.006,
            rtol=0.0,
        ),
        "my_real_loss": SameValue(
            2.315,
            (
                Mistake("as-printed", "this is what the program printed", 0.0463),
                Mistake("sum-of-means", "this is the sum of the 200 means", 463.0),
                Mistake(
                    "times-batches",
                    "undo the wrong division first, then divide by the number of batches",
                    9.26,
                ),
                Mistake(
                    "divided-again",
                    "the printed number is too small; this is even smaller",
                    0.000926,
                ),
                Mistake(
                    "assumed", "ln 10 is the expected value; compute the measured one", math.log(10)
                ),
            ),
            atol=0.0055,  # 2.31 and 2.32 as well: both are 2.315 to two decimals
            rtol=0.0,
        ),
        "my_mean_loss": SameFunction(
            lambda means, sizes: means.repeat_interleave(sizes).mean(),
            (_batches(0, 64, 64, 64, 8), _batches(1, 10, 30, 5)),
            (
                Mistake(
                    "mean-of-means",
                    "a small batch counts as much as a large one here; every image should count "
                    "the same",
                    lambda means, sizes: means.mean(),
                ),
                Mistake(
                    "means-over-images",
                    "this is the mistake of the notes: a sum of means, divided by the number of "
                    "images",
                    lambda means, sizes: means.sum() / sizes.sum(),
                ),
                Mistake(
                    "not-divided",
                    "this is the sum over all images; divide it by their number",
                    lambda means, sizes: (means * sizes).sum(),
                ),
                Mistake(
                    "over-batches",
                    "the sum over the images is right; divide by their number, not by that of the "
                    "batches",
                    lambda means, sizes: (means * sizes).mean(),
                ),
                Mistake(
                    "sum-of-means",
                    "you added up the means of the batches",
                    lambda means, sizes: means.sum(),
                ),
                Mistake(
                    "largest-batch",
                    "you took all batches for as large as the first one",
                    lambda means, sizes: (means * sizes[0]).sum() / sizes.sum(),
                ),
                Mistake(
                    "last-batch",
                    "this is the loss of the last batch",
                    lambda means, sizes: means[-1],
                ),
            ),
        ),
    },
    hints=(
        "How probable is the true class if all 100 classes are equally probable? The loss is the "
        "negative natural logarithm of that.",
        "The program divided the sum of its means by the number of images. By what should it "
        "have divided? All its batches are of one size.",
        "A batch's mean times its size is the sum of the losses of its images.",
    ),
    points=3,
)


def _true_probability(logits: Tensor, labels: Tensor, dim: int = 1) -> Tensor:
    """Return the probability that the softmax gives to each true class."""
    return logits.softmax(dim)[torch.arange(len(labels)), labels]


def _logits(num: int, seed: int) -> tuple[Tensor, Tensor]:
    """Draw logits of `num` images for 5 classes, and the images' labels."""
    generator = torch.Generator().manual_seed(seed)
    return 3 * draw_numbers(num, 5, seed=seed), torch.randint(5, (num,), generator=generator)


_LARGE = (
    (torch.tensor([[1000.0, 0, -1000], [0, 200, 0]], dtype=torch.float64), torch.tensor([1, 0])),
    (torch.tensor([[-900.0, -905, -900]], dtype=torch.float64), torch.tensor([1])),
)

_CROSS_ENTROPY = SameFunction(
    F.cross_entropy,
    (_logits(6, 4), _logits(5, 5)),
    (
        Mistake(
            "softmax-twice",
            "the softmax was applied twice: apply it once, between logits and logarithm",
            lambda logits, labels: F.cross_entropy(logits.softmax(1), labels),
        ),
        Mistake(
            "no-logarithm",
            "these are probabilities; the logarithm is missing",
            lambda logits, labels: -_true_probability(logits, labels).mean(),
        ),
        Mistake(
            "probability",
            "this is the mean probability of the true class, not a loss",
            lambda logits, labels: _true_probability(logits, labels).mean(),
        ),
        Mistake(
            "logarithm-of-mean",
            "the logarithm comes first, the mean over the images last",
            lambda logits, labels: -_true_probability(logits, labels).mean().log(),
        ),
        Mistake(
            "no-softmax",
            "these are logits, not logarithms of probabilities: normalise them first",
            lambda logits, labels: -logits[torch.arange(len(labels)), labels].mean(),
        ),
        Mistake(
            "softmax-over-images",
            "the probabilities of an image's classes must add up to 1, not those of a "
            "class's images: look at `dim`",
            lambda logits, labels: -_true_probability(logits, labels, 0).log().mean(),
        ),
        Mistake(
            "sum-for-mean",
            "this is the sum over the images; take the mean",
            lambda logits, labels: F.cross_entropy(logits, labels, reduction="sum"),
        ),
        Mistake(
            "one-for-each-image",
            "these are the losses of the individual images; take their mean",
            lambda logits, labels: F.cross_entropy(logits, labels, reduction="none"),
        ),
        Mistake(
            "all-classes",
            "you averaged over all classes; only the true one counts",
            lambda logits, labels: -logits.log_softmax(1).mean(),
        ),
        Mistake(
            "predicted-class",
            "you took the class with the largest logit; the labels say which one counts",
            lambda logits, labels: F.cross_entropy(logits, logits.argmax(1)),
        ),
        Mistake(
            "base-two",
            "this is the logarithm to the base 2; use the natural one",
            lambda logits, labels: F.cross_entropy(logits, labels) / math.log(2),
        ),
        Mistake(
            "base-ten",
            "this is the logarithm to the base 10; use the natural one",
            lambda logits, labels: F.cross_entropy(logits, labels) / math.log(10),
        ),
    ),
    forbidden=("cross_entropy", "cross_entropy_loss", "nll_loss"),
)

cross_entropy = Exercise(
    id="4.6",
    slug="cross-entropy",
    title="Cross-entropy from logits",
    judges={
        "my_cross_entropy": InTurn(
            _CROSS_ENTROPY,
            SameFunction(F.cross_entropy, _LARGE, draw=lambda generator: _LARGE),
            Mistake(
                "not-stable",
                "right for small logits, but inf or nan for logits such as 1,000, where exp "
                "overflows and a softmax becomes 0: subtract each image's largest logit first",
            ),
        )
    },
    hints=(
        "The section “Why logits” has the loss of one image in two forms. Which of them survives a "
        "logit of 1,000?",
        "Subtract the largest logit of each row: `logits.max(1, keepdim=True).values`. "
        "`z[torch.arange(len(labels)), labels]` takes one entry of each row.",
        "The loss of one image is the logarithm of the sum of exponentials, minus the logit of the "
        "true class; average over the images last.",
    ),
    points=2,
)
