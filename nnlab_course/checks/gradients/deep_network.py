"""Exercise 3.6: a network of thirty layers whose gradient reaches its first layers"""

# A plain module, edited here.
#
# Nothing is believed that a network says of itself: the gradients that
# it reports must predict how its outputs change when something is added to what its layers compute.

import statistics
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from nnlab_course.checks.gradients.bends import require_bends
from nnlab_course.exercises import AnswerError, Exercise, Network, Result, build_network

_DEPTH, _WIDEST, _FACTOR = 30, 128, 200


def _points(number: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw points of the plane, and their classes: far from the centre, or near."""
    points = torch.randn(number, 2, generator=generator, dtype=torch.float64)
    radius = points.norm(dim=1)
    return points, (radius > radius.median()).long()


def _require_thirty(net: Network) -> None:
    """Make sure that there are thirty linear layers, none of them too wide.

    **Raises:** `AnswerError` if not.
    """
    shapes = [layer.shapes.get("weight") for layer in net.layers() if layer.kind == "Linear"]
    widths = [shape[0] for shape in shapes if shape]
    if len(widths) != _DEPTH:
        mistake = "too-few-layers" if len(widths) < _DEPTH else "too-many-layers"
        message = f"{len(widths)} linear layers (`nn.Linear`); give exactly {_DEPTH}"
        raise AnswerError(message, mistake)
    if max(widths) > _WIDEST:
        raise AnswerError(f"a layer has {max(widths)} units; give at most {_WIDEST}", "too-wide")


def _require_stack(net: Network, generator: torch.Generator) -> None:
    """Make sure that thirty layers are used, one after the other, with activations between them.

    **Raises:** `AnswerError` if they aren't.
    """
    number = 2 * _WIDEST + 64  # More points than an affine map has freedom to fit
    points, _ = _points(number, generator)
    if any(layer.kind.startswith("Lazy") for layer in net.layers()):
        net.outputs(points.float())  # from which they learn their shapes
    _require_thirty(net)
    outputs, inputs = net.trace(points)
    if tuple(outputs.shape) != (number, 2):
        message = f"expected shape ({number}, 2) for {number} points, got {tuple(outputs.shape)}"
        raise AnswerError(message, "shape")
    if len(inputs) < _DEPTH:
        message = f"{_DEPTH - len(inputs)} of the {_DEPTH} linear layers are never used"
        raise AnswerError(message, "unused-layers")
    require_bends(net, points, generator)


def _measure(net: Network, points: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Return the gradients of the layers' outputs, in order of use.

    **Raises:** `AnswerError` if one is not finite, or is zero.
    """
    gradients = net.output_gradients(points, labels)
    if len(gradients) != _DEPTH:
        raise AnswerError(f"{len(gradients)} of its {_DEPTH} layers are used", "unused-layers")
    for k, gradient in enumerate(gradients.values(), start=1):
        if not torch.isfinite(gradient).all():
            message = f"the gradient of layer {k}'s outputs is not finite: it overflows"
            raise AnswerError(message, "not-finite")
        if not gradient.any():
            message = f"the gradient of layer {k}'s outputs is exactly 0"
            raise AnswerError(message, "zero")
    return gradients


def _require_truth(
    net: Network,
    points: Tensor,
    labels: Tensor,
    gradients: dict[str, Tensor],
    generator: torch.Generator,
) -> None:
    """Make sure that the gradients predict how the loss changes.

    Four times, every layer's output is moved in a random direction, by so little that each adds
    about as much to the change of the loss.

    **Raises:** `AnswerError` if they don't.
    """
    step = 1e-11  # In float64, so that the loss resolves the change
    for _ in range(4):
        moves = {
            name: torch.randn(g.shape, generator=generator, dtype=g.dtype) / g.norm()
            for name, g in gradients.items()
        }
        predicted = sum((move * gradients[name]).sum().item() for name, move in moves.items())
        up, down = (
            F.cross_entropy(net.trace(points, {n: s * m for n, m in moves.items()})[0], labels)
            for s in (step, -step)
        )
        if not abs((up - down).item() / (2 * step) - predicted) < 0.2:
            message = "the gradients that it reports aren't those of its outputs"
            raise AnswerError(message, "other-gradients")


@dataclass(frozen=True)
class ReachesTheFirstLayers:
    """Judge a network's gradients at the start, for three random starts."""

    seed: int = 0  # Of the starts, the points and the directions

    def redrawn(self, generator: torch.Generator) -> "ReachesTheFirstLayers":
        return replace(self, seed=int(torch.randint(2**31, (), generator=generator)))

    def __call__(self, answer: Any) -> Result:
        generator = torch.Generator().manual_seed(self.seed)
        first, *others = (build_network(answer, seed=self.seed + start) for start in range(3))
        _require_stack(first, generator)
        points, labels = _points(64, generator)
        gradients = _measure(first, points, labels)
        starts = [gradients, *(_measure(net, points, labels) for net in others)]
        result = _judge_norms([[g.norm().item() for g in start.values()] for start in starts])
        if result:
            _require_truth(first, points, labels, gradients, generator)
        return result


def _judge_norms(
    starts: list[list[float]],  # For each start, the norm of each layer's δ
) -> Result:
    """Judge whether the gradient at layer 2 is about as large as that at the last layer but one."""
    ratios = [norms[1] / norms[-2] for norms in starts]
    text = f"δ₂/δ₂₉ = {', '.join(f'{ratio:.1e}' for ratio in ratios)} at three starts"
    ratio = statistics.geometric_mean(ratios)
    if ratio < 1 / _FACTOR:
        return Result.wrong(f"{text}: it vanishes on the way to the first layers", "vanishes")
    if ratio > _FACTOR:
        return Result.wrong(f"{text}: it explodes on the way to the first layers", "explodes")
    least = min(range(1, _DEPTH - 1), key=starts[0].__getitem__)
    share = starts[0][least] / starts[0][-1]
    if share < 1 / _FACTOR**2:
        message = f"δ{least + 1}/δ{_DEPTH} = {share:.1e}: layer {least + 1} is hardly used"
        return Result.wrong(message, "hardly-used")
    return Result.right(f"right, {text}")


thirty = Exercise(
    id="3.6",
    slug="thirty",
    title="Thirty layers",
    judges={"my_network": ReachesTheFirstLayers()},
    hints=(
        "What does one layer multiply the gradient by? Typical slope × √(units × variance of a "
        "weight). Over thirty layers it should stay near 1.",
        "The section “How widely should the weights be spread?” shows which start belongs to which "
        "activation.",
        "With batch normalisation alone the gradient grows on the way back. A skip connection "
        "around each block keeps it in bounds for ReLU.",
    ),
    points=3,
)
