"""4.7 and 4.8: LeNet with other parts, built and trained"""

# A plain module, edited here.

from functools import lru_cache, partial
from pathlib import Path

from torch import Tensor, nn

from nnlab_course.checks.common.inputs import find_real, move
from nnlab_course.checks.common.networks import SameNetwork
from nnlab_course.checks.common.trained import Pictures, Trained
from nnlab_course.checks.common.variants import end_mistakes, make_lenet
from nnlab_course.data.embedded import enlarge, read_digits
from nnlab_course.exercises import Exercise, Mistake

_TANH, _RELU, _NONE = nn.Tanh, nn.ReLU, nn.Identity
_AVERAGE, _MAXIMUM = nn.AvgPool2d, nn.MaxPool2d

relu_lenet = Exercise(
    id="4.7",
    slug="relu-lenet",
    title="LeNet with ReLU and max pooling",
    judges={
        "build_my_lenet": SameNetwork(
            (make_lenet,),
            (1, 28, 28),
            (
                Mistake(
                    "unchanged",
                    "this is the network of the lesson, with tanh and average pooling",
                    partial(make_lenet, activations=(_TANH,) * 4, pools=(_AVERAGE,) * 2),
                ),
                Mistake(
                    "average-pooling",
                    "the activations are ReLU, but the pooling is still the average",
                    partial(make_lenet, pools=(_AVERAGE,) * 2),
                ),
                Mistake(
                    "one-average-pooling",
                    "one of the two poolings is still the average",
                    partial(make_lenet, pools=(_MAXIMUM, _AVERAGE)),
                ),
                Mistake(
                    "other-average-pooling",
                    "one of the two poolings is still the average",
                    partial(make_lenet, pools=(_AVERAGE, _MAXIMUM)),
                ),
                Mistake(
                    "tanh",
                    "the pooling is the maximum, but the activations are still tanh",
                    partial(make_lenet, activations=(_TANH,) * 4),
                ),
                Mistake(
                    "tanh-in-the-classifier",
                    "the convolutions have ReLU, the linear layers still tanh",
                    partial(make_lenet, activations=(_RELU, _RELU, _TANH, _TANH)),
                ),
                Mistake(
                    "tanh-in-the-features",
                    "the linear layers have ReLU, the convolutions still tanh",
                    partial(make_lenet, activations=(_TANH, _TANH, _RELU, _RELU)),
                ),
                Mistake(
                    "linear-classifier",
                    "without activations between them, the linear layers are one linear layer",
                    partial(make_lenet, activations=(_RELU, _RELU, _NONE, _NONE)),
                ),
                Mistake(
                    "linear-features",
                    "the activations behind the convolutions are missing",
                    partial(make_lenet, activations=(_NONE, _NONE, _RELU, _RELU)),
                ),
                Mistake(
                    "no-activations",
                    "there are no activations at all",
                    partial(make_lenet, activations=(_NONE,) * 4),
                ),
                Mistake(
                    "padded",
                    "400 numbers reach the first linear layer, 256 did in the lesson: nothing is "
                    "padded here",
                    partial(make_lenet, map_size=5, padding=2),
                ),
                Mistake(
                    "no-biases",
                    "the convolutions have no biases",
                    partial(make_lenet, bias=False),
                ),
                *end_mistakes(),
            ),
        )
    },
    hints=(
        "The class of the lesson has arguments for both. What are their defaults?",
        "An argument such as `activation` takes the class itself, `nn.Tanh`, not an object of it: "
        "the network makes one wherever it needs one.",
        "Or write it as an `nn.Sequential` from scratch: the layer table of the lesson lists "
        "eleven layers, and a flatten stands between the sixth and the seventh.",
    ),
    points=2,
)


_ENOUGH = 1000  # Images to judge by: the accuracy is certain to within 2 points


def _scale(images: Tensor) -> Tensor:
    return images / 255


def _test_digits() -> tuple[Tensor, Tensor]:
    """Return the test images and labels of the embedded digits, without building all of them."""
    images, labels = read_digits()
    test = labels.argsort(stable=True)[::5].sort().values
    return enlarge(images[test]).round().byte(), labels[test].long()


@lru_cache(maxsize=1)
def digits_to_judge_by(root: Path) -> tuple[Pictures, ...]:
    """Return the embedded digits, and those of MNIST where they are."""
    transforms = {
        "": _scale,
        "not-scaled": Tensor.float,
        "other-scale": lambda x: _scale(x) * 2 - 1,
    }
    images, labels = _test_digits()
    found = [Pictures("digits", 0.93, move(images), images, labels, transforms)]
    if (mnist := find_real("mnist", "MNIST", root)) is not None:
        images, labels = mnist.test[:_ENOUGH].images, mnist.test[:_ENOUGH].labels
        found.append(Pictures("digits", 0.95, move(images), images, labels, transforms))
    return tuple(found)


trained_lenet = Exercise(
    id="4.8",
    slug="trained-lenet",
    title="Train it",
    judges={"my_trained_lenet": Trained(make_lenet, digits_to_judge_by)},
    hints=(
        "Make the network first and keep it under a name; `fit` changes it in place, and returns a "
        "history, not the network.",
        "The recipe of the lesson does it in three epochs. A learning rate of a few thousandths "
        'with `schedule="one_cycle"` needs only one or two.',
        "Give `fit` the training images without the validation split, and the validation split as "
        "`valid`, so that you see how far it is.",
    ),
    points=2,
)
