"""Judge a trained network by its accuracy on images that nobody has seen"""

# A plain module, edited here.

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nnlab_course.checks.common.networks import (
    NUM_IMAGES,
    compute_logits,
    other_network,
    read_shapes,
    shapes_of,
)
from nnlab_course.data import data_root
from nnlab_course.exercises import Network, Result, build_network


class Pictures(NamedTuple):
    """Images to judge a network by."""

    kind: str  # In the plural
    target: float  # Accuracy to be reached, 0 to 1
    unseen: Tensor  # Nobody has these; (N, C, H, W), uint8
    public: Tensor  # Those they were made of, or the same; (N, C, H, W), uint8
    labels: Tensor  # (N,), int64
    transforms: dict[str, Callable[[Tensor], Tensor]]  # The right one, then mistaken ones by slug


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
        compute_logits(network, probe.transforms[""](probe.unseen[:NUM_IMAGES]))
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
