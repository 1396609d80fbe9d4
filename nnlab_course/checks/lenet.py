"""The exercises on LeNet: convolutions, sizes, losses, and networks that are built and trained"""

# A plain module, edited here.

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nnlab_course.data import Dataset, data_root, load
from nnlab_course.data.embedded import enlarge, random_affine, read_digits
from nnlab_course.exercises import (
    AnswerError,
    Exercise,
    Mistake,
    Network,
    Progress,
    Result,
    SameFunction,
    SameValue,
    as_tensor,
    build_network,
    is_close,
)

__all__ = [
    "EXERCISES",
    "Pictures",
    "SameNetwork",
    "Trained",
    "compute_logits",
    "convolution_by_hand",
    "cross_entropy",
    "digits_to_judge_by",
    "end_mistakes",
    "find_real",
    "make_lenet",
    "map_sizes",
    "move",
    "other_network",
    "own_convolution",
    "parameter_counts",
    "progress",
    "read_shapes",
    "reading_the_loss",
    "relu_lenet",
    "shapes_of",
    "shifted_digits",
    "trained_lenet",
    "whole_number",
]


def whole_number(expected: int, *mistakes: Mistake) -> SameValue:
    """Judge a count or a size."""
    return SameValue(expected, mistakes, atol=0.01, rtol=0.0)


_IMAGE = torch.tensor([[1.0, 2, 0, 1], [0, 1, 3, 1], [2, 0, 1, 0], [1, 1, 0, 2]])
_KERNEL = torch.tensor([[1.0, 0, -1], [2, 0, -1], [0, 1, 0]])


