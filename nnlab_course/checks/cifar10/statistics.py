"""5.2: mean and standard deviation of each channel"""

# A plain module, edited here.

import torch
from torch import Tensor

from nnlab_course.exercises import Exercise, Mistake, SameFunction

_DIMS = (0, 2, 3)  # All but the channels


def _images(generator: torch.Generator, *shape: int) -> tuple[Tensor]:
    """Draw images whose channels and pictures differ in brightness and contrast, uint8."""
    num, channels = shape[:2]
    low = 40.0 * torch.arange(channels)[:, None, None] + 30 * torch.rand(
        num, 1, 1, 1, generator=generator
    )
    spread = 60.0 + 30 * torch.arange(channels)[:, None, None]
    return ((low + spread * torch.rand(shape, generator=generator)).clamp(0, 255).byte(),)


def _draw(generator: torch.Generator) -> tuple[tuple[Tensor], ...]:
    """Draw images of several sizes."""
    sizes = torch.randint(8, 18, (2, 3), generator=generator).tolist()
    return tuple(_images(generator, num, 3, height, width) for num, height, width in sizes)


_CASES = tuple(
    _images(torch.Generator().manual_seed(seed), *shape)
    for seed, shape in enumerate(((12, 3, 10, 14), (10, 3, 16, 11)))
)


def _scaled(images: Tensor) -> Tensor:
    return images.double() / 255


_MEAN = SameFunction(
    lambda images: torch.std_mean(_scaled(images), _DIMS)[1],
    _CASES,
    (
        Mistake(
            "not-scaled",
            "this is on the scale from 0 to 255; scale the pixels to 0–1 first",
            lambda images: images.double().mean(_DIMS),
        ),
        Mistake(
            "all-channels",
            "this is one number for all channels; each has a mean of its own",
            lambda images: _scaled(images).mean(),
        ),
        Mistake(
            "per-image",
            "this is one mean per image; give one per channel, over all images",
            lambda images: _scaled(images).mean((1, 2, 3)),
        ),
        Mistake(
            "per-image-and-channel",
            "these are the channel means of each image; average over all images as well",
            lambda images: _scaled(images).mean((2, 3)),
        ),
        Mistake(
            "per-pixel",
            "this is the mean image; average over its pixels as well",
            lambda images: _scaled(images).mean(0),
        ),
        Mistake(
            "dimensions-kept",
            "the numbers are right, but their shape is (1, 3, 1, 1); expected shape (3,): leave "
            "out `keepdim`",
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
        Mistake(
            "scaled-twice",
            "you divided by 255 twice",
            lambda images: (_scaled(images) / 255).mean(_DIMS),
        ),
        Mistake(
            "256",
            "the largest byte is 255: divide by 255, not by 256",
            lambda images: (images.double() / 256).mean(_DIMS),
        ),
        Mistake(
            "sum",
            "this is the sum; divide by the number of pixels",
            lambda images: _scaled(images).sum(_DIMS),
        ),
    ),
    rtol=2e-3,
    draw=_draw,
)
_STD = SameFunction(
    lambda images: torch.std_mean(_scaled(images), _DIMS)[0],
    _CASES,
    (
        Mistake(
            "not-scaled",
            "this is on the scale from 0 to 255; scale the pixels to 0–1 first",
            lambda images: images.double().std(_DIMS),
        ),
        Mistake(
            "variance",
            "this is the variance; the standard deviation is its square root",
            lambda images: _scaled(images).var(_DIMS),
        ),
        Mistake(
            "all-channels",
            "this is one number for all channels; each has a standard deviation of its own",
            lambda images: _scaled(images).std(),
        ),
        Mistake(
            "per-image",
            "this is one standard deviation per image; give one per channel, over all images",
            lambda images: _scaled(images).std((1, 2, 3)),
        ),
        Mistake(
            "mean-of-spreads",
            "you averaged the standard deviations of the images; take all pixels of a channel "
            "together: "
            "how the images differ from one another counts as well",
            lambda images: _scaled(images).std((2, 3)).mean(0),
        ),
        Mistake(
            "spread-of-means",
            "this is the standard deviation of the images' means; take all their pixels",
            lambda images: _scaled(images).mean((2, 3)).std(0),
        ),
        Mistake(
            "per-pixel",
            "this is one standard deviation per pixel; take all pixels of a channel together",
            lambda images: _scaled(images).std(0),
        ),
        Mistake(
            "mean-deviation",
            "this is the mean of |x − mean|; for the standard deviation, square, average and take "
            "the root",
            lambda images: (
                (_scaled(images) - _scaled(images).mean(_DIMS, keepdim=True)).abs().mean(_DIMS)
            ),
        ),
        Mistake(
            "mean-square",
            "you squared the pixels without subtracting the mean first",
            lambda images: _scaled(images).square().mean(_DIMS).sqrt(),
        ),
        Mistake(
            "dimensions-kept",
            "the numbers are right, but their shape is (1, 3, 1, 1); expected shape (3,): leave "
            "out `keepdim`",
            lambda images: _scaled(images).std(_DIMS, keepdim=True),
        ),
        Mistake(
            "scaled-twice",
            "you divided by 255 twice",
            lambda images: (_scaled(images) / 255).std(_DIMS),
        ),
        Mistake(
            "256",
            "the largest byte is 255: divide by 255, not by 256",
            lambda images: (images.double() / 256).std(_DIMS),
        ),
        Mistake(
            "mean-for-std",
            "this is the mean; here the standard deviation is asked for",
            lambda images: _scaled(images).mean(_DIMS),
        ),
    ),
    rtol=2e-3,
    draw=_draw,
)

channel_statistics = Exercise(
    id="5.2",
    slug="channel-statistics",
    title="Mean and standard deviation of each channel",
    judges={"my_channel_mean": _MEAN, "my_channel_std": _STD},
    hints=(
        "Bytes can't be averaged: scale them to floating-point numbers from 0 to 1 first.",
        "`mean` and `std` take a tuple of dimensions. Over which of the four do you average, and "
        "which one stays?",
        "One number per channel stays, so the channels' dimension is the one that is not in the "
        "tuple.",
    ),
    points=2,
)
