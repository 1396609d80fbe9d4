"""Judge a network by what it computes with weights that it is sent"""

# A plain module, edited here.

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from nnlab_course.checks.common.logits import NUM_IMAGES, check_each_image_alone, compute_logits
from nnlab_course.checks.common.probing import (
    NONE,
    Prober,
    Reading,
    activations_of,
    find_structure,
)
from nnlab_course.checks.common.weights import (
    Shape,
    Weights,
    draw_weights,
    find_names,
    load_weights,
    read_shapes,
    shapes_of,
    without_weights,
)
from nnlab_course.exercises import AnswerError, Mistake, Network, Result, build_network, is_close

_PRELU = 0.25  # The slope with which it starts


@dataclass(frozen=True)
class SameNetwork:
    """Judge a network by its logits for images and weights that it is sent.

    Its own weights are of no importance, nor the layout in which it flattens its maps. Where it
    computes something else, weights that are mostly 0 show what stands between its layers, and
    `explain` judges that.
    """

    rights: tuple[Callable[[], nn.Module], ...]  # Any of them is right; all of the same sizes
    input_shape: tuple[int, int, int]  # Of one image, (C, H, W)
    mistakes: tuple[Mistake, ...] = ()  # Their answers build networks
    explain: Callable[[Reading], Result | None] = lambda reading: None
    seed: int = 0  # For the images and the weights

    def redrawn(self, generator: torch.Generator) -> "SameNetwork":
        """Judge with other images and weights."""
        return replace(self, seed=int(torch.randint(2**31, (), generator=generator)))

    def __call__(self, answer: Any) -> Result:
        return self.judge(build_network(answer))

    def judge(self, network: Network) -> Result:
        """Judge a network that is built."""
        generator = torch.Generator().manual_seed(self.seed)
        images = torch.rand(NUM_IMAGES, *self.input_shape, generator=generator)
        check_logits(network, images)
        names = find_names(network, shapes_of(self.rights[0]))
        if names is None:
            return self._judge_sizes(network)
        weights = draw_weights(self.rights[0], generator)
        compute = partial(_compute_with, network, names)
        logits = compute(weights, images)
        if any(_computes(build, weights, images, logits) for build in self.rights):
            return Result.right()
        for mistake in self.mistakes:
            if any(_computes(build, weights, images, logits) for build in mistake.answers):
                return Result.wrong(mistake.message, mistake.slug)
        known = activations_of(network.layers())
        return self._look_between(compute, weights, images, logits, known)

    def _judge_sizes(self, network: Network) -> Result:
        """Say what is behind weights that are not of the right shapes."""
        shapes = read_shapes(network.state())
        for mistake in self.mistakes:
            if any(shapes_of(build) == shapes for build in mistake.answers):
                return Result.wrong(mistake.message, mistake.slug)
        return other_network(network, shapes_of(self.rights[0]))

    def _ignores_weights(
        self, compute: Callable, weights: Weights, images: Tensor, logits: Tensor
    ) -> bool:
        """Tell whether other weights give the same logits."""
        others = {shape: 0.5 * w.flip(0) for shape, w in weights.items()}
        return is_close(compute(others, images), logits, atol=1e-4, rtol=1e-3)

    def _look_between(
        self,
        compute: Callable,
        weights: Weights,
        images: Tensor,
        logits: Tensor,
        known: dict[str, Callable],  # Activations
    ) -> Result:
        """Say what stands between layers of the right sizes."""
        right = without_weights(self.rights[0])
        shapes = [tuple(parameter.shape) for parameter in right.parameters()]
        prober = Prober(compute, shapes, images[:1], known)
        reading = prober.read()
        if reading.end == NONE and reading.activations[-1] is None and (own := prober.measure()):
            known = known | {"another function": own}
            reading = replace(prober, known=known).read()
        if reading.end is None and self._ignores_weights(compute, weights, images, logits):
            message = "its logits don't depend on its weights: compute them with the layers"
            return Result.wrong(message, "weights-unused")
        if None not in reading.activations:
            in_order = [weights[shape] for shape in shapes]
            reading = find_structure(in_order, images, logits, reading, known)
        result = self.explain(reading)  # a wrong one counts as false
        if result is not None:
            return result
        return Result.wrong(
            "the layers have the right sizes, and something else is done to the images or the maps "
            "than convolution, activation and pooling",
            "between-layers",
        )


def _compute_with(
    network: Network, names: dict[Shape, str], weights: Weights, images: Tensor
) -> Tensor:
    """Have a student's network compute logits with weights of ours."""
    state = {name: weights[shape] for shape, name in names.items()}
    slopes = {
        f"{layer.name}.{name}": torch.full(shape, _PRELU)
        for layer in network.layers()
        for name, shape in layer.shapes.items()
        if layer.kind == "PReLU"
    }
    return compute_logits(network, images, state=state | slopes)


def _computes(
    build: Callable[[], nn.Module], weights: Weights, images: Tensor, logits: Tensor
) -> bool:
    """Tell whether a reference with these weights computes these logits."""
    reference = load_weights(build, weights)
    if reference is None:
        return False
    with torch.no_grad():
        return is_close(reference(images).double(), logits, atol=1e-3, rtol=1e-3)


def check_logits(network: Network, images: Tensor) -> None:
    """Make sure that a network computes logits for images, for each of them alone.

    **Raises:** `AnswerError` if it doesn't.
    """
    try:
        logits = compute_logits(network, images)
    except AnswerError:
        check_dtype(network)  # a better reason, if it is one
        raise
    check_dtype(network)
    check_each_image_alone(network, images, logits)


def check_dtype(network: Network) -> None:
    """Make sure that a network's weights are float32.

    **Raises:** `AnswerError` if they aren't.
    """
    dtypes = {w.dtype for w in network.state().values() if w.is_floating_point()}
    if dtypes - {torch.float32}:
        name = str((dtypes - {torch.float32}).pop()).removeprefix("torch.")
        message = f"the weights are {name}; images are float32, and so should the weights be"
        raise AnswerError(message, "dtype")


def other_network(network: Network, right_shapes: Counter) -> Result:
    """Say how a network differs in size from the one that is asked for."""
    norms = {layer.name: layer.kind for layer in network.layers() if "Norm" in layer.kind}
    state = network.state().items()
    others = {name: w for name, w in state if name.rpartition(".")[0] not in norms}
    if norms and read_shapes(others) == right_shapes:
        message = f"it has normalisation layers ({next(iter(norms.values()))}); leave them out here"
        return Result.wrong(message, "normalised")
    count = network.num_parameters()
    asked = sum(math.prod(shape) * number for shape, number in right_shapes.items())
    message = f"it has {count:,} parameters; the task asks for a network with {asked:,}"
    if count == asked:
        message = "it has other layers than the network asked for"
    return Result.wrong(message, "other-network")
