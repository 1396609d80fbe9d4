"""4.9: images that are moved to the right"""

# A plain module, edited here.

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from nnlab_course.checks.common.turns import InTurn
from nnlab_course.exercises import Exercise, Mistake, Result, SameFunction, call
from nnlab_course.exercises.calling import IN_PLACE
from nnlab_course.exercises.inputs import Case


def _shift(images: Tensor, num_pixels: int, dim: int = 3, fill: int = 0) -> Tensor:
    """Shift to the right (or down), and put zeros where nothing comes from."""
    moved = torch.roll(images, num_pixels, dims=dim)
    moved.narrow(dim, 0, num_pixels).fill_(fill)
    return moved


def _shift_back(images: Tensor, num_pixels: int, dim: int = 3) -> Tensor:
    """Shift to the left (or up)."""
    return _shift(images.flip(dim), num_pixels, dim).flip(dim)


def _photos(seed: int, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(1, 256, shape, generator=generator, dtype=torch.uint8)


def _draw_cases(generator: torch.Generator) -> tuple[Case, ...]:
    """Draw images that are not square, and by how many pixels to move them."""
    cases = []
    for num_pixels in (2, 3):
        num, channels, more = torch.randint(1, 4, (3,), generator=generator).tolist()
        height = int(torch.randint(4, 7, (), generator=generator))
        shape = (num, channels, height, height + more)
        photos = torch.randint(1, 256, shape, generator=generator, dtype=torch.uint8)
        cases.append((photos, num_pixels))
    return tuple(cases)


_SHIFTED = SameFunction(
    _shift,
    ((_photos(0, 2, 1, 5, 7), 2), (_photos(1, 1, 3, 6, 8), 3)),
    (
        Mistake(
            "wrapped",
            "what leaves on the right comes back on the left, where it should be black",
            lambda images, n: torch.roll(images, n, dims=3),
        ),
        Mistake("left", "this goes to the left", _shift_back),
        Mistake(
            "left-and-wrapped",
            "this goes to the left, and what leaves there comes back on the right",
            lambda images, n: torch.roll(images, -n, dims=3),
        ),
        Mistake("down", "this goes down: which dimension is the width?", partial(_shift, dim=2)),
        Mistake("up", "this goes up: which dimension is the width?", partial(_shift_back, dim=2)),
        Mistake(
            "down-and-wrapped",
            "this goes down, and what leaves there comes back at the top",
            lambda images, n: torch.roll(images, n, dims=2),
        ),
        Mistake(
            "narrower",
            "the images have become narrower: put black columns on the left",
            lambda images, n: images[..., :-n],
        ),
        Mistake(
            "wider",
            "the images have become wider: cut off what leaves on the right",
            lambda images, n: F.pad(images, (n, 0)),
        ),
        Mistake("unchanged", "the images come back as they were", lambda images, n: images),
        Mistake(
            "not-moved",
            "there is black on the left, but nothing has moved: it covers the image",
            lambda images, n: torch.cat([torch.zeros_like(images[..., :n]), images[..., n:]], 3),
        ),
        Mistake(
            "not-black",
            "the columns on the left must be black, which is 0",
            partial(_shift, fill=1),
            partial(_shift, fill=255),
        ),
        Mistake(
            "by-one", "the images have moved by one pixel only", lambda images, n: _shift(images, 1)
        ),
    ),
    draw=_draw_cases,
    forbidden=(IN_PLACE,),
)


def _judge_dtype(answer: Any) -> Result:
    """Make sure that bytes stay bytes."""
    moved = call(answer, _photos(3, 1, 1, 4, 5), 1)
    kept = isinstance(moved, Tensor | np.ndarray) and str(moved.dtype).endswith("uint8")
    return Result.right() if kept else Result.wrong("other dtype")


shifted_digits = Exercise(
    id="4.9",
    slug="shifted-digits",
    title="Shifted digits",
    judges={
        "my_shift": InTurn(
            InTurn(
                _SHIFTED,
                SameFunction(_shift, ((_photos(2, 1, 1, 4, 4), 0),)),
                Mistake(
                    "not-at-all",
                    "right for 1 pixel and more, but not for 0: `[..., :-0]` is empty",
                ),
            ),
            _judge_dtype,
            Mistake(
                "dtype",
                "the images come as bytes (uint8) and leave as another dtype, which `Split` "
                "refuses: begin with `torch.zeros_like(images)`",
            ),
        )
    },
    hints=(
        "The images are (N, C, H, W). Which dimension is the width, which the height?",
        "`torch.roll` moves, but lets what leaves come in on the other side. Or begin with "
        "`torch.zeros_like(images)` and copy a part of the images into a part of it.",
        "The columns from `num_pixels` on get the first ones of the images. How many are these, "
        "counted from the left?",
    ),
    points=2,
)