def _slide(image: Tensor, kernel: Tensor, padding: int = 0) -> Tensor:
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
                    "you turned the kernel round first, as mathematicians do; a network's "
                    "convolution takes it as it stands",
                    _slide(_IMAGE, _KERNEL.flip(0, 1)),
                ),
                Mistake(
                    "kernel-transposed",
                    "rows and columns of the kernel are exchanged",
                    _slide(_IMAGE, _KERNEL.T),
                ),
                Mistake(
                    "padded",
                    "the kernel is to stay inside the image: nothing is padded",
                    _slide(_IMAGE, _KERNEL, 1),
                ),
                Mistake(
                    "image-alone",
                    "you added up the pixels below the kernel, without the kernel",
                    _slide(_IMAGE, torch.ones(3, 3)),
                ),
                Mistake(
                    "signs-of-kernel",
                    "the kernel's negative numbers count as negative",
                    _slide(_IMAGE, _KERNEL.abs()),
                ),
                Mistake(
                    "mean-for-sum",
                    "the nine products are added up, not averaged",
                    _slide(_IMAGE, _KERNEL) / 9,
                ),
                Mistake(
                    "first-place",
                    "this is the answer at the first place; the kernel goes on from there",
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


map_sizes = Exercise(
    id="4.2",
    slug="map-sizes",
    title="How large is a map?",
    judges={
        "my_size_plain": whole_number(
            26,
            Mistake("one-short", "count the places of the kernel once more: one is missing", 25),
            Mistake(
                "size-kept",
                "without padding the kernel can't sit on the border: the map shrinks",
                30,
            ),
            Mistake(
                "half-kernel", "the kernel takes something off at both ends, not at one only", 28
            ),
            Mistake("whole-kernel-twice", "too much was taken off", 20),
        ),
        "my_size_padded": whole_number(
            28,
            Mistake("padding-forgotten", "the padding is missing", 26),
            Mistake("padding-on-one-side", "padding is added at both ends, not at one only", 27),
            Mistake(
                "size-kept",
                "a padding of 1 does not make up for what a kernel of 5 takes off",
                30,
            ),
            Mistake("padding-subtracted", "padding makes the map larger, not smaller", 24),
        ),
        "my_size_strided": whole_number(
            15,
            Mistake("stride-forgotten", "the kernel visits only every second place", 30),
            Mistake("rounded-up", "half a place is no place: round down, not up", 16),
            Mistake(
                "one-short",
                "either the padding is missing, or the first place of the kernel was not counted",
                14,
            ),
            Mistake("not-rounded", "there is no half of a place: round down", 15.5),
            Mistake("stride-as-difference", "divide by the stride, don't take it away", 28),
        ),
        "my_size_pooled": whole_number(
            13,
            Mistake("pooling-forgotten", "the pooling is missing", 26),
            Mistake("pooled-first", "the convolution comes first, the pooling second", 11),
            Mistake("convolution-forgotten", "the convolution before the pooling is missing", 15),
            Mistake("pooled-as-kernel", "pooling by 2 divides the size, it doesn't slide", 25),
            Mistake("pooled-twice", "too much: only one pooling follows", 6),
        ),
    },
    hints=(
        "The section “Padding and stride” has a formula for all of these.",
        "Write down n, k, p and s for each layer before you put them in. What has no padding has "
        "p = 0, and what has no stride has s = 1.",
        "The brackets without a top mean: round down. A pooling of 2 is one more step: it halves "
        "what the convolution returns.",
    ),
    points=4,
)


_NO_BIASES = "these are the weights; the biases are to be counted as well"

parameter_counts = Exercise(
    id="4.3",
    slug="parameter-counts",
    title="How many parameters?",
    judges={
        "my_convolution_parameters": whole_number(
            370,
            Mistake("no-biases", _NO_BIASES, 360),
            Mistake(
                "one-kernel-per-output",
                "each output channel has a kernel for every input channel, not just one",
                100,
            ),
            Mistake(
                "one-kernel-per-input",
                "each input channel has a kernel for every output channel, not just one",
                46,
            ),
            Mistake(
                "bias-per-kernel", "there is one bias per output channel, not one per kernel", 400
            ),
            Mistake("one-bias", "every output channel has a bias of its own", 361),
            Mistake("bias-per-input", "the biases belong to the output channels", 364),
            Mistake("side-of-kernel", "a kernel has two sides: how many numbers is that?", 130),
        ),
        "my_linear_parameters": whole_number(
            2020,
            Mistake("no-biases", _NO_BIASES, 2000),
            Mistake("bias-per-input", "there is one bias per output, not one per input", 2100),
            Mistake("sum-for-product", "every input has a weight for every output", 120),
            Mistake("one-bias", "every output has a bias of its own", 2001),
            Mistake("outputs-alone", "this counts the outputs", 20),
        ),
        "my_num_features": whole_number(
            64,
            Mistake("one-map", "this is one map; how many are there?", 4),
            Mistake("side-for-area", "a map has two sides", 32),
            Mistake(
                "one-pooling",
                "too many: only one pooling is counted, or the images are those of 28 × 28",
                256,
            ),
            Mistake(
                "no-shrinking",
                "the convolutions take something off as well, not only the poolings",
                400,
            ),
            Mistake("no-pooling", "the poolings are missing", 16 * 12 * 12),
            Mistake("first-maps", "the second convolution has more maps than 6", 24),
        ),
    },
    hints=(
        "Look at the layer table of the lesson, and check two or three of its numbers by hand.",
        "A convolution has one kernel for each pair of an input and an output channel, and one "
        "bias per output channel; a linear layer a weight for each pair of numbers.",
        "For the last one take the side through all four layers, 20 → … → …, before you count: "
        "maps times height times width.",
    ),
    points=3,
)


def _random(*shape: int, seed: int = 0) -> Tensor:
    """Draw numbers with a mean of 0, float64."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def _square(image: Tensor, kernel: Tensor) -> Tensor:
    """Take the height for the width, too."""
    found = _slide(image, kernel)
    return found[:, : len(found)]


own_convolution = Exercise(
    id="4.4",
    slug="own-convolution",
    title="A convolution of your own",
    judges={
        "my_conv2d": SameFunction(
            _slide,
            (
                (_random(7, 9), _random(3, 3, seed=1)),
                (_random(6, 8, seed=2), _random(5, 5, seed=3)),
            ),
            (
                Mistake(
                    "flipped",
                    "you turned the kernel round first, as mathematicians do; a network's "
                    "convolution takes it as it stands",
                    lambda image, kernel: _slide(image, kernel.flip(0, 1)),
                ),
                Mistake(
                    "kernel-transposed",
                    "rows and columns of the kernel are exchanged",
                    lambda image, kernel: _slide(image, kernel.T),
                ),
                Mistake(
                    "padded",
                    "your map is as large as the image; the kernel is to stay inside it",
                    lambda image, kernel: _slide(image, kernel, len(kernel) // 2),
                ),
                Mistake(
                    "one-short",
                    "the last row and the last column of the map are missing",
                    lambda image, kernel: _slide(image, kernel)[:-1, :-1],
                ),
                Mistake(
                    "square-only",
                    "you took the height of the image for its width: the columns on the right are "
                    "missing",
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
                    "the map is right, but has dimensions for batch and channel; asked for is a "
                    "tensor of two dimensions",
                    lambda image, kernel: _slide(image, kernel)[None, None],
                ),
            ),
        )
    },
    hints=(
        "The section “A convolution by hand” does it for one size. Which of its numbers belong to "
        "the image, which to the kernel?",
        "How many rows has the map, if the image has H and the kernel k? Make it with "
        "`torch.zeros` first, and fill it in two loops.",
        "In the loops, cut a patch out of the image that is as large as the kernel, multiply the "
        "two entry by entry, and take the sum.",
    ),
    points=2,
)


def _batches(seed: int, *sizes: int) -> tuple[Tensor, Tensor]:
    """Draw the mean losses of some batches, float64; the sizes are int64."""
    return _random(len(sizes), seed=seed).abs() + 0.5, torch.tensor(sizes)


reading_the_loss = Exercise(
    id="4.5",
    slug="reading-the-loss",
    title="Read the loss",
    judges={
        "my_first_loss": SameValue(
            math.log(100),
            (
                Mistake("ten-classes", "this belongs to 10 classes, here are 100", math.log(10)),
                Mistake("base-ten", "this is the logarithm to the base 10, take the natural", 2.0),
                Mistake(
                    "base-two",
                    "this is the logarithm to the base 2, take the natural",
                    math.log2(100),
                ),
                Mistake(
                    "probability", "this is the probability of the right class, not the loss", 0.01
                ),
                Mistake("wrong-class", "this is the probability of a wrong answer", 0.99),
                Mistake(
                    "negative",
                    "the logarithm of a probability is negative, a loss is positive",
                    -math.log(100),
                ),
            ),
            atol=0.006,
            rtol=0.0,
        ),
        "my_real_loss": SameValue(
            2.315,
            (
                Mistake("as-printed", "this is what the programme printed", 0.0463),
                Mistake("sum-of-means", "this is the sum of the 200 means", 463.0),
                Mistake(
                    "times-batches",
                    "multiply by the number that undoes the wrong division, then divide rightly",
                    9.26,
                ),
                Mistake(
                    "divided-again",
                    "the number is too small already; you made it smaller",
                    0.000926,
                ),
                Mistake(
                    "assumed", "ln 10 is what one expects; compute what was measured", math.log(10)
                ),
            ),
            atol=0.0011,
            rtol=0.0,
        ),
        "my_mean_loss": SameFunction(
            lambda means, sizes: means.repeat_interleave(sizes).mean(),
            (_batches(0, 64, 64, 64, 8), _batches(1, 10, 30, 5)),
            (
                Mistake(
                    "mean-of-means",
                    "a small batch counts as much as a large one in yours; every image is to count "
                    "the same",
                    lambda means, sizes: means.mean(),
                ),
                Mistake(
                    "means-over-images",
                    "this is the mistake of the notes: a sum of means, divided by the number of "
                    "images",
                    lambda means, sizes: means.sum() / sizes.sum(),
                ),
                Mistake(
                    "not-divided",
                    "this is the loss of all images together, still to be divided",
                    lambda means, sizes: (means * sizes).sum(),
                ),
                Mistake(
                    "over-batches",
                    "the sum over the images is right; divide by their number, not by that of the "
                    "batches",
                    lambda means, sizes: (means * sizes).mean(),
                ),
                Mistake(
                    "sum-of-means",
                    "you added up the means of the batches",
                    lambda means, sizes: means.sum(),
                ),
                Mistake(
                    "largest-batch",
                    "you took all batches for as large as the first one",
                    lambda means, sizes: (means * sizes[0]).sum() / sizes.sum(),
                ),
                Mistake(
                    "last-batch",
                    "this is the loss of the last batch",
                    lambda means, sizes: means[-1],
                ),
            ),
        ),
    },
    hints=(
        "Without knowledge, how probable is the right class among 100? The loss is the negative "
        "natural logarithm of that.",
        "The programme divided the sum of its means by the number of images. By what should it "
        "have divided? All its batches are of one size.",
        "A batch's mean times its size is what the images of that batch lose together.",
    ),
    points=3,
)


def _true_probability(logits: Tensor, labels: Tensor, dim: int = 1) -> Tensor:
    """Return the probability that the softmax gives to each true class."""
    return logits.softmax(dim)[torch.arange(len(labels)), labels]


def _logits(num: int, seed: int) -> tuple[Tensor, Tensor]:
    """Draw logits of `num` images for 5 classes, and the images' labels."""
    generator = torch.Generator().manual_seed(seed)
    return 3 * _random(num, 5, seed=seed), torch.randint(5, (num,), generator=generator)


cross_entropy = Exercise(
    id="4.6",
    slug="cross-entropy",
    title="Cross-entropy from logits",
    judges={
        "my_cross_entropy": SameFunction(
            F.cross_entropy,
            (_logits(6, 4), _logits(5, 5)),
            (
                Mistake(
                    "softmax-twice",
                    "a softmax was applied to the probabilities, too: it belongs between logits "
                    "and logarithm once",
                    lambda logits, labels: F.cross_entropy(logits.softmax(1), labels),
                ),
                Mistake(
                    "no-logarithm",
                    "these are probabilities; the logarithm is missing",
                    lambda logits, labels: -_true_probability(logits, labels).mean(),
                ),
                Mistake(
                    "probability",
                    "this is the mean probability of the true class, not a loss",
                    lambda logits, labels: _true_probability(logits, labels).mean(),
                ),
                Mistake(
                    "logarithm-of-mean",
                    "the logarithm comes first, the mean over the images last",
                    lambda logits, labels: -_true_probability(logits, labels).mean().log(),
                ),
                Mistake(
                    "no-softmax",
                    "these are logits, not logarithms of probabilities: normalise them first",
                    lambda logits, labels: -logits[torch.arange(len(labels)), labels].mean(),
                ),
                Mistake(
                    "softmax-over-images",
                    "the probabilities of an image's classes are to add up to 1, not those of a "
                    "class's images: look at `dim`",
                    lambda logits, labels: -_true_probability(logits, labels, 0).log().mean(),
                ),
                Mistake(
                    "sum-for-mean",
                    "this is the sum over the images, asked for is the mean",
                    lambda logits, labels: F.cross_entropy(logits, labels, reduction="sum"),
                ),
                Mistake(
                    "one-for-each-image",
                    "these are the losses of the single images; take their mean",
                    lambda logits, labels: F.cross_entropy(logits, labels, reduction="none"),
                ),
                Mistake(
                    "all-classes",
                    "you averaged over all classes; only the true one counts",
                    lambda logits, labels: -logits.log_softmax(1).mean(),
                ),
                Mistake(
                    "predicted-class",
                    "you took the class with the largest logit; the labels say which one counts",
                    lambda logits, labels: F.cross_entropy(logits, logits.argmax(1)),
                ),
                Mistake(
                    "base-two",
                    "this is the logarithm to the base 2, take the natural",
                    lambda logits, labels: F.cross_entropy(logits, labels) / math.log(2),
                ),
                Mistake(
                    "base-ten",
                    "this is the logarithm to the base 10, take the natural",
                    lambda logits, labels: F.cross_entropy(logits, labels) / math.log(10),
                ),
            ),
        )
    },
    hints=(
        "Three steps: from logits to probabilities, from there to the one of the true class, from "
        "there to the loss.",
        "`softmax(1)` makes the probabilities. `p[torch.arange(len(labels)), labels]` takes one "
        "entry of each row.",
        "The loss of one image is the negative natural logarithm of the true class's probability; "
        "average over the images last.",
    ),
    points=2,
)


_NUM_IMAGES = 7  # Not the size of anything in a network


def _explain(error: AnswerError) -> AnswerError:
    """Say what an error in `forward` is about."""
    text = str(error)
    if found := re.search(r"shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x\d+\)", text):
        rows, given, expected = map(int, found.groups())
        if rows == _NUM_IMAGES:
            message = f"{given} numbers per image reach a linear layer made for {expected}"
            return AnswerError(f"{message}: compute the size of the maps again", "wrong-flatten")
        if rows == 1:
            message = "the whole batch was flattened into one vector: begin with dimension 1"
            return AnswerError(message, "batch-flattened")
        message = "maps reach a linear layer, which wants one vector per image: flatten them first"
        return AnswerError(message, "not-flattened")
    if "size mismatch, got input" in text:
        message = "the whole batch was flattened into one vector: begin with dimension 1"
        return AnswerError(message, "batch-flattened")
    if found := re.search(r"to have (\d+) channels, but got (\d+) channels", text):
        expected, given = found.groups()
        message = f"a convolution with {expected} for `in_channels` gets {given} channels"
        return AnswerError(message, "wrong-channels")
    if "Kernel size can't be greater than actual input size" in text:
        return AnswerError("the maps are smaller than the next kernel already", "maps-too-small")
    return error


def compute_logits(
    network: Network,
    images: Tensor,  # (N, C, H, W), float32
    num_classes: int = 10,
) -> Tensor:  # (N, num_classes), float64
    """Have a student's network compute its logits.

    **Raises:** `AnswerError` if it can't, in the terms of the exercise, or if they have another
    shape or aren't finite.
    """
    try:
        logits = as_tensor(network.outputs(images))
    except AnswerError as error:
        raise _explain(error) from error
    if logits.shape != (len(images), num_classes):
        raise AnswerError(
            f"for {len(images)} images the network returns {tuple(logits.shape)}, "
            f"asked for is {(len(images), num_classes)}",
            "shape",
        )
    if not logits.isfinite().all():
        message = "the logits are not finite: training has broken down, try a lower learning rate"
        raise AnswerError(message, "not-finite")
    return logits


def read_shapes(state: dict[str, Tensor]) -> Counter:
    """Count the shapes of a network's weights."""
    return Counter(tuple(weights.shape) for weights in state.values())


def _without_weights(build: Callable[[], nn.Module]) -> nn.Module:
    """Build a network without drawing its weights, which would use up random numbers."""
    with torch.device("meta"):
        return build()


def shapes_of(build: Callable[[], nn.Module]) -> Counter:
    """Count the shapes of the weights of a network that is not built yet."""
    return read_shapes(_without_weights(build).state_dict())


@dataclass(frozen=True)
class SameNetwork:
    """Judge a network by what it computes with the weights it has."""

    rights: tuple[Callable[[], nn.Module], ...]  # Any of them is right; all of the same sizes
    input_shape: tuple[int, int, int]  # Of one image, (C, H, W)
    mistakes: tuple[Mistake, ...] = ()  # Their answers build networks

    def __call__(self, answer: Any) -> Result:
        network = build_network(answer)
        # Large inputs, so that what the activations do can't be overlooked.
        images = 10 * _random(_NUM_IMAGES, *self.input_shape).float()
        logits = compute_logits(network, images)
        state = network.state()
        right_shapes = shapes_of(self.rights[0])
        if read_shapes(state) != right_shapes:
            return self._judge_sizes(network, right_shapes)
        if any(_computes(build, state, images, logits) for build in self.rights):
            return Result.right()
        for mistake in self.mistakes:
            if _computes(mistake.answer, state, images, logits):
                return Result.wrong(mistake.message, mistake.slug)
        return Result.wrong(
            "the layers have the right sizes, but something between them is not as it should be: "
            "look at the order of convolution, activation and pooling",
            "between-layers",
        )

    def _judge_sizes(self, network: Network, right_shapes: Counter) -> Result:
        """Say what is behind weights that are not of the right shapes."""
        shapes = read_shapes(network.state())
        for mistake in self.mistakes:
            if shapes_of(mistake.answer) == shapes:
                return Result.wrong(mistake.message, mistake.slug)
        return other_network(network, right_shapes)


def _computes(
    build: Callable[[], nn.Module], state: dict[str, Tensor], images: Tensor, logits: Tensor
) -> bool:
    """Tell whether a reference with these weights computes these logits."""
    reference = _without_weights(build).eval()
    if read_shapes(reference.state_dict()) != read_shapes(state):
        return False
    by_shape = {weights.shape: as_tensor(weights).float() for weights in state.values()}
    found = {name: by_shape[weights.shape] for name, weights in reference.state_dict().items()}
    reference.load_state_dict(found, assign=True)
    with torch.no_grad():
        return is_close(reference(images).double(), logits, atol=1e-4, rtol=1e-3)


def other_network(network: Network, right_shapes: Counter) -> Result:
    """Say how a network differs in size from the one that is asked for."""
    count = network.num_parameters()
    asked = sum(math.prod(shape) * number for shape, number in right_shapes.items())
    message = f"it has {count:,} parameters, asked for is a network with {asked:,}"
    if count == asked:
        message = "it has other layers than the network asked for"
    return Result.wrong(message, "other-network")


def make_lenet(
    *,
    channels: int = 1,
    map_size: int = 4,  # Side of the maps that are flattened
    activations: Sequence[Callable[[], nn.Module]] = (nn.ReLU,) * 4,
    pools: Sequence[Callable[[int], nn.Module]] = (nn.MaxPool2d,) * 2,
    end: Callable[[], nn.Module] = nn.Identity,
    padding: int = 0,  # Of the first convolution
    bias: bool = True,  # In the convolutions
    kernel_size: int = 5,
) -> nn.Sequential:
    """Make a network like LeNet; which choices fit together is the caller's concern."""
    first, second, third, fourth = (activation() for activation in activations)
    return nn.Sequential(
        nn.Conv2d(channels, 6, kernel_size, padding=padding, bias=bias),
        *(first, pools[0](2)),
        nn.Conv2d(6, 16, kernel_size, bias=bias),
        *(second, pools[1](2), nn.Flatten()),
        *(nn.Linear(16 * map_size**2, 120), third, nn.Linear(120, 84), fourth),
        *(nn.Linear(84, 10), end()),
    )


def _softmax() -> nn.Module:
    return nn.Softmax(dim=1)


def _log_softmax() -> nn.Module:
    return nn.LogSoftmax(dim=1)


def _no_pool(size: int) -> nn.Module:
    return nn.Identity()


def end_mistakes(**choices: Any) -> tuple[Mistake, ...]:
    """Make the mistakes that are made behind the last layer of a LeNet of these choices."""
    return (
        Mistake(
            "softmax",
            "there is a softmax at the end; the loss takes logits, and a softmax before it spoils "
            "the gradient",
            partial(make_lenet, end=_softmax, **choices),
        ),
        Mistake(
            "log-softmax",
            "there is a log-softmax at the end; the loss applies it itself, so leave it out",
            partial(make_lenet, end=_log_softmax, **choices),
        ),
        Mistake(
            "activation-at-the-end",
            "there is an activation behind the last layer; logits are to be any numbers",
            partial(make_lenet, end=nn.ReLU, **choices),
        ),
        Mistake(
            "tanh-at-the-end",
            "there is an activation behind the last layer; logits are to be any numbers",
            partial(make_lenet, end=nn.Tanh, **choices),
        ),
        Mistake(
            "sigmoid-at-the-end",
            "there is a logistic behind the last layer; logits are to be any numbers",
            partial(make_lenet, end=nn.Sigmoid, **choices),
        ),
    )


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


class Pictures(NamedTuple):
    """Images to judge a network by."""

    kind: str  # In the plural
    target: float  # Accuracy to be reached, 0 to 1
    unseen: Tensor  # Nobody has these; (N, C, H, W), uint8
    public: Tensor  # Those they were made of, or the same; (N, C, H, W), uint8
    labels: Tensor  # (N,), int64
    transforms: dict[str, Callable[[Tensor], Tensor]]  # The right one, then mistaken ones by slug


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
) -> Tensor:  # Same shape, uint8
    """Move and turn each image a little, always in the same way."""
    options = {"degrees": 5.0, "shear": 0.05, "scale": 0.05, "shift": 1.0}
    generator = torch.Generator().manual_seed(20)
    return random_affine(images.float(), generator=generator, **options).round().byte()


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


