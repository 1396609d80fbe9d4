"""5.7: batch normalisation by hand"""

# A plain module, edited here.

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from nnlab_course.exercises import Exercise, Mistake, Result, SameFunction

_DIMS = (0, 2, 3)  # All but the channels


def _maps(generator: torch.Generator, *shape: int) -> tuple[Tensor]:
    """Draw maps of several channels, each with a mean and a spread of its own, float64."""
    maps = torch.randn(shape, generator=generator, dtype=torch.float64)
    channel = torch.arange(1, shape[1] + 1)[:, None, None]
    image = torch.arange(shape[0])[:, None, None, None] / shape[0]
    return (channel * (1 + image) * maps + 2 * channel + 3 * image,)


def _draw(generator: torch.Generator) -> tuple[tuple[Tensor], ...]:
    """Draw maps of several sizes."""
    sizes = torch.randint(5, 12, (2, 3), generator=generator).tolist()
    numbers = torch.randint(2, 5, (2,), generator=generator).tolist()
    return tuple(
        _maps(generator, num, channels, height, width)
        for channels, (num, height, width) in zip(numbers, sizes, strict=True)
    )


def _with_constant_channel(maps: Tensor) -> Tensor:
    """Make one channel constant; whole numbers, so that its mean is exact."""
    return torch.cat([maps[:, :1], torch.full_like(maps[:, 1:], 2.0)], dim=1)


def _centre(maps: Tensor, dims: tuple[int, ...]) -> Tensor:
    return maps - maps.mean(dims, keepdim=True)


def _standardise(
    maps: Tensor, dims: tuple[int, ...], correction: int = 1, eps: float = 0.0
) -> Tensor:
    """Bring the mean over these dimensions to 0, and the standard deviation to 1."""
    return _centre(maps, dims) / (maps.std(dims, keepdim=True, correction=correction) + eps)


def _over(dims: tuple[int, ...], slug: str, message: str) -> tuple[Mistake, ...]:
    """Make the mistake to normalise over other dimensions, with either kind of deviation."""
    return tuple(
        Mistake(slug, message, partial(_standardise, dims=dims, correction=correction, eps=eps))
        for correction in (0, 1)
        for eps in (0.0, 1e-5)
    )


def _reference(maps: Tensor) -> Tensor:
    return F.batch_norm(maps, None, None, training=True)


@dataclass(frozen=True)
class BatchNormalisation:
    """Judge a normalisation on maps that vary, and then on those of which a channel doesn't."""

    judge: SameFunction

    def __call__(self, answer: Any) -> Result:
        result = self.judge(answer)
        if not result:
            return result
        cases = tuple((_with_constant_channel(maps),) for (maps,) in self.judge.cases)
        constant = replace(self.judge, cases=cases, mistakes=())
        if constant(answer):
            return result
        message = (
            "right, but not where a channel is constant: there the standard deviation is 0, and "
            "0 / 0 is nan. Add a small number such as 1e-5 to it"
        )
        return Result.wrong(message, "divides-by-zero")

    def redrawn(self, generator: torch.Generator) -> "BatchNormalisation":
        """Return the same judge with other maps."""
        return replace(self, judge=self.judge.redrawn(generator))


_CASES = tuple(
    _maps(torch.Generator().manual_seed(seed), *shape)
    for seed, shape in enumerate(((8, 3, 9, 7), (16, 2, 6, 8)))
)
_FORBIDDEN = ("batch_norm", "instance_norm", "layer_norm", "group_norm")

batch_normalisation = Exercise(
    id="5.7",
    slug="batch-normalisation",
    title="Batch normalisation by hand",
    judges={
        "my_batch_norm": BatchNormalisation(
            SameFunction(
                _reference,
                _CASES,
                (
                    *_over(
                        (2, 3),
                        "per-image",
                        "you normalised each map of each image by itself; take the mean over the "
                        "whole batch",
                    ),
                    *_over(
                        (0,),
                        "per-place",
                        "you normalised each pixel of a map by itself; take the mean over all of "
                        "a channel's "
                        "pixels",
                    ),
                    *_over(
                        (1, 2, 3),
                        "layer-normalisation",
                        "you normalised each image over its channels: that is layer normalisation",
                    ),
                    *_over(
                        (0, 1, 2, 3),
                        "all-channels",
                        "you took all channels together; each has a mean and a standard "
                        "deviation of its own",
                    ),
                    *_over(
                        (1,),
                        "over-channels",
                        "you normalised over the channels at each place; take the mean over the "
                        "images and places of one channel",
                    ),
                    Mistake(
                        "mean-added",
                        "you added the mean; subtract it",
                        lambda maps: (
                            (maps + maps.mean(_DIMS, keepdim=True)) / maps.std(_DIMS, keepdim=True)
                        ),
                    ),
                    Mistake(
                        "only-centred",
                        "the mean is 0, but the standard deviation is not 1 yet: divide by it",
                        lambda maps: _centre(maps, _DIMS),
                    ),
                    Mistake(
                        "not-centred",
                        "the standard deviation is 1, but the mean is not 0: subtract it first",
                        lambda maps: maps / maps.std(_DIMS, keepdim=True),
                    ),
                    Mistake(
                        "variance",
                        "you divided by the variance; the standard deviation is its square root",
                        lambda maps: _centre(maps, _DIMS) / maps.var(_DIMS, keepdim=True),
                    ),
                    Mistake(
                        "multiplied",
                        "you multiplied by the standard deviation; divide by it",
                        lambda maps: _centre(maps, _DIMS) * maps.std(_DIMS, keepdim=True),
                    ),
                    Mistake(
                        "precedence",
                        "only the mean was divided: put the difference in brackets",
                        lambda maps: (
                            maps - maps.mean(_DIMS, keepdim=True) / maps.std(_DIMS, keepdim=True)
                        ),
                    ),
                    Mistake(
                        "range",
                        "this brings each channel to the range from 0 to 1; the task asks for "
                        "mean 0 and standard deviation 1",
                        lambda maps: (
                            (maps - maps.amin(_DIMS, keepdim=True))
                            / (maps.amax(_DIMS, keepdim=True) - maps.amin(_DIMS, keepdim=True))
                        ),
                    ),
                ),
                atol=2e-3,
                rtol=2e-3,
                draw=_draw,
                forbidden=_FORBIDDEN,
            )
        )
    },
    hints=(
        "It does to the maps inside a network what `normalise` does to the images: over which "
        "dimensions is one mean taken?",
        "With `keepdim=True`, `mean` and `std` keep the dimensions that they average over, with "
        "size 1, so that the result broadcasts over the maps.",
        "Subtract the mean from the maps, then divide the difference by the standard deviation, "
        "to which a small number was added. The dimensions are those of exercise 5.2.",
    ),
    points=3,
)
