"""5.5: the student's own LeNet, trained to a target"""

# A plain module, edited here.

from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

import torch
from torch import Tensor, nn

from nnlab_course.checks.cifar10.networks import MAP_SHAPE, build, colour_network
from nnlab_course.checks.common.inputs import find_real
from nnlab_course.checks.common.trained import Pictures, Trained
from nnlab_course.checks.common.weights import copy_network, find_names, read_weights, shapes_of
from nnlab_course.data.shapes import SHAPES, draw_shapes
from nnlab_course.exercises import Exercise, Network, Result

STATISTICS = {  # Mean and standard deviation of red, green and blue over the training images
    "cifar10": ((0.4913, 0.4821, 0.4465), (0.2452, 0.2428, 0.2606)),
    "shapes": ((0.4543, 0.4545, 0.4543), (0.2791, 0.2790, 0.2801)),
}
_ENOUGH = 2000  # Images to judge by: the accuracy is certain to within 2 points


def _normalise(images: Tensor, name: str) -> Tensor:
    mean, std = (torch.tensor(values)[:, None, None] for values in STATISTICS[name])
    return (images / 255 - mean) / std


def _transforms(name: str) -> dict[str, Callable[[Tensor], Tensor]]:
    normalise = partial(_normalise, name=name)
    return {
        "": normalise,
        "not-normalised": lambda images: images / 255,
        "not-scaled": Tensor.float,
        "other-scale": lambda images: images / 127.5 - 1,
        "swapped-channels": lambda images: normalise(images).flip(1),
        "inverted": lambda images: normalise(255 - images),
    }


@lru_cache(maxsize=2)
def pictures_to_judge_by(
    root: Path,  # The data folder
    seed: int = 20,  # For the shapes, and for the choice of the photographs
) -> tuple[Pictures, ...]:
    """Return new shapes, and mirrored photographs of CIFAR-10's test set where they are."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(1000)[torch.randperm(1000, generator=generator)] % len(SHAPES)
    drawn = draw_shapes(labels, generator=generator)
    found = [Pictures("shapes", 0.8, drawn, drawn, labels, _transforms("shapes"))]
    if (cifar10 := find_real("cifar10", "cifar-10-batches-py", root)) is not None:
        order = torch.randperm(len(cifar10.test), generator=generator)[:_ENOUGH]
        chosen, transforms = cifar10.test[order], _transforms("cifar10")
        images, labels = chosen.images, chosen.labels
        found.append(Pictures("photographs", 0.6, images.flip(3), images, labels, transforms))
    return tuple(found)


_OF_THE_COURSE = {"features.0.weight", "features.3.weight", "classifier.0.weight"}


def _is_of_the_course(network: Network) -> bool:
    """Tell whether a network is an object of the course's class `LeNet`, as far as can be seen."""
    state = network.state()
    if not state.keys() >= _OF_THE_COURSE:
        return False
    kernels = state["features.3.weight"]
    return not kernels.is_contiguous() and kernels.is_contiguous(memory_format=torch.channels_last)


def _verify(network: Network, fresh: Tensor) -> Result | Callable[[Tensor], Tensor]:
    """Make sure of the network of 5.4; return what computes its logits."""
    result = colour_network.judge(network)
    if not result:
        return result
    if _is_of_the_course(network):
        message = (
            "this network is of the course's class `LeNet`, as those of the lesson are; hand in "
            "the one that you built in exercise 5.4 and trained"
        )
        return Result.wrong(message, "network-of-the-course")
    names = find_names(network, shapes_of(build))
    weights = read_weights(network, names)
    logits = torch.as_tensor(network.outputs(fresh)).double()
    copy = copy_network(build, weights, MAP_SHAPE, fresh, logits)
    if copy is None:
        return lambda images: torch.as_tensor(network.outputs(images)).double()
    return partial(_compute, copy)


def _compute(network: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        return network(images).double()


trained_network = Exercise(
    id="5.5",
    slug="trained-network",
    title="Train it to a target",
    judges={"my_trained_network": Trained(build, pictures_to_judge_by, _verify)},
    hints=(
        "`fit` trains the network in place and takes `cifar10.normalize` as `transform`. "
        "Begin "
        "with the faster recipe of the lesson and see how far it gets.",
        "After 3 epochs, are the accuracies on training and validation images far apart? If not, "
        "the network doesn't overfit yet, and more training may help.",
        "Change one thing at a time, such as the number of epochs or the highest learning rate, "
        "and compare on the validation images.",
    ),
    points=3,
)
