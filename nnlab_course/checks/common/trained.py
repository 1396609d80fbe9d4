"""Judge a trained network by its accuracy on images that nobody has seen"""

# A plain module, edited here.

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nnlab_course.checks.common.logits import NUM_IMAGES, compute_logits
from nnlab_course.checks.common.networks import check_logits, other_network
from nnlab_course.checks.common.weights import read_shapes, shapes_of
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


Compute = Callable[[Tensor], Tensor]  # From transformed images to logits, float64

_SLIPS = {  # What was done to the images that a network does well on
    "not-scaled": "have pixels from 0 to 255",
    "other-scale": "have pixels from −1 to 1",
    "standardised": "were standardised, (x − mean) / std",
    "inverted": "were inverted, dark on light",
    "not-normalised": "were not normalised, with pixels from 0 to 1",
    "swapped-channels": "have red and blue exchanged",
}


@dataclass(frozen=True)
class Trained:
    """Judge a network by its accuracy on images that nobody has seen.

    `verify` makes sure of what was trained, before anything is measured: it returns a result for
    a network that is not the one asked for, or a function that computes its logits outside.
    """

    build: Callable[[], nn.Module]  # A network of the sizes that are asked for
    pictures: Callable[..., tuple[Pictures, ...]]  # Called with the data folder and the seed
    verify: Callable[[Network, Tensor], Result | Compute] | None = None
    seed: int = 20  # For the images

    def redrawn(self, generator: torch.Generator) -> "Trained":
        """Judge by other images."""
        return replace(self, seed=int(torch.randint(2**31, (), generator=generator)))

    def __call__(self, answer: Any) -> Result:
        network = build_network(answer)
        several = self.pictures(data_root(), self.seed)
        probe = several[0].transforms[""](several[0].unseen[:NUM_IMAGES])
        check_logits(network, probe)
        compute = self._verify(network, several)
        if isinstance(compute, Result):
            return compute
        results = [_judge_accuracy(compute, pictures) for pictures in several]
        return max(results, key=lambda result: (bool(result), result.mistake not in _CLUELESS))

    def _verify(self, network: Network, several: tuple[Pictures, ...]) -> Result | Compute:
        """Return what computes the logits, or what is wrong with the network."""
        if self.verify is not None:
            fresh = torch.cat([p.transforms[""](p.unseen[::10]) for p in several])
            return self.verify(network, fresh)
        right_shapes = shapes_of(self.build)
        if read_shapes(network.state()) != right_shapes:
            return other_network(network, right_shapes)
        return lambda images: compute_logits(network, images)


_CLUELESS = ("untrained", "all-the-same", "no-better-than-chance")
_MEMORISED = 0.08  # Difference in accuracy that chance and a small movement don't make


def _accuracy(logits: Tensor, labels: Tensor) -> float:
    return (logits.argmax(1) == labels).float().mean().item()


def _judge_accuracy(compute: Compute, pictures: Pictures) -> Result:
    """Judge a network by one set of images."""
    transform, labels = pictures.transforms[""], pictures.labels
    logits = compute(transform(pictures.unseen))
    accuracy = _accuracy(logits, labels)
    if (logits >= 0).all() and torch.allclose(logits.sum(1), torch.ones(1).double(), atol=1e-3):
        return _judge_probabilities(logits)
    public = _accuracy(compute(transform(pictures.public)), labels)
    if public - accuracy > _MEMORISED:
        return Result.wrong(
            f"it classifies {public:.1%} of the test images rightly, but only {accuracy:.1%} of "
            "the same images moved and turned a little: it has overfit, or was trained on the test "
            "set",
            "learned-the-test-set",
        )
    reached = f"{accuracy:.1%} of {len(labels):,} {pictures.kind} it has not seen"
    if accuracy >= pictures.target:
        return Result.right(f"right, {reached}")
    cause = _find_cause(compute, pictures, logits)
    if cause is not None:
        return cause
    return Result.wrong(
        f"it recognises {reached}; the target is {pictures.target:.0%}: train longer, or with a "
        "higher learning rate and a schedule",
        "below-target",
    )


def _judge_probabilities(logits: Tensor) -> Result:
    """Say what stands behind the last layer, where logits add up to 1."""
    if ((logits == 0) | (logits == 1)).all():
        message = "it returns a 1 for its prediction and 0 for the rest; return the logits"
        return Result.wrong(message, "one-hot")
    message = "it returns probabilities: there is a softmax in the network; the loss takes logits"
    return Result.wrong(message, "softmax")


def _find_cause(compute: Compute, pictures: Pictures, logits: Tensor) -> Result | None:
    """Say what is wrong with a network that is far from its target, where that can be seen."""
    labels = pictures.labels
    accuracy = _accuracy(logits, labels)
    found = {
        slug: _accuracy(compute(transform(pictures.unseen)), labels)
        for slug, transform in pictures.transforms.items()
        if slug
    }
    slug = max(found, key=found.get)
    if found[slug] >= pictures.target - 0.03:
        return Result.wrong(
            f"it recognises {accuracy:.1%} of the {pictures.kind} as the lesson prepares them, "
            f"but {found[slug]:.1%} of those that {_SLIPS[slug]}: train it on images that are "
            "prepared as in the lesson",
            slug,
        )
    if accuracy > 0.2:
        return None
    return _explain_chance(logits, labels)


def _explain_chance(logits: Tensor, labels: Tensor) -> Result:
    """Say what is wrong with a network that is no better than chance."""
    if logits.std(0).max() < 1e-3:
        return Result.wrong(
            "it returns the same logits for every image: training has diverged. Look at the loss, "
            "and try a lower learning rate",
            "all-the-same",
        )
    if F.cross_entropy(logits, labels) < math.log(logits.shape[1]) + 0.15:
        return Result.wrong(
            "its loss is that of a network before the first step: has it been trained?", "untrained"
        )
    return Result.wrong(
        "it is confident, and no better than chance: do the labels belong to the images that it "
        "was trained on?",
        "no-better-than-chance",
    )
