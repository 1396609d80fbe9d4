"""The exercises on photographs: colour channels, an honest split, a network trained to a target"""

# A plain module, edited here.

from collections.abc import Callable
from functools import lru_cache, partial
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nnlab_course.checks.common.inputs import find_real, whole_number
from nnlab_course.checks.common.networks import SameNetwork
from nnlab_course.checks.common.trained import Pictures, Trained
from nnlab_course.checks.common.variants import end_mistakes, make_lenet
from nnlab_course.data.embedded import SHAPES, draw_shapes
from nnlab_course.exercises import (
    AnswerError,
    Exercise,
    Mistake,
    Progress,
    Result,
    SameFunction,
    as_tensor,
    call,
)

__all__ = [
    "EXERCISES",
    "batch_normalisation",
    "channel_statistics",
    "colour_arithmetic",
    "colour_lenet",
    "confused_pair",
    "pictures_to_judge_by",
    "progress",
    "three_parts",
    "trained_network",
]

_NO_BIASES = "these are the weights; the biases are to be counted as well"

colour_arithmetic = Exercise(
    id="5.1",
    slug="colour-arithmetic",
    title="The arithmetic of colour",
    judges={
        "my_convolution": whole_number(
            456,
            Mistake("grey", "this belongs to grey images: a colour image has three channels", 156),
            Mistake("no-biases", _NO_BIASES, 450),
            Mistake("bias-per-kernel", "there is one bias per output channel", 468),
            Mistake(
                "kernels-shared",
                "every output channel has kernels of its own for the three colours",
                81,
            ),
            Mistake("side-of-kernel", "a kernel of size 5 has 5 × 5 numbers", 96),
            Mistake(
                "outputs",
                "this counts what comes out; asked for is how much the layer has to learn",
                6 * 28 * 28,
            ),
        ),
        "my_num_features": whole_number(
            400,
            Mistake("grey", "these are the features of the digits, which are smaller", 256),
            Mistake(
                "times-three",
                "a map has no colours any more: the first convolution adds up over them",
                1200,
            ),
            Mistake("one-map", "this is one map; how many are there?", 25),
            Mistake("side-for-area", "a map has two sides", 80),
            Mistake(
                "no-shrinking",
                "the convolutions take something off as well, not only the poolings",
                1024,
            ),
            Mistake("one-pooling", "one more pooling follows", 1600),
            Mistake("first-maps", "the second convolution has more maps than 6", 150),
        ),
        "my_linear": whole_number(
            48_120,
            Mistake("no-biases", _NO_BIASES, 48_000),
            Mistake("grey", "this belongs to the digits, which are smaller", 30_840),
            Mistake("bias-per-input", "there is one bias per output, not one per input", 48_400),
            Mistake("sum-for-product", "every input has a weight for every output", 520),
            Mistake("one-bias", "every output has a bias of its own", 48_001),
        ),
        "my_num_features_64": whole_number(
            2704,
            Mistake(
                "four-times",
                "not four times as many: the convolutions take the same 4 pixels off a larger map",
                1600,
            ),
            Mistake("twice", "a map has two sides, and both become larger", 800),
            Mistake("not-larger", "larger images have larger maps, and so more features", 400),
            Mistake(
                "no-shrinking",
                "the convolutions take something off as well, not only the poolings",
                4096,
            ),
            Mistake("one-map", "this is one map; how many are there?", 169),
            Mistake("side-for-area", "a map has two sides", 208),
            Mistake("first-maps", "the second convolution has more maps than 6", 1014),
        ),
    },
    hints=(
        "The kernels of the first convolution are 5 × 5 for each of three colours. How many of "
        "these blocks are there, and how many biases?",
        "Take the side through the layers: each convolution takes 4 off, each pooling halves. "
        "Then count all maps of the second convolution.",
        "The first linear layer returns 120 numbers: a weight for each pair, and a bias each.",
    ),
    points=4,
)


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


_NUM_VALID = 30
_TRAIN = torch.arange(100, dtype=torch.uint8).reshape(100, 1, 1, 1)
_TEST = torch.arange(200, 220, dtype=torch.uint8).reshape(20, 1, 1, 1)


def _read_parts(answer: Any) -> tuple[list[int], list[int], list[int]]:
    """Call the student's function, and return the numbers in each part."""
    parts = call(answer, _TRAIN, _TEST, _NUM_VALID)
    if not isinstance(parts, list | tuple) or len(parts) != 3:
        raise AnswerError("three tensors are asked for: to learn, to choose, to judge", "count")
    train, valid, test = (as_tensor(part) for part in parts)
    for part in (train, valid, test):
        if part.ndim != 4 or part.shape[1:] != (1, 1, 1):
            shape = tuple(part.shape)
            raise AnswerError(f"a part has the shape {shape}; images are (N, C, H, W)", "shape")
    return tuple(part.flatten().tolist() for part in (train, valid, test))


