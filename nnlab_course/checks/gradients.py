"""The exercises on the vanishing gradient: factors, products, and cures"""

# A plain module, edited here.

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from nnlab_course.exercises import (
    Exercise,
    Mistake,
    Progress,
    Result,
    SameValue,
    as_tensor,
    build_network,
)
from nnlab_course.gradients import chain, chain_factors

__all__ = ["EXERCISES", "by_hand", "culprit", "depth", "explode", "progress", "thirty", "vanish"]

_CHAIN_X, _CHAIN_WEIGHTS = 2.0, (0.5, -1.0, 2.0)
_NODES = {name: v.item() for name, v in chain(_CHAIN_X, _CHAIN_WEIGHTS).items()}
_FACTORS = [v.item() for v in chain_factors(_CHAIN_X, _CHAIN_WEIGHTS).values()]
_SLOPES, _OTHERS = _FACTORS[::2], _FACTORS[1::2]


def _interleave(slopes: Sequence[float], others: Sequence[float]) -> list[float]:
    """Put six factors in the order of the exercise."""
    return [factor for pair in zip(slopes, others, strict=True) for factor in pair]


def _sigma(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def _sigma_slope(x: float) -> float:
    return _sigma(x) * (1 - _sigma(x))


_ACTIVATIONS = [_NODES[name] for name in ("y", "z2", "z1")]
_AT_ACTIVATIONS = [_sigma_slope(z) for z in _ACTIVATIONS]


# The gradient of another weight: the factors that lead there, times the input of that weight.
_OF_A_WEIGHT = {
    "w2": math.prod(_FACTORS[:3]) * _NODES["z1"],
    "w3": _FACTORS[0] * _NODES["z2"],
}


def _partial_product(number: int, derivative: str) -> Mistake:
    """Describe a product of the last `number` factors."""
    message = f"the product stops half-way: this is {derivative}; which factors lead on to y?"
    return Mistake("partial-product", message, math.prod(_FACTORS[-number:]))


by_hand = Exercise(
    id="3.1",
    slug="by-hand",
    title="The chain rule by hand",
    judges={
        "my_factors": SameValue(
            _FACTORS,
            (
                Mistake(
                    "reversed", "the factors are right, their order is from w₁ to y", _FACTORS[::-1]
                ),
                Mistake(
                    "value-for-slope",
                    "on the way up you took σ(a), the slope σ′(a) is asked for",
                    _interleave(_ACTIVATIONS, _OTHERS),
                ),
                Mistake(
                    "slope-at-activation",
                    "the slope is to be taken at the pre-activation a, you took it at z",
                    _interleave(_AT_ACTIVATIONS, _OTHERS),
                ),
                Mistake(
                    "weights-shifted",
                    "∂a₃/∂z₂ is w₃: your weights are shifted by one",
                    _interleave(_SLOPES, [-1.0, 0.5, 2.0]),
                ),
                Mistake(
                    "w1-for-x",
                    "a₁ = w₁ x: its derivative with respect to w₁ isn't w₁",
                    _interleave(_SLOPES, [2.0, -1.0, 0.5]),
                ),
                Mistake(
                    "bound-for-slope",
                    "0.25 is the largest slope there is; here each has its own",
                    _interleave([0.25] * 3, _OTHERS),
                ),
                Mistake("sign-of-weight", "w₂ is negative", _interleave(_SLOPES, [2.0, 1.0, 2.0])),
            ),
            atol=1e-3,
        ),
        "my_gradient": SameValue(
            math.prod(_FACTORS),
            (
                _partial_product(5, "∂a₃/∂w₁"),
                _partial_product(4, "∂z₂/∂w₁"),
                _partial_product(3, "∂a₂/∂w₁"),
                _partial_product(2, "∂z₁/∂w₁"),
                Mistake(
                    "weights-missing",
                    "these are the slopes alone; the weights belong to the product",
                    math.prod(_SLOPES),
                ),
                Mistake(
                    "slopes-missing",
                    "these are the weights and x alone; the slopes belong to the product",
                    math.prod(_OTHERS),
                ),
                Mistake(
                    "value-for-slope",
                    "on the way up you took σ(a), the slope σ′(a) is asked for",
                    math.prod(_interleave(_ACTIVATIONS, _OTHERS)),
                ),
                Mistake("sum-for-product", "this is the sum of the factors", sum(_FACTORS)),
                Mistake("other-weight", "this is ∂y/∂w₂", _OF_A_WEIGHT["w2"]),
                Mistake("other-weight", "this is ∂y/∂w₃", _OF_A_WEIGHT["w3"]),
                Mistake(
                    "bound-for-slope",
                    "this is the bound, with 0.25 for every slope",
                    math.prod(_interleave([0.25] * 3, _OTHERS)),
                ),
            ),
            rtol=1e-2,
        ),
    },
    hints=(
        "Go forward first: a₁, z₁, a₂, z₂, a₃, y, to four decimals. All slopes can be computed "
        "from them.",
        "The slope of the logistic is z (1 − z), with the z of that layer.",
        "Of the other three factors, two are weights. Which weight leads from z₂ to a₃? And what "
        "does w₁ multiply?",
    ),
    points=2,
)


def _first_below(bound: Callable[[int], float]) -> int:
    """Return the first depth at which the bound is below a millionth."""
    return next(n for n in range(1, 100) if bound(n) < 1e-6)


_CERTAIN = _first_below(lambda n: 0.25**n * 2 ** (n - 1))

depth = Exercise(
    id="3.2",
    slug="depth",
    title="How deep is a millionth?",
    judges={
        "my_depth": SameValue(
            _CERTAIN,
            (
                Mistake(
                    "one-weight-too-many",
                    "w₁ itself is no factor of the gradient with respect to it",
                    _first_below(lambda n: 0.5**n),
                ),
                Mistake(
                    "weights-missing",
                    "that would be enough without the weights; each can be as large as 2",
                    _first_below(lambda n: 0.25**n),
                ),
                Mistake(
                    "one-slope-too-few",
                    "the output layer has a slope, too",
                    _first_below(lambda n: 0.5 ** (n - 1)),
                ),
                Mistake(
                    "weights-and-slope-missing",
                    "the weights are missing, and the slope of the output layer",
                    _first_below(lambda n: 0.25 ** (n - 1)),
                ),
                Mistake(
                    "not-yet-below",
                    "at this depth the bound is still above a millionth",
                    _CERTAIN - 1,
                ),
                Mistake("not-whole", "a depth is a whole number", math.log2(1e6) - 1),
            ),
            atol=0.005,
            rtol=0.0,
        )
    },
    hints=(
        "The bound is a product: one 0.25 for every slope, one 2 for every weight in it.",
        "A chain of n layers has n slopes. How many weights stand in the gradient of the first "
        "one?",
        "Write the bound as a power of 2, and compare it with 2^(−20), which is just below a "
        "millionth.",
    ),
    points=1,
)


_DEAD = chain_factors(-1.0, (-2.0, 0.5, 3.0, -1.0, -0.5), torch.relu)
_CULPRIT = next(int(name[-1]) for name, factor in _DEAD.items() if "/da" in name and factor == 0)

culprit = Exercise(
    id="3.3",
    slug="culprit",
    title="Which weight kills it?",
    judges={
        "my_culprit": SameValue(
            _CULPRIT,
            (
                Mistake("two-negatives", "w₁ is negative, but so is x: what is a₁?", 1),
                Mistake("positive", "a₂ is positive there: z₁ is, and w₂ is", 2),
                Mistake("positive", "a₃ is positive there (weights are counted from 1)", 3),
                Mistake("logistic-output", "the output is logistic: its slope is never 0", 5),
                Mistake(
                    "value-for-number", "this is the weight itself; its number is asked for", -1
                ),
                Mistake("counted-from-zero", "weights are counted from 1", 0),
            ),
            atol=0.0,
            rtol=0.0,
        )
    },
    hints=(
        "ReLU has the slope 0 where its pre-activation is negative. Follow the signs.",
        "Write + or − under a₁, a₂, a₃ … until you meet the first −.",
    ),
    points=1,
)


def _gradient_of_chain(
    weights: Any,  # The answer, a list of weights
    max_depth: int,  # At most so many of them
    size: tuple[float, float],  # Every |w| must be within these, ends included
) -> tuple[float, dict[str, float]] | Result:  # |dy/dw1| and the nodes, or what is wrong
    """Compute the gradient of a logistic chain with x = 2, unless the limits are broken."""
    weights = as_tensor(weights)
    if weights.ndim != 1 or len(weights) == 0:
        return Result.wrong("give a list of weights, from the input to the output", "not-a-list")
    if len(weights) > max_depth:
        message = f"{len(weights)} weights, at most {max_depth} are allowed"
        return Result.wrong(message, "too-many-weights")
    for k, w in enumerate(weights.abs().tolist(), start=1):
        if not size[0] <= w <= size[1]:
            message = f"|w{k}| = {w:.4g} is not within {size[0]:g} and {size[1]:g}"
            return Result.wrong(message, "weight-out-of-range")
    factors = chain_factors(2.0, weights).values()
    nodes = {name: value.item() for name, value in chain(2.0, weights).items()}
    return abs(math.prod(factor.item() for factor in factors)), nodes


def _vanishes(answer: Any) -> Result:
    """Judge whether 0 < |dy/dw1| < 1e-8."""
    found = _gradient_of_chain(answer, max_depth=12, size=(0.5, 2))
    if isinstance(found, Result):
        return found
    gradient, nodes = found
    text = f"|dy/dw1| = {gradient:.1e}"
    if 0 < gradient < 1e-8:
        return Result.right(f"right, {text}")
    if gradient == 0:
        return Result.wrong(f"{text}: it is exactly 0, so it didn't vanish, it was cut", "zero")
    layers = (len(nodes) - 1) // 3
    if layers < 12:
        advice = f"{layers} layers, and twelve are allowed"
        return Result.wrong(f"{text} is too large: {advice}", "too-shallow")
    advice = "weights above 1 hold it up, as long as they don't saturate a layer"
    return Result.wrong(f"{text} is too large: {advice}", "weights-too-large")


vanish = Exercise(
    id="3.4",
    slug="vanish",
    title="Make it vanish",
    judges={"my_small_weights": _vanishes},
    hints=(
        "Every layer brings a slope of at most 0.25. How many layers are allowed, and how small "
        "may "
        "a weight be?",
        "Depth: small weights in many layers. Saturation: large weights, whose pre-activations are "
        "large.",
        "Take the same weight in every layer, and look at what the check measures for a few of "
        "them.",
    ),
    points=2,
)


def _explodes(answer: Any) -> Result:
    """Judge whether |dy/dw1| > 1."""
    found = _gradient_of_chain(answer, max_depth=5, size=(0, 20))
    if isinstance(found, Result):
        return found
    gradient, nodes = found
    text = f"|dy/dw1| = {gradient:.1e}"
    if gradient > 1:
        return Result.right(f"right, {text}")
    layers = (len(nodes) - 1) // 3
    text += " is too small"
    if layers > 1 and max(abs(nodes[f"w{k}"]) for k in range(2, layers + 1)) <= 4:
        advice = "with |w| ≤ 4, a weight times a slope of at most 0.25 never exceeds 1"
        return Result.wrong(f"{text}: {advice}", "weights-too-small")
    for k in range(1, layers + 1):
        a = nodes[f"a{k}"]
        if abs(a) > 6:
            return Result.wrong(f"{text}: a{k} = {a:.3g} saturates its layer", "saturated")
        if a > 1 and k < layers:
            advice = f"a{k} = {a:.3g} is positive, so that z{k} is near 1, and 1 − z{k} is small"
            return Result.wrong(f"{text}: {advice}", "positive-pre-activation")
    sizes = {k: abs(nodes[f"a{k}"]) * (1 - nodes[f"z{k - 1}"]) for k in range(2, layers + 1)}
    k = min(sizes, key=sizes.get, default=1)
    advice = (
        f"look at layer {k}, where |w{k} σ′(a{k - 1})| = {sizes[k]:.2g}" if sizes else "go deeper"
    )
    return Result.wrong(f"{text}: {advice}", "too-small")


explode = Exercise(
    id="3.5",
    slug="explode",
    title="Make it explode",
    judges={"my_large_weights": _explodes},
    hints=(
        "Show first that w_k σ′(a_{k−1}) = a_k (1 − z_{k−1}). When is this larger than 1?",
        "1 − z is near 1 where the pre-activation is negative: so which sign should the weights "
        "have? "
        "All activations are positive, and so is x.",
        "The first layer is different: σ′(a₁) x has no weight to help it, so a₁ must not saturate.",
    ),
    points=3,
)


def _ratio(answer: Any, seed: int) -> float | Result:
    """Return first / last gradient norm for one start, or what is wrong with the network."""
    net = build_network(answer, seed=seed)
    linear = [layer.name for layer in net.layers() if layer.kind == "Linear"]
    if len(linear) < 30:
        message = f"{len(linear)} linear layers, 30 are asked for"
        return Result.wrong(message, "too-few-layers")
    inputs = torch.randn(64, 2, generator=torch.Generator().manual_seed(seed))
    shape = tuple(net.outputs(inputs).shape)
    if shape != (64, 2):
        return Result.wrong(f"64 points come out as {shape}, asked for is (64, 2)", "shape")
    gradients = net.gradients(inputs, (inputs.norm(dim=1) > 1.2).long())
    first, last = (
        torch.cat(
            [g.flatten() for name, g in gradients.items() if name.rpartition(".")[0] == layer]
        )
        for layer in (linear[0], linear[-1])
    )
    return (first.norm() / last.norm()).item()


def _reaches_the_first_layer(answer: Any) -> Result:
    """Judge whether first and last gradient norm differ by less than a factor of 10."""
    ratios = []
    for seed in range(3):
        ratio = _ratio(answer, seed)
        if isinstance(ratio, Result):
            return ratio
        ratios.append(ratio)
    text = "first / last gradient norm " + ", ".join(f"{ratio:.1e}" for ratio in ratios)
    if not all(map(math.isfinite, ratios)):
        return Result.wrong(f"{text}: no gradient arrives, or one overflows", "not-finite")
    if min(ratios) < 0.1:
        return Result.wrong(f"{text}: it vanishes on the way to the first layer", "vanishes")
    if max(ratios) > 10:
        return Result.wrong(f"{text}: it explodes on the way to the first layer", "explodes")
    return Result.right(f"right, {text}")


thirty = Exercise(
    id="3.6",
    slug="thirty",
    title="Thirty layers",
    judges={"my_network": _reaches_the_first_layer},
    hints=(
        "What is the factor of one layer: slope × √(units × variance of a weight)? It should be "
        "near 1, "
        "for 30 layers.",
        "The section “Activation and initialisation” shows which start belongs to which "
        "activation.",
        "With batch normalisation and ReLU the gradient grows on the way back. A skip connection "
        "round "
        "each block helps there.",
    ),
    points=3,
)


EXERCISES = (by_hand, depth, culprit, vanish, explode, thirty)
progress = partial(Progress, EXERCISES)
