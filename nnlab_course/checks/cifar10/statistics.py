"""5.2: mean and standard deviation of each channel"""

# A plain module, edited here.

import torch
from torch import Tensor

from nnlab_course.exercises import Exercise, Mistake, SameFunction

_DIMS = (0, 2, 3)  # All but the channels


def _images(seed: int, *shape: int) -> tuple[Tensor]:
    """Draw images whose channels and pictures differ in brightness and contrast, uint8."""
    generator = torch.Generator().manual_seed(seed)
    num, channels = shape[:2]
    low = 40.0 * torch.arange(channels)[:, None, None] + 30 * torch.rand(
        num, 1, 1, 1, generator=generator
    )
    spread = 60.0 + 30 * torch.arange(channels)[:, None, None]
    return ((low + spread * torch.rand(shape, generator=generator)).clamp(0, 255).byte(),)


_CASES = (_images(0, 12, 3, 10, 14), _images(1, 10, 3, 16, 11))


def _scaled(images: Tensor) -> Tensor:
    return images.double() / 255


_MEAN = SameFunction(
    lambda images: torch.std_mean(_scaled(images), _DIMS)[1],
    _CASES,
    (
        Mistake(
            "not-scaled",
            "this is on the scale from 0 to 255; asked for is the one from 0 to 1",
            lambda images: images.double().mean(_DIMS),
        ),
        Mistake(
            "all-channels",
            "this is one number for all; every channel has a mean of its own",
            lambda images: _scaled(images).mean(),
        ),
        Mistake(
            "per-image",
            "these are the means of the single images; asked for are those of the channels",
            lambda images: _scaled(images).mean((1, 2, 3)),
        ),
        Mistake(
            "per-image-and-channel",
            "these are the means of each image; take all images together",
            lambda images: _scaled(images).mean((2, 3)),
        ),
        Mistake(
            "per-pixel",
            "this is the mean image; take all its pixels together",
            lambda images: _scaled(images).mean(0),
        ),
        Mistake(
            "dimensions-kept",
            "the numbers are right; asked for is a tensor of one dimension",
            lambda images: _scaled(images).mean(_DIMS, keepdim=True),
        ),
        Mistake(
            "median",
            "this is the median, not the mean",
            lambda images: _scaled(images).transpose(0, 1).flatten(1).median(1).values,
        ),
        Mistake(
            "std-for-mean",
            "this is the standard deviation; here the mean is asked for",
            lambda images: _scaled(images).std(_DIMS),
        ),
        Mistake("sum", "this is the sum", lambda images: _scaled(images).sum(_DIMS)),
    ),
    rtol=2e-3,
)
_STD = SameFunction(
    lambda images: torch.std_mean(_scaled(images), _DIMS)[0],
    _CASES,
    (
        Mistake(
            "not-scaled",
            "this is on the scale from 0 to 255; asked for is the one from 0 to 1",
            lambda images: images.double().std(_DIMS),
        ),
        Mistake(
            "variance",
            "this is the variance: the root is missing",
            lambda images: _scaled(images).var(_DIMS),
        ),
        Mistake(
            "all-channels",
            "this is one number for all; every channel has a spread of its own",
            lambda images: _scaled(images).std(),
        ),
        Mistake(
            "per-image",
            "these are the spreads of the single images; asked for are those of the channels",
            lambda images: _scaled(images).std((1, 2, 3)),
        ),
        Mistake(
            "mean-of-spreads",
            "you averaged the spreads within the images; how the images differ from one another "
            "counts as well",
            lambda images: _scaled(images).std((2, 3)).mean(0),
        ),
        Mistake(
            "spread-of-means",
            "this is how the means of the images differ; all their pixels count",
            lambda images: _scaled(images).mean((2, 3)).std(0),
        ),
        Mistake(
            "per-pixel",
            "this is the spread of each pixel; take all pixels of a channel together",
            lambda images: _scaled(images).std(0),
        ),
        Mistake(
            "mean-deviation",
            "this is the mean of |x − mean|; the standard deviation squares, averages and takes "
            "the root",
            lambda images: (
                (_scaled(images) - _scaled(images).mean(_DIMS, keepdim=True)).abs().mean(_DIMS)
            ),
        ),
        Mistake(
            "mean-square",
            "you squared the pixels without taking the mean away first",
            lambda images: _scaled(images).square().mean(_DIMS).sqrt(),
        ),
        Mistake(
            "dimensions-kept",
            "the numbers are right; asked for is a tensor of one dimension",
            lambda images: _scaled(images).std(_DIMS, keepdim=True),
        ),
        Mistake(
            "mean-for-std",
            "this is the mean; here the standard deviation is asked for",
            lambda images: _scaled(images).mean(_DIMS),
        ),
    ),
    rtol=2e-3,
)

channel_statistics = Exercise(
    id="5.2",
    slug="channel-statistics",
    title="Mean and spread of each channel",
    judges={"my_channel_mean": _MEAN, "my_channel_std": _STD},
    hints=(
        "Bytes can't be averaged: make numbers from 0 to 1 of them first.",
        "`mean` and `std` take a tuple of dimensions. Over which of the four do you average, and "
        "which one stays?",
        "One number for each channel stays, so only the channels' dimension is not in the tuple.",
    ),
    points=2,
)
