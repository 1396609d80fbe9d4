"""Numbers, sizes and images that judges ask for or send"""

# A plain module, edited here.

from pathlib import Path

import torch
from torch import Tensor

from nnlab_course.data import Dataset, load
from nnlab_course.data.digits import random_affine
from nnlab_course.exercises import Mistake, SameValue


def whole_number(expected: int, *mistakes: Mistake) -> SameValue:
    """Judge a count or a size."""
    return SameValue(expected, mistakes, atol=0.01, rtol=0.0)


def draw_numbers(*shape: int, seed: int = 0) -> Tensor:
    """Draw numbers with a mean of 0, float64."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def find_real(
    name: str,  # "mnist" or "cifar10"
    folder: str,  # In which torchvision keeps it
    root: Path,
) -> Dataset | None:
    """Load a set if it is in the data folder already."""
    if not (root / f"{name}.safetensors").is_file() and not (root / folder).is_dir():
        return None
    dataset = load(name, root, download=False)
    return dataset if dataset.name == name else None


def move(
    images: Tensor,  # (N, C, H, W), uint8
    seed: int = 20,
) -> Tensor:  # Same shape, uint8
    """Move and turn each image a little, always in the same way for one seed."""
    options = {"degrees": 5.0, "shear": 0.05, "scale": 0.05, "shift": 1.0}
    generator = torch.Generator().manual_seed(seed)
    return random_affine(images.float(), generator=generator, **options).round().byte()