def _judge_parts(answer: Any) -> Result:
    """Follow each image into its part."""
    train, valid, test = _read_parts(answer)
    of_train, of_test = set(_TRAIN.flatten().tolist()), set(_TEST.flatten().tolist())
    everything = of_train | of_test
    share = "%d images are both in the part to learn from and in the part to choose by"
    problems = (
        (
            bool(of_test & set(valid)),
            "test-for-validation",
            "your validation part holds test images. Who chooses by them has nothing left to "
            "judge by: take it out of the training images",
        ),
        (bool(of_test & set(train)), "test-for-training", "it would learn from test images"),
        (
            set(test) != of_test or len(test) != len(of_test),
            "test-changed",
            "the third part is to be the test images, all of them and nothing else",
        ),
        (not everything >= {*train, *valid}, "other-images", "some images are not those given"),
        (
            bool(set(train) & set(valid)),
            "overlap",
            f"{share % len(set(train) & set(valid))}: what was learned from can't be judged by",
        ),
        (
            len(set(valid)) < len(valid) or len(set(train)) < len(train),
            "drawn-twice",
            "some images occur twice in a part: draw without putting back",
        ),
        (
            len(train) == _NUM_VALID != len(valid),
            "swapped",
            "the parts to learn from and to choose by are exchanged: the small one is to choose by",
        ),
        (
            len(valid) != _NUM_VALID,
            "size",
            f"the second part has {len(valid)} images, asked for are {_NUM_VALID}",
        ),
        (
            {*train, *valid} != of_train,
            "images-lost",
            f"{len(of_train) - len({*train, *valid})} training images are in neither part",
        ),
        (
            max(valid, default=0) - min(valid, default=0) == _NUM_VALID - 1,
            "not-shuffled",
            "the validation part is one run of the training images. If they are sorted by class, "
            "it has only some classes: draw at random",
        ),
    )
    for is_so, slug, message in problems:
        if is_so:
            return Result.wrong(message, slug)
    return Result.right()


three_parts = Exercise(
    id="5.3",
    slug="three-parts",
    title="Three parts",
    judges={"my_three_parts": _judge_parts},
    hints=(
        "Which of the three parts do you get for nothing? And out of which set does the second one "
        "have to come?",
        "`torch.randperm(n)` is a random order of the numbers from 0 to n − 1. Use it to index the "
        "images.",
        "Cut the random order in two: so many numbers for the second part, all the others for the "
        "first.",
    ),
    points=2,
)


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
def pictures_to_judge_by(root: Path) -> tuple[Pictures, ...]:
    """Return new shapes, and CIFAR-10's photographs where they are."""
    labels = torch.arange(1000) % len(SHAPES)
    drawn = draw_shapes(labels, generator=torch.Generator().manual_seed(20))
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


