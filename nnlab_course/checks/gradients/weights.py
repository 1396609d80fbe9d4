"""Exercises 3.4 and 3.5: weights that make a chain's gradient vanish, or explode"""

# A plain module, edited here.

import math
from typing import Any

from torch import Tensor

from nnlab_course.exercises import AnswerError, Exercise, Result, as_tensor
from nnlab_course.gradients import chain, chain_factors


def _read_weights(
    answer: Any,  # A list of numbers
    most: int,  # So many at most
    size: tuple[float, float],  # Smallest and largest allowed |w|
) -> Tensor:  # float64
    """Read the weights of a chain.

    **Raises:** `AnswerError` if they are no list of numbers, too many, or out of range.
    """
    weights = as_tensor(answer)
    if weights.ndim != 1 or len(weights) == 0:
        raise AnswerError("give a list of numbers, from the first weight to the last", "not-a-list")
    if len(weights) > most:
        raise AnswerError(f"{len(weights)} weights; give at most {most}", "too-many-weights")
    for k, w in enumerate(weights.abs().tolist(), start=1):
        if not size[0] <= w <= size[1]:
            message = f"|w{k}| = {w:.4g}; give each |w| from {size[0]:g} to {size[1]:g}"
            raise AnswerError(message, "weight-out-of-range")
    return weights


def _layer_factors(
    weights: Tensor,  # From the first to the last
) -> list[float]:  # |w_k σ′(z_{k-1})| for k = 2, 3, ...
    """Compute what each layer after the first one multiplies the gradient by."""
    nodes = chain(2.0, weights)
    slopes = [nodes[f"a{k}"].item() * (1 - nodes[f"a{k}"].item()) for k in range(1, len(weights))]
    return [abs(w) * slope for w, slope in zip(weights[1:].tolist(), slopes, strict=True)]


def _first_gradient(weights: Tensor) -> float:
    """Compute |dy/dw1| for a logistic chain with x = 2."""
    return abs(math.prod(factor.item() for factor in chain_factors(2.0, weights).values()))


def _vanishes(answer: Any) -> Result:
    """Judge whether 0 < |dy/dw1| < 1e-8."""
    weights = _read_weights(answer, most=12, size=(0.5, 10))
    gradient = _first_gradient(weights)
    text = f"|dy/dw1| = {gradient:.1e}"
    if 0 < gradient < 1e-8:
        return Result.right(f"right, {text}")
    if len(weights) < 12:
        advice = f"you use {len(weights)} layers, and twelve are allowed"
        return Result.wrong(f"{text} is not below 1e-8: {advice}", "too-shallow")
    factors = _layer_factors(weights)
    k = max(range(len(factors)), key=factors.__getitem__) + 2
    advice = (
        f"layer {k} has the largest factor, |w{k} σ′(z{k - 1})| = {factors[k - 2]:.2g}. A smaller "
        f"weight there lowers it, and so does a layer {k - 1} that is saturated"
    )
    return Result.wrong(f"{text} is not below 1e-8: {advice}", "factors-too-large")


vanish = Exercise(
    id="3.4",
    slug="vanish",
    title="Make it vanish",
    judges={"my_small_weights": _vanishes},
    hints=(
        "Every layer brings a slope of at most 0.25. How many layers are allowed, and how small "
        "may a weight be?",
        "By depth: small weights in many layers. By saturation: large weights, which make large "
        "pre-activations.",
        "Use the same weight in every layer, and see what the check measures for a few values.",
    ),
    points=2,
)


def _explodes(answer: Any) -> Result:
    """Judge whether |dy/dw1| > 1."""
    weights = _read_weights(answer, most=5, size=(0, 20))
    gradient = _first_gradient(weights)
    text = f"|dy/dw1| = {gradient:.1e}"
    if gradient > 1:
        return Result.right(f"right, {text}")
    advice, mistake = _why_too_small(weights)
    return Result.wrong(f"{text} is not above 1: {advice}", mistake)


def _why_too_small(weights: Tensor) -> tuple[str, str]:
    """Say what keeps the gradient small, and name the mistake."""
    if len(weights) > 1 and weights[1:].abs().max() <= 4:
        return "with |w| ≤ 4, a weight times a slope is at most 1", "weights-too-small"
    for k, weight in enumerate(weights[1:].tolist(), start=2):
        if weight == 0:
            return f"w{k} is 0, and no gradient passes it", "zero-weight"
    nodes = {name: value.item() for name, value in chain(2.0, weights).items()}
    for k in range(1, len(weights) + 1):
        z = nodes[f"z{k}"]
        if abs(z) > 6:
            return f"z{k} = {z:.3g} saturates layer {k}", "saturated"
        if z > 1 and k < len(weights):
            advice = f"z{k} = {z:.3g} is positive, so that a{k} is near 1 and 1 − a{k} is small"
            return advice, "positive-pre-activation"
    factors = dict(enumerate(_layer_factors(weights), start=2))
    k = min(factors, key=factors.get, default=1)
    if factors and factors[k] < 1:
        return f"layer {k} shrinks it, |w{k} σ′(z{k - 1})| = {factors[k]:.2g}", "layer-shrinks"
    if len(weights) < 5:
        return "no layer after the first one shrinks it, so go deeper", "too-shallow"
    return f"layers 2 to 5 multiply it by {math.prod(factors.values()):.2g} only", "too-small"


explode = Exercise(
    id="3.5",
    slug="explode",
    title="Make it explode",
    judges={"my_large_weights": _explodes},
    hints=(
        "Show first that w_k σ′(z_{k−1}) = z_k (1 − a_{k−1}). When is this larger than 1?",
        "1 − a is near 1 where the pre-activation is negative. All activations are positive, and "
        "so is x: which sign should the weights have?",
        "The first layer is different: σ′(z₁) x has no weight to help it, so z₁ must not saturate.",
    ),
    points=3,
)
