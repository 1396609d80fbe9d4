"""4.7 and 4.8: LeNet with other parts, built and trained"""

# A plain module, edited here.

from collections.abc import Callable
from functools import lru_cache, partial
from importlib.resources import files
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from nnlab_course.checks.common.explaining import (
    explain_activations,
    explain_end,
    explain_images,
    explain_pools,
)
from nnlab_course.checks.common.inputs import find_real, move
from nnlab_course.checks.common.networks import SameNetwork
from nnlab_course.checks.common.probing import Reading
from nnlab_course.checks.common.trained import Pictures, Trained
from nnlab_course.checks.common.variants import make_lenet
from nnlab_course.checks.common.weights import copy_network, find_names, read_weights, shapes_of
from nnlab_course.data.digits import enlarge, read_digits, split_positions
from nnlab_course.exercises import Exercise, Mistake, Network, Result


def _explain(reading: Reading) -> Result | None:
    """Say what stands between the layers where ReLU and the maximum are asked for."""
    found = (
        explain_end(reading),
        explain_activations(reading, "ReLU"),
        explain_images(reading),
        explain_pools(reading),
    )
    return next((result for result in found if result is not None), None)


_RELU_LENET = SameNetwork(
    (make_lenet,),
    (1, 28, 28),
    (
        Mistake(
            "unchanged",
            "this is the network of the lesson, with tanh and average pooling; the task asks for "
            "ReLU and max pooling",
            partial(make_lenet, activations=(nn.Tanh,) * 4, pools=(nn.AvgPool2d,) * 2),
        ),
        Mistake(
            "padded",
            "400 numbers reach the first linear layer, 256 did in the lesson: nothing is padded "
            "here",
            partial(make_lenet, map_size=5, padding=2),
        ),
        Mistake("no-biases", "the convolutions have no biases", partial(make_lenet, bias=False)),
    ),
    _explain,
)

relu_lenet = Exercise(
    id="4.7",
    slug="relu-lenet",
    title="LeNet with ReLU and max pooling",
    judges={"build_my_lenet": _RELU_LENET},
    hints=(
        "The class of the lesson has arguments for both. What are their defaults?",
        "An argument such as `activation` takes the class itself, `nn.Tanh`, not an object of it: "
        "the network makes one wherever it needs one.",
        "Or write it as an `nn.Sequential` from scratch: the layer table of the lesson lists "
        "all twelve layers in their order.",
    ),
    points=2,
)


_ENOUGH = 1000  # Images to judge by: the accuracy is certain to within 2 points
_MEAN, _STD = 0.1307, 0.3081  # Of MNIST, as tutorials give them


def _scale(images: Tensor) -> Tensor:
    return images / 255


_TRANSFORMS = {
    "": _scale,
    "not-scaled": Tensor.float,
    "other-scale": lambda images: _scale(images) * 2 - 1,
    "standardised": lambda images: (_scale(images) - _MEAN) / _STD,
    "inverted": lambda images: 1 - _scale(images),
}


def _test_digits() -> tuple[Tensor, Tensor]:
    """Return the test images and labels of the embedded digits, without building all of them."""
    images, labels = read_digits()
    _, test = split_positions(labels)
    return enlarge(images[test]).round().byte(), labels[test].long()


@lru_cache(maxsize=2)
def digits_to_judge_by(
    root: Path,  # The data folder
    seed: int = 20,  # For the movements
) -> tuple[Pictures, ...]:
    """Return the embedded digits, and those of MNIST where they are, each moved a little."""
    images, labels = _test_digits()
    found = [Pictures("digits", 0.93, move(images, seed), images, labels, _TRANSFORMS)]
    if (mnist := find_real("mnist", "MNIST", root)) is not None:
        images, labels = mnist.test[:_ENOUGH].images, mnist.test[:_ENOUGH].labels
        found.append(Pictures("digits", 0.95, move(images, seed), images, labels, _TRANSFORMS))
    return tuple(found)


def _verify(network: Network, fresh: Tensor) -> Result | Callable[[Tensor], Tensor]:
    """Make sure of the network of 4.7, trained by the student; return what computes its logits."""
    names = find_names(network, shapes_of(make_lenet))
    weights = None if names is None else read_weights(network, names)
    if weights is not None and any(torch.equal(w, weights[tuple(w.shape)]) for w in _shipped()):
        message = "these are weights that come with the course; train a network of your own"
        return Result.wrong(message, "weights-of-the-course")
    result = _RELU_LENET.judge(network)
    if not result:
        return result
    logits = torch.as_tensor(network.outputs(fresh)).double()
    copy = copy_network(make_lenet, weights, (16, 4, 4), fresh, logits)
    if copy is None:
        message = (
            "its logits are not those that LeNet computes with its weights: let `forward` return "
            "what the last layer computes"
        )
        return Result.wrong(message, "not-its-weights")
    return lambda images: _compute(copy, images)


def _compute(network: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        return network(images).double()


@lru_cache(maxsize=1)
def _shipped() -> tuple[Tensor, ...]:
    """Return the kernels of the network that the package carries."""
    state = load_file(files("nnlab_course") / "lenet.safetensors")
    return tuple(weights for weights in state.values() if weights.ndim == 4)


trained_lenet = Exercise(
    id="4.8",
    slug="trained-lenet",
    title="Train it",
    judges={"my_trained_lenet": Trained(make_lenet, digits_to_judge_by, _verify)},
    hints=(
        "Make the network first and give it a name; `fit` changes it in place, and returns the "
        "history, not the network.",
        'The recipe of the lesson does it in three epochs. With `schedule="one_cycle"` the '
        "learning rate rises first and then falls to 0; with that, a few thousandths at the peak "
        "need only one or two epochs.",
        "Give `fit` the training images without the validation split, and the validation split as "
        "`valid`, so that you see how far it is.",
    ),
    points=2,
)
