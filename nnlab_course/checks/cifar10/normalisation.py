"""5.7: batch normalisation by hand"""

# A plain module, edited here.

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from nnlab_course.exercises import Exercise, Mistake, SameFunction

_DIMS = (0, 2, 3)  # All but the channels


def _maps(seed: int, *shape: int) -> tuple[Tensor]:
    """Draw maps of several channels, each with a mean and a spread of its own, float64."""
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(shape, generator=generator, dtype=torch.float64)
    channel = torch.arange(1, shape[1] + 1)[:, None, None]
    image = torch.arange(shape[0])[:, None, None, None] / shape[0]
    return (channel * (1 + image) * maps + 2 * channel + 3 * image,)


def _centre(maps: Tensor, dims: tuple[int, ...]) -> Tensor:
    return maps - maps.mean(dims, keepdim=True)


def _standardise(maps: Tensor, dims: tuple[int, ...], correction: int = 1) -> Tensor:
    """Bring the mean over these dimensions to 0, and the standard deviation to 1."""
    return _centre(maps, dims) / maps.std(dims, keepdim=True, correction=correction)


def _over(dims: tuple[int, ...], slug: str, message: str) -> tuple[Mistake, ...]:
    """Make the mistake to normalise over other dimensions, with either kind of deviation."""
    return tuple(
        Mistake(slug, message, partial(_standardise, dims=dims, correction=correction))
        for correction in (0, 1)
    )


batch_normalisation = Exercise(
    id="5.7",
    slug="batch-normalisation",
    title="Batch normalisation by hand",
    judges={
        "my_batch_norm": SameFunction(
            lambda maps: F.batch_norm(maps, None, None, training=True),
            (_maps(0, 8, 3, 9, 7), _maps(1, 16, 2, 6, 8)),
            (
                *_over(
                    (2, 3),
                    "per-image",
                    "you normalised each image by itself; the statistics are those of the batch",
                ),
                *_over(
                    (0,),
                    "per-place",
                    "you normalised each place by itself; the statistics of a channel are over all "
                    "its places",
                ),
                *_over(
                    (1, 2, 3),
                    "layer-normalisation",
                    "you normalised each image over its channels: that is layer normalisation",
                ),
                *_over(
                    (0, 1, 2, 3),
                    "all-channels",
                    "you took all channels together; each has a mean and a spread of its own",
                ),
                Mistake(
                    "only-centred",
                    "the mean is 0, but the spread is not 1 yet",
                    lambda maps: _centre(maps, _DIMS),
                ),
                Mistake(
                    "not-centred",
                    "the spread is 1, but the mean is not 0",
                    lambda maps: maps / maps.std(_DIMS, keepdim=True),
                ),
                Mistake(
                    "variance",
                    "you divided by the variance; the standard deviation is its root",
                    lambda maps: _centre(maps, _DIMS) / maps.var(_DIMS, keepdim=True),
                ),
                Mistake(
                    "multiplied",
                    "you multiplied by the standard deviation",
                    lambda maps: _centre(maps, _DIMS) * maps.std(_DIMS, keepdim=True),
                ),
                Mistake(
                    "precedence",
                    "the mean alone was divided: the difference needs brackets",
                    lambda maps: (
                        maps - maps.mean(_DIMS, keepdim=True) / maps.std(_DIMS, keepdim=True)
                    ),
                ),
                Mistake(
                    "range",
                    "this brings each channel to the range from 0 to 1; asked for are mean and "
                    "standard deviation",
                    lambda maps: (
                        (maps - maps.amin(_DIMS, keepdim=True))
                        / (maps.amax(_DIMS, keepdim=True) - maps.amin(_DIMS, keepdim=True))
                    ),
                ),
            ),
            atol=2e-3,
            rtol=2e-3,
        )
    },
    hints=(
        "It does to the maps inside a network what `normalise` does to the images: which "
        "dimensions go into one mean?",
        "With `keepdim=True`, `mean` and `std` keep the dimensions that they run over with size 1, "
        "so that the result fits the maps.",
        "Take the mean away from the maps, then divide the difference by the standard deviation; "
        "exercise 5.2 has the dimensions.",
    ),
    points=3,
)
