"""Judge a network by what it computes with the weights it has"""

# A plain module, edited here.

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nnlab_course.checks.common.inputs import draw_numbers
from nnlab_course.exercises import (
    AnswerError,
    Mistake,
    Network,
    Result,
    as_tensor,
    build_network,
    is_close,
)

NUM_IMAGES = 7  # Not the size of anything in a network


def _explain(error: AnswerError) -> AnswerError:
    """Say what an error in `forward` is about."""
    text = str(error)
    if found := re.search(r"shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x\d+\)", text):
        rows, given, expected = map(int, found.groups())
        if rows == NUM_IMAGES:
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
        images = 10 * draw_numbers(NUM_IMAGES, *self.input_shape).float()
        logits = compute_logits(network, images)
        state = network.state()
        right_shapes = shapes_of(self.rights[0])
        if read_shapes(state) != right_shapes:
            return self._judge_sizes(network, right_shapes)
        if any(_computes(build, state, images, logits) for build in self.rights):
            return Result.right()
        for mistake in self.mistakes:
            if any(_computes(build, state, images, logits) for build in mistake.answers):
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
            if any(shapes_of(build) == shapes for build in mistake.answers):
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