_MEMORISED = 0.08  # Difference in accuracy that chance and a small movement don't make


@dataclass(frozen=True)
class Trained:
    """Judge a network of given sizes by its accuracy on images that nobody has seen."""

    build: Callable[[], nn.Module]  # A network of these sizes
    pictures: Callable[[Path], tuple[Pictures, ...]]  # Called with the data folder

    def __call__(self, answer: Any) -> Result:
        network = build_network(answer)
        several = self.pictures(data_root())
        probe = several[0]
        compute_logits(network, probe.transforms[""](probe.unseen[:_NUM_IMAGES]))
        right_shapes = shapes_of(self.build)
        if read_shapes(network.state()) != right_shapes:
            return other_network(network, right_shapes)
        results = [_judge_accuracy(network, pictures) for pictures in several]
        return max(results, key=lambda result: (bool(result), result.mistake not in _CLUELESS))


_CLUELESS = ("untrained", "all-the-same", "no-better-than-chance")


def _accuracy(logits: Tensor, labels: Tensor) -> float:
    return (logits.argmax(1) == labels).float().mean().item()


def _judge_accuracy(network: Network, pictures: Pictures) -> Result:
    """Judge a network by one set of images."""
    transform, labels = pictures.transforms[""], pictures.labels
    logits = compute_logits(network, transform(pictures.unseen))
    accuracy = _accuracy(logits, labels)
    if (logits >= 0).all() and torch.allclose(logits.sum(1), torch.ones(1).double(), atol=1e-3):
        message = "it returns probabilities: there is a softmax in the network, before the loss"
        return Result.wrong(message, "softmax")
    public = _accuracy(compute_logits(network, transform(pictures.public)), labels)
    if public - accuracy > _MEMORISED:
        return Result.wrong(
            f"it is right about {public:.1%} of the test images, but only about {accuracy:.1%} of "
            "the same ones changed a little: it has learned from the test images, or by heart",
            "learned-the-test-set",
        )
    reached = f"{accuracy:.1%} of {len(labels):,} {pictures.kind} it has not seen"
    if accuracy >= pictures.target:
        return Result.right(f"right, {reached}")
    cause = _find_cause(network, pictures, logits)
    if cause is not None:
        return cause
    return Result.wrong(
        f"it recognises {reached}, asked for are {pictures.target:.0%}: train "
        "longer, or with a higher learning rate and a schedule",
        "below-target",
    )


