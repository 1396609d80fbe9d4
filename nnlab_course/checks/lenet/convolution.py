"""4.1 and 4.4: convolutions, on paper and in code"""

# A plain module, edited here.

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from nnlab_course.checks.common.turns import InTurn
from nnlab_course.exercises import Exercise, Mistake, SameFunction, SameValue
from nnlab_course.exercises.inputs import Case

_IMAGE = torch.tensor([[1.0, 2, 0, 1], [0, 1, 3, 1], [2, 0, 1, 0], [1, 1, 0, 2]])
_KERNEL = torch.tensor([[1.0, 0, -1], [2, 0, -1], [0, 1, 0]])


def _slide(image: Tensor, kernel: Tensor, padding: int | str = 0) -> Tensor:
    """Slide a kernel over an image, both of two dimensions."""
    kernel = kernel.to(image.dtype)
    return F.conv2d(image[None, None], kernel[None, None], padding=padding)[0, 0]


convolution_by_hand = Exercise(
    id="4.1",
    slug="convolution-by-hand",
    title="A convolution on paper",
    judges={
        "my_map": SameValue(
            _slide(_IMAGE, _KERNEL),
            (
                Mistake(
                    "flipped",
                    "you flipped the kernel first, as mathematicians do; a network's "
                    "convolution uses it as it is",
                    _slide(_IMAGE, _KERNEL.flip(0, 1)),
                ),
                Mistake(
                    "kernel-transposed",
                    "rows and columns of the kernel are swapped",
                    _slide(_IMAGE, _KERNEL.T),
                ),
                Mistake(
                    "padded",
                    "the kernel must stay inside the image: no padding",
                    _slide(_IMAGE, _KERNEL, 1),
                ),
                Mistake(
                    "image-alone",
                    "you added up the pixels below the kernel, without the kernel",
                    _slide(_IMAGE, torch.ones(3, 3)),
                ),
                Mistake(
                    "signs-of-kernel",
                    "keep the signs of the kernel's negative entries",
                    _slide(_IMAGE, _KERNEL.abs()),
                ),
                Mistake(
                    "mean-for-sum",
                    "the nine products are added up, not averaged",
                    _slide(_IMAGE, _KERNEL) / 9,
                ),
                Mistake(
                    "first-place",
                    "this is the first entry of the map; the kernel goes on from there",
                    _slide(_IMAGE, _KERNEL)[0, 0],
                ),
            ),
        )
    },
    hints=(
        "Lay the kernel on the top left corner of the image. In how many ways can it move without "
        "leaving it?",
        "At each place there are nine products, and their sum is one number of the map. Zeros in "
        "the kernel save you four of them.",
        "Each row of the map belongs to one height of the kernel, each column to one step to the "
        "right.",
    ),
    points=1,
)


def _square(image: Tensor, kernel: Tensor) -> Tensor:
    """Take the height for the width, too."""
    found = _slide(image, kernel)
    return found[:, : len(found)]


def _draw_cases(generator: torch.Generator, sizes: tuple[int, ...]) -> tuple[Case, ...]:
    """Draw an image that isn't square and a kernel of each size, float64."""

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    cases = []
    for size in sizes:
        height = int(torch.randint(6, 9, (), generator=generator))
        wider = int(torch.randint(1, 4, (), generator=generator))
        cases.append((draw(height, height + wider), draw(size, size)))
    return tuple(cases)


_ODD, _EVEN = partial(_draw_cases, sizes=(3, 5)), partial(_draw_cases, sizes=(2, 1))
_LIBRARY = ("conv1d", "conv2d", "conv3d", "conv_transpose2d", "_convolution")

_CONVOLUTION = SameFunction(
    _slide,
    _ODD(torch.Generator().manual_seed(0)),
    (
        Mistake(
            "flipped",
            "you flipped the kernel first, as mathematicians do; a network's "
            "convolution uses it as it is",
            lambda image, kernel: _slide(image, kernel.flip(0, 1)),
        ),
        Mistake(
            "kernel-transposed",
            "rows and columns of the kernel are swapped",
            lambda image, kernel: _slide(image, kernel.T),
        ),
        Mistake(
            "padded",
            "your map is as large as the image; the kernel must stay inside it",
            lambda image, kernel: _slide(image, kernel, len(kernel) // 2),
            lambda image, kernel: _slide(image, kernel, "same"),
        ),
        Mistake(
            "one-short",
            "the last row and the last column of the map are missing",
            lambda image, kernel: _slide(image, kernel)[:-1, :-1],
        ),
        Mistake(
            "square-only",
            "you took the height of the image for its width: the columns on the right are missing",
            _square,
        ),
        Mistake(
            "mean-for-sum",
            "the products are added up, not averaged",
            lambda image, kernel: _slide(image, kernel) / kernel.numel(),
        ),
        Mistake(
            "image-alone",
            "you added up the pixels below the kernel, without the kernel",
            lambda image, kernel: _slide(image, torch.ones_like(kernel)),
        ),
        Mistake(
            "strided",
            "you visit only every second place; the stride is 1",
            lambda image, kernel: _slide(image, kernel)[::2, ::2],
        ),
        Mistake(
            "batch-kept",
            "the map is right, but has dimensions for batch and channel; return a "
            "tensor of two dimensions",
            lambda image, kernel: _slide(image, kernel)[None, None],
        ),
    ),
    draw=_ODD,
    forbidden=_LIBRARY,
)

own_convolution = Exercise(
    id="4.4",
    slug="own-convolution",
    title="A convolution of your own",
    judges={
        "my_conv2d": InTurn(
            _CONVOLUTION,
            SameFunction(_slide, _EVEN(torch.Generator().manual_seed(1)), draw=_EVEN),
            Mistake(
                "odd-only",
                "right for kernels of 3 × 3 and 5 × 5, but not for 2 × 2: a kernel of size k has "
                "n − k + 1 places, for even k too",
            ),
        )
    },
    hints=(
        "The section “A convolution by hand” does it for one size. Which of its numbers belong to "
        "the image, which to the kernel?",
        "How many rows does the map have, if the image has H and the kernel k? Make it with "
        "`torch.zeros` first, and fill it in two loops.",
        "In the loops, cut a patch out of the image that is as large as the kernel, multiply the "
        "two entry by entry, and take the sum.",
    ),
    points=2,
)
