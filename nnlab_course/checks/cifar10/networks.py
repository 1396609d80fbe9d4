"""5.4 and 5.5: a LeNet for colour images, built and trained"""

# A plain module, edited here.

from collections.abc import Callable
from functools import lru_cache, partial
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nnlab_course.checks.common.inputs import find_real
from nnlab_course.checks.common.networks import SameNetwork
from nnlab_course.checks.common.trained import Pictures, Trained
from nnlab_course.checks.common.variants import end_mistakes, make_lenet
from nnlab_course.data.shapes import SHAPES, draw_shapes
from nnlab_course.exercises import Exercise, Mistake

_SIZES = {"channels": 3, "map_size": 5}
_ACTIVATIONS = (nn.ReLU, nn.Tanh, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Sigmoid)
_POOLS = (nn.MaxPool2d, nn.AvgPool2d)


def _choices(activation: Callable, pool: Callable) -> dict[str, Any]:
    return _SIZES | {"activations": (activation,) * 4, "pools": (pool,) * 2}


_build = partial(make_lenet, **_SIZES)
_CHOICES = [_choices(*choice) for choice in product(_ACTIVATIONS, _POOLS)]
_NO_ACTIVATION = nn.Identity


class _NoPooling(nn.Identity):
    """Stands where a pooling was forgotten."""


colour_lenet = Exercise(
    id="5.4",
    slug="colour-lenet",
    title="Adapt LeNet yourself",
    judges={
        "build_my_network": SameNetwork(
            tuple(partial(make_lenet, **choices) for choices in _CHOICES),
            (3, 32, 32),
            (
                *(mistake for choices in _CHOICES[:4] for mistake in end_mistakes(**choices)),
                Mistake(
                    "no-activations",
                    "there are no activations: all layers together are one linear function",
                    partial(_build, activations=(_NO_ACTIVATION,) * 4),
                ),
                Mistake(
                    "linear-classifier",
                    "without activations between them, the linear layers are one linear layer",
                    partial(_build, activations=(nn.ReLU, nn.ReLU, *(_NO_ACTIVATION,) * 2)),
                ),
                Mistake(
                    "linear-features",
                    "the activations behind the convolutions are missing",
                    partial(_build, activations=(*(_NO_ACTIVATION,) * 2, nn.ReLU, nn.ReLU)),
                ),
                Mistake(
                    "padded",
                    "576 numbers reach the first linear layer: the first convolution is padded, "
                    "LeNet's isn't",
                    partial(make_lenet, channels=3, map_size=6, padding=2),
                ),
                Mistake(
                    "small-kernels",
                    "the kernels are 3 × 3, LeNet's are 5 × 5",
                    partial(make_lenet, channels=3, map_size=6, kernel_size=3),
                ),
                Mistake(
                    "no-pooling",
                    "the poolings are missing",
                    partial(make_lenet, channels=3, map_size=24, pools=(_NoPooling,) * 2),
                ),
                Mistake(
                    "no-biases",
                    "the convolutions have no biases",
                    partial(make_lenet, bias=False, **_SIZES),
                ),
            ),
        )
    },
    hints=(
        "Two layers of LeNet depend on the images: the first convolution and the first linear "
        "layer. Exercise 5.1 has both numbers.",
        "`nn.Sequential` takes the layers in the order in which an image passes them; `nn.Flatten` "
        "stands between the last pooling and the first linear layer.",
        "Convolution, activation, pooling, twice; then three linear layers with an activation "
        "after each but the last.",
    ),
    points=3,
)


_STATISTICS = {  # Mean and standard deviation of red, green and blue over the training images
    "cifar10": ((0.4913, 0.4821, 0.4465), (0.2452, 0.2428, 0.2606)),
    "shapes": ((0.4543, 0.4545, 0.4543), (0.2791, 0.2790, 0.2801)),
}


def _normalise(images: Tensor, name: str) -> Tensor:
    mean, std = (torch.tensor(values)[:, None, None] for values in _STATISTICS[name])
    return (images / 255 - mean) / std


def _transforms(name: str) -> dict[str, Callable[[Tensor], Tensor]]:
    return {
        "": partial(_normalise, name=name),
        "not-normalised": lambda images: images / 255,
        "not-scaled": Tensor.float,
    }


@lru_cache(maxsize=1)
def pictures_to_judge_by(root: Path, seed: int = 20) -> tuple[Pictures, ...]:
    """Return new shapes, and CIFAR-10's photographs where they are."""
    labels = torch.arange(1000) % len(SHAPES)
    drawn = draw_shapes(labels, generator=torch.Generator().manual_seed(seed))
    found = [Pictures("shapes", 0.8, drawn, drawn, labels, _transforms("shapes"))]
    if (cifar10 := find_real("cifar10", "cifar-10-batches-py", root)) is not None:
        images, labels = cifar10.test[:1000].images, cifar10.test[:1000].labels
        transforms = _transforms("cifar10")
        found.append(Pictures("photographs", 0.55, images.flip(3), images, labels, transforms))
    return tuple(found)


trained_network = Exercise(
    id="5.5",
    slug="trained-network",
    title="Train it to a target",
    judges={"my_trained_network": Trained(_build, pictures_to_judge_by)},
    hints=(
        "`fit` changes the network in place, and takes the lesson's `normalise` as `transform`. "
        "What did the faster recipe of the lesson change?",
        "With ReLU, max pooling and the one-cycle schedule three epochs are enough; with tanh, "
        "average pooling and a constant rate they are not.",
        "The learning rate decides: try 1e-3, 4e-3 and 1e-2 for one epoch each, compare them on "
        "the validation split, and take the best for three.",
    ),
    points=3,
)