def _find_cause(network: Network, pictures: Pictures, logits: Tensor) -> Result | None:
    """Say what is wrong with a network that is far from its target, where that can be seen."""
    labels = pictures.labels
    for slug, transform in pictures.transforms.items():
        found = (
            _accuracy(compute_logits(network, transform(pictures.unseen)), labels) if slug else 0
        )
        if found >= pictures.target - 0.03:
            return Result.wrong(
                "it does well on images with other numbers than the lesson's: train it with the "
                "lesson's transform of the images",
                slug,
            )
    if _accuracy(logits, labels) > 0.2:
        return None
    if logits.std(0).max() < 1e-3:
        return Result.wrong(
            "it says the same of every image: training has broken down. Look at the loss, and try "
            "a lower learning rate",
            "all-the-same",
        )
    if F.cross_entropy(logits, labels) < math.log(10) + 0.15:
        return Result.wrong(
            "it knows nothing yet, as before the first step: has it been trained?", "untrained"
        )
    return Result.wrong(
        "it is certain, and no better than chance: do the labels belong to the images that it was "
        "trained on?",
        "no-better-than-chance",
    )


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


def _shift(images: Tensor, num_pixels: int, dim: int = 3) -> Tensor:
    """Shift to the right (or down), and put zeros where nothing comes from."""
    moved = torch.roll(images, num_pixels, dims=dim)
    moved.narrow(dim, 0, num_pixels).zero_()
    return moved