def _counts(seed: int) -> tuple[Tensor]:
    """Draw a confusion matrix: large on the diagonal, not symmetric, no two entries alike."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.randperm(90, generator=generator)[:25].reshape(5, 5) + 200 * torch.eye(5).long(),)


def _largest(values: Tensor) -> list[int]:
    """Return row and column of the largest entry."""
    return [int(index) for index in torch.unravel_index(values.argmax(), values.shape)]


def _both_ways(matrix: Tensor) -> Tensor:
    """Add up both directions; the diagonal becomes 0."""
    return matrix + matrix.T - 2 * matrix.diagonal().diag()


def _off_diagonal(matrix: Tensor) -> Tensor:
    return matrix - matrix.diagonal().diag()


_MATRICES = tuple(map(_counts, (1, 12, 13)))

confused_pair = Exercise(
    id="5.6",
    slug="confused-pair",
    title="The most confused pair",
    judges={
        "my_pair": SameFunction(
            lambda matrix: sorted(_largest(_both_ways(matrix))),
            _MATRICES,
            (
                Mistake(
                    "diagonal",
                    "this is a class that is recognised, not a pair that is confused: leave the "
                    "diagonal out",
                    _largest,
                ),
                Mistake(
                    "one-direction",
                    "you looked at one direction; a as b and b as a belong together",
                    lambda matrix: _largest(_off_diagonal(matrix)),
                ),
                Mistake(
                    "one-direction",
                    "you looked at one direction; a as b and b as a belong together",
                    lambda matrix: sorted(_largest(_off_diagonal(matrix))),
                ),
                Mistake(
                    "one-half",
                    "you looked above the diagonal only; what is below counts as well",
                    lambda matrix: _largest(matrix.triu(1)),
                ),
                Mistake(
                    "descending",
                    "the pair is right; put the smaller label first",
                    lambda matrix: sorted(_largest(_both_ways(matrix)), reverse=True),
                ),
                Mistake(
                    "count",
                    "this says how often they are confused; which two classes are they?",
                    lambda matrix: _both_ways(matrix).max(),
                ),
                Mistake(
                    "flat-index",
                    "this is a position in the matrix read row by row; make row and column of it",
                    lambda matrix: _both_ways(matrix).argmax(),
                ),
                Mistake(
                    "least",
                    "this pair is confused least often",
                    lambda matrix: _largest(-_both_ways(matrix) - 10**6 * torch.eye(5).long()),
                ),
            ),
        )
    },
    hints=(
        "Which entries of the matrix are no confusions at all? Get them out of the way first.",
        "The entry (a, b) counts one direction. Which other entry belongs to it? `matrix.T` has "
        "it in the same place.",
        "`argmax` gives one number, the position row by row. `divmod` by the number of columns, or "
        "`torch.unravel_index`, makes two of it.",
    ),
    points=2,
)


def _maps(seed: int, *shape: int) -> tuple[Tensor]:
    """Draw maps of several channels, each with a mean and a spread of its own, float64."""
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(shape, generator=generator, dtype=torch.float64)
    channel = torch.arange(1, shape[1] + 1)[:, None, None]
    image = torch.arange(shape[0])[:, None, None, None] / shape[0]
    return (channel * (1 + image) * maps + 2 * channel + 3 * image,)


def _centre(maps: Tensor, dims: tuple[int, ...]) -> Tensor:
    return maps - maps.mean(dims, keepdim=True)


def _standardise(maps: Tensor, dims: tuple[int, ...], correction: int = 1) -> Tensor:
    """Bring the mean over these dimensions to 0, and the standard deviation to 1."""
    return _centre(maps, dims) / maps.std(dims, keepdim=True, correction=correction)


def _over(dims: tuple[int, ...], slug: str, message: str) -> tuple[Mistake, ...]:
    """Make the mistake to normalise over other dimensions, with either kind of deviation."""
    return tuple(
        Mistake(slug, message, partial(_standardise, dims=dims, correction=correction))
        for correction in (0, 1)
    )


batch_normalisation = Exercise(
    id="5.7",
    slug="batch-normalisation",
    title="Batch normalisation by hand",
    judges={
        "my_batch_norm": SameFunction(
            lambda maps: F.batch_norm(maps, None, None, training=True),
            (_maps(0, 8, 3, 9, 7), _maps(1, 16, 2, 6, 8)),
            (
                *_over(
                    (2, 3),
                    "per-image",
                    "you normalised each image by itself; the statistics are those of the batch",
                ),
                *_over(
                    (0,),
                    "per-place",
                    "you normalised each place by itself; the statistics of a channel are over all "
                    "its places",
                ),
                *_over(
                    (1, 2, 3),
                    "layer-normalisation",
                    "you normalised each image over its channels: that is layer normalisation",
                ),
                *_over(
                    (0, 1, 2, 3),
                    "all-channels",
                    "you took all channels together; each has a mean and a spread of its own",
                ),
                Mistake(
                    "only-centred",
                    "the mean is 0, but the spread is not 1 yet",
                    lambda maps: _centre(maps, _DIMS),
                ),
                Mistake(
                    "not-centred",
                    "the spread is 1, but the mean is not 0",
                    lambda maps: maps / maps.std(_DIMS, keepdim=True),
                ),
                Mistake(
                    "variance",
                    "you divided by the variance; the standard deviation is its root",
                    lambda maps: _centre(maps, _DIMS) / maps.var(_DIMS, keepdim=True),
                ),
                Mistake(
                    "multiplied",
                    "you multiplied by the standard deviation",
                    lambda maps: _centre(maps, _DIMS) * maps.std(_DIMS, keepdim=True),
                ),
                Mistake(
                    "precedence",
                    "the mean alone was divided: the difference needs brackets",
                    lambda maps: (
                        maps - maps.mean(_DIMS, keepdim=True) / maps.std(_DIMS, keepdim=True)
                    ),
                ),
                Mistake(
                    "range",
                    "this brings each channel to the range from 0 to 1; asked for are mean and "
                    "standard deviation",
                    lambda maps: (
                        (maps - maps.amin(_DIMS, keepdim=True))
                        / (maps.amax(_DIMS, keepdim=True) - maps.amin(_DIMS, keepdim=True))
                    ),
                ),
            ),
            atol=2e-3,
            rtol=2e-3,
        )
    },
    hints=(
        "It does to the maps inside a network what `normalise` does to the images: which "
        "dimensions go into one mean?",
        "With `keepdim=True`, `mean` and `std` keep the dimensions that they run over with size 1, "
        "so that the result fits the maps.",
        "Take the mean away from the maps, then divide the difference by the standard deviation; "
        "exercise 5.2 has the dimensions.",
    ),
    points=3,
)


EXERCISES = (
    colour_arithmetic,
    channel_statistics,
    three_parts,
    colour_lenet,
    trained_network,
    confused_pair,
    batch_normalisation,
)
progress = partial(Progress, EXERCISES)