def _shift_back(images: Tensor, num_pixels: int, dim: int = 3) -> Tensor:
    """Shift to the left (or up)."""
    return _shift(images.flip(dim), num_pixels, dim).flip(dim)


def _photos(seed: int, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(1, 256, shape, generator=generator, dtype=torch.uint8)


_SHIFTED = SameFunction(
    _shift,
    ((_photos(0, 2, 1, 5, 7), 2), (_photos(1, 1, 3, 6, 8), 3)),
    (
        Mistake(
            "wrapped",
            "what leaves on the right comes in again on the left, where black is asked for",
            lambda images, n: torch.roll(images, n, dims=3),
        ),
        Mistake("left", "this goes to the left", _shift_back),
        Mistake(
            "left-and-wrapped",
            "this goes to the left, and what leaves there comes in again on the right",
            lambda images, n: torch.roll(images, -n, dims=3),
        ),
        Mistake("down", "this goes down: which dimension is the width?", partial(_shift, dim=2)),
        Mistake("up", "this goes up: which dimension is the width?", partial(_shift_back, dim=2)),
        Mistake(
            "down-and-wrapped",
            "this goes down, and what leaves there comes in again at the top",
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
        Mistake(
            "not-moved",
            "there is black on the left, but nothing has moved: it covers the image",
            lambda images, n: torch.cat([torch.zeros_like(images[..., :n]), images[..., n:]], 3),
        ),
        Mistake(
            "by-one", "the images have moved by one pixel only", lambda images, n: _shift(images, 1)
        ),
    ),
)


def _judge_shift(answer: Any) -> Result:
    """Try a shift by nothing as well, once the others are right."""
    result = _SHIFTED(answer)
    if not result:
        return result
    images = _photos(2, 1, 1, 4, 4)
    try:
        still = SameFunction(_shift, ((images, 0),))(answer)
    except AnswerError as error:
        still = Result.wrong(str(error), error.mistake)
    if still:
        return result
    message = "right for 1 pixel and more, but not for 0: `[..., :-0]` is empty"
    return Result.wrong(message, "not-at-all")


shifted_digits = Exercise(
    id="4.9",
    slug="shifted-digits",
    title="Shifted digits",
    judges={"my_shift": _judge_shift},
    hints=(
        "The images are (N, C, H, W). Which dimension is to and fro, which is up and down?",
        "`torch.roll` moves, but lets what leaves come in on the other side. Or begin with "
        "`torch.zeros_like(images)` and copy a part of the images into a part of it.",
        "The columns from `num_pixels` on get the first ones of the images. How many are these, "
        "counted from the left?",
    ),
    points=2,
)


EXERCISES = (
    convolution_by_hand,
    map_sizes,
    parameter_counts,
    own_convolution,
    reading_the_loss,
    cross_entropy,
    relu_lenet,
    trained_lenet,
    shifted_digits,
)
progress = partial(Progress, EXERCISES)
